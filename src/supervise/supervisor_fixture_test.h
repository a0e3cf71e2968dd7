// SupervisorTest: a supervisor on a real loop with real processes, in a temporary state directory.
#pragma once

#include <climits>
#include <csignal>

#include <gtest/gtest.h>
#include <unistd.h>

#include "async/block_on.h"
#include "async/deadline.h"
#include "async/loop.h"
#include "async/worker_pool.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/process.h"
#include "os/process_stats.h"
#include "os/reaper.h"
#include "supervise/supervisor.h"

namespace shore::supervise {

class KeptEvents final : public model::EventSink {
 public:
    void record(model::Event event) override { events.push_back(std::move(event)); }
    /// The messages of one kind.
    std::vector<std::string> of(std::string_view kind) const {
        std::vector<std::string> messages;
        for (const model::Event& event : events) {
            if (event.kind == kind) {
                messages.push_back(event.message);
            }
        }
        return messages;
    }
    std::vector<model::Event> events;
};

class SupervisorTest : public testing::Test {
 protected:
    SupervisorTest()
        : directory_(std::move(*os::TemporaryDirectory::create())),
          loop_(std::move(*async::Loop::open(clock_))),
          workers_("test", 1) {
        while (os::reap_any()) {  // Shims of tests whose "daemon" went without a word.
        }
        start_daemon();
    }
    ~SupervisorTest() override {
        for (const model::Instance& instance : supervisor_->instances()) {
            run(supervisor_->kill(key(instance.id)));
        }
        supervisor_.reset();
        workers_.stop();
    }

    /// A new supervisor on the same state, as a new daemon has it; the one before is gone without a
    /// word.
    void start_daemon() {
        char path[PATH_MAX];
        const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
        supervisor_.reset();
        supervisor_ = std::make_unique<Supervisor>(
            *loop_, workers_, random_, events_,
            SupervisorOptions{.run_directory = directory_.file("run"),
                              .log_directory = directory_.file("logs"),
                              .volume_directory = directory_.file("volumes"),
                              .program = std::string(path, static_cast<size_t>(length)),
                              .environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}},
                              .provider = provider_,
                              .listen_timeout = listen_timeout_});
    }

    template <class T>
    T run(async::Task<T> task) {
        return async::block_on(*loop_, std::move(task));
    }
    /// Turns the loop until `condition` holds; false when it does not within a minute.
    bool wait_until(const std::function<bool()>& condition) { return run(poll(*loop_, condition)); }
    bool wait_for_state(const std::string& id, model::InstanceState state) {
        const bool reached = wait_until([&] { return get(id).state == state; });
        EXPECT_TRUE(reached) << id << " is " << to_string(get(id).state) << ": " << get(id).reason;
        return reached;
    }
    model::Instance get(const std::string& id) {
        return supervisor_->find(key(id)).value_or(model::Instance{});
    }
    static std::string key(const std::string& id) { return instance_key("shop", id); }

    static InstanceOrder shell(std::string id, std::string script) {
        InstanceOrder order{.id = std::move(id), .stack = "shop"};
        order.service.name = order.id.substr(0, order.id.rfind('-'));
        order.service.command = {"/bin/sh", "-c", std::move(script)};
        order.service.working_dir = "/tmp";
        order.service.stop_grace_period = std::chrono::seconds(5);
        return order;
    }
    std::string log_text(const std::string& id) {
        const std::string service = id.substr(0, id.rfind('-'));
        return os::read_file(directory_.file(fmt::format("logs/shop/{}/{}.log", service, id)),
                             Bytes::mib(64))
            .value_or("");
    }
    /// True when no process names this test's state directory or has `word` in its arguments.
    static bool process_exists(pid_t pid) {
        const auto stats = os::process_stats(pid);
        return stats && stats->state != 'Z';
    }
    std::string run_file(const std::string& id, const char* name) {
        return directory_.file(fmt::format("run/shop/{}/{}", id, name));
    }

    base::SystemClock clock_;
    base::Random random_{static_cast<uint64_t>(::getpid())};
    KeptEvents events_;
    os::TemporaryDirectory directory_;
    std::unique_ptr<async::Loop> loop_;
    async::WorkerPool workers_;
    Provider* provider_ = nullptr;
    Duration listen_timeout_ = std::chrono::seconds(30);
    std::unique_ptr<Supervisor> supervisor_;

 private:
    static async::Task<bool> poll(async::Loop& loop, const std::function<bool()>& condition) {
        const SteadyTime by = loop.now() + std::chrono::seconds(60);
        while (!condition()) {
            if (loop.now() >= by) {
                co_return false;
            }
            co_await async::sleep_for(loop, std::chrono::milliseconds(5));
        }
        co_return true;
    }
};

}  // namespace shore::supervise
