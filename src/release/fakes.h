// For the tests of this room: a runtime and a gateway that do what they are told, step by step, and
// abort when they are misused: an instance id used twice, an instance stopped while the gateway
// sends it requests, a version that does not grow.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "async/event.h"
#include "base/assert.h"
#include "release/ports.h"

namespace shore::release {

/// The gateway: acknowledges at its next step. `busy` endpoints keep their requests.
class FakeGateway final : public Gateway {
 public:
    explicit FakeGateway(async::Loop& loop) : stepped_(loop) {}

    std::optional<model::Snapshot> latest() const override { return applied_; }
    async::Task<Result<Applied>> apply(model::Snapshot snapshot) override {
        if (applied_) {
            SHORE_ASSERT(snapshot.version > applied_->version);
        }
        co_await stepped_.wait();
        if (away) {
            co_return fail(ErrorCode::kUnavailable, "the gateway does not answer");
        }
        applied_ = snapshot;
        ++applied_count;
        co_return Applied{snapshot.version, listen_errors};
    }
    async::Task<Result<void>> drained(std::string endpoint, async::Deadline) override {
        do {
            co_await stepped_.wait();
        } while (busy.contains(endpoint));
        co_return Result<void>();
    }
    void step() { stepped_.pulse(); }

    bool serves(const std::string& endpoint) const {
        if (!applied_) {
            return false;
        }
        for (const model::Upstream& upstream : applied_->upstreams) {
            for (const model::Endpoint& it : upstream.endpoints) {
                if (it.instance == endpoint && !it.draining) {
                    return true;
                }
            }
        }
        return false;
    }

    std::set<std::string> busy;
    std::vector<std::string> listen_errors;
    bool away = false;
    size_t applied_count = 0;

 private:
    std::optional<model::Snapshot> applied_;
    async::Event stepped_;
};

/// Processes whose first word of the command says what becomes of them: "good" runs, "crash" ends
/// at once, "never" does not get healthy, "once" completes, "refuse" cannot be started, "late"
/// crashes five seconds after it was healthy.
class FakeRuntime final : public Runtime {
 public:
    FakeRuntime(const base::Clock& clock, const FakeGateway& gateway)
        : clock_(clock), gateway_(gateway) {}

    async::Task<Result<void>> start(StartOrder order) override {
        const std::string key = order.stack + "/" + order.instance;
        SHORE_ASSERT(used_.insert(key).second);
        if (order.spec.command.front() == "refuse") {
            co_return fail(ErrorCode::kExhausted, "no port is free in 20000..29999");
        }
        Process process{.order = order};
        process.instance = {.id = order.instance,
                            .stack = order.stack,
                            .service = order.spec.name,
                            .slot = order.slot,
                            .release = order.release,
                            .digest = order.digest,
                            .state = model::InstanceState::kStarting,
                            .pid = next_pid_,
                            .port = static_cast<uint16_t>(next_pid_++),
                            .started_at = clock_.wall_now(),
                            .changed_at = clock_.wall_now()};
        processes_.emplace(key, std::move(process));
        ++starts;
        changed(order.stack);
        co_return Result<void>();
    }
    async::Task<Result<void>> stop(std::string stack, std::string instance) override {
        const std::string key = stack + "/" + instance;
        const auto found = processes_.find(key);
        SHORE_ASSERT(found != processes_.end());
        // The gateway would still send it requests.
        SHORE_ASSERT(found->second.instance.state != model::InstanceState::kRunning ||
                     !gateway_.serves(key));
        ++stops;
        enter(found->second, model::InstanceState::kStopping);
        co_return Result<void>();
    }
    Result<void> adopt(const StartOrder& order) override {
        Process& process = processes_.at(order.stack + "/" + order.instance);
        SHORE_ASSERT(process.instance.digest == order.digest);
        process.instance.release = order.release;
        return {};
    }
    void forget(std::string_view stack, std::string_view instance) override {
        const auto found = processes_.find(std::string(stack) + "/" + std::string(instance));
        SHORE_ASSERT(found != processes_.end());
        SHORE_ASSERT(!model::is_live(found->second.instance.state));
        processes_.erase(found);
    }
    std::vector<model::Instance> instances(std::string_view stack) const override {
        std::vector<model::Instance> all;
        for (const auto& [key, process] : processes_) {
            if (process.instance.stack == stack) {
                all.push_back(process.instance);
            }
        }
        return all;
    }
    std::vector<std::string> last_output(std::string_view, std::string_view) const override {
        return {"Traceback: no module named shop"};
    }
    async::Task<Result<void>> remove_stack(std::string stack, bool with_volumes) override {
        SHORE_ASSERT(instances(stack).empty());
        removed.push_back(stack + (with_volumes ? " and volumes" : ""));
        co_return Result<void>();
    }

    void step() {
        for (auto& [key, process] : processes_) {
            live_on(process);
        }
    }
    void set_state(const std::string& key, model::InstanceState state) {
        enter(processes_.at(key), state);
    }
    uint32_t count(std::string_view service,
                   model::InstanceState state = model::InstanceState::kRunning) const {
        uint32_t count = 0;
        for (const auto& [key, process] : processes_) {
            count += process.instance.service == service && process.instance.state == state;
        }
        return count;
    }

    std::function<void(const std::string&)> on_change;
    std::vector<std::string> removed;
    bool fail_from_now_on = false;  ///< Whatever is starting crashes.
    size_t starts = 0;
    size_t stops = 0;

 private:
    struct Process {
        StartOrder order;
        model::Instance instance;
    };
    void changed(const std::string& stack) {
        if (on_change) {
            on_change(stack);
        }
    }
    void enter(Process& process, model::InstanceState state) {
        process.instance.state = state;
        process.instance.changed_at = clock_.wall_now();
        changed(process.instance.stack);
    }
    void live_on(Process& process) {
        const std::string& kind = process.order.spec.command.front();
        model::Instance& it = process.instance;
        switch (it.state) {
            case model::InstanceState::kStarting:
                if (kind == "crash" || fail_from_now_on) {
                    it.exit_code = 1;
                    it.reason = "exited with 1";
                    enter(process, model::InstanceState::kBackoff);
                } else if (kind != "never") {
                    enter(process, model::InstanceState::kRunning);
                }
                break;
            case model::InstanceState::kRunning:
                if (kind == "once") {
                    enter(process, model::InstanceState::kCompleted);
                } else if (kind == "late" &&
                           clock_.wall_now() - it.changed_at > std::chrono::seconds(5)) {
                    it.reason = "exited with 1";
                    enter(process, model::InstanceState::kBackoff);
                }
                break;
            case model::InstanceState::kBackoff:
                ++it.restarts;
                enter(process, model::InstanceState::kStarting);
                break;
            case model::InstanceState::kStopping:
                enter(process, model::InstanceState::kStopped);
                break;
            default:
                break;
        }
    }

    const base::Clock& clock_;
    const FakeGateway& gateway_;
    std::map<std::string, Process> processes_;
    std::set<std::string> used_;
    int32_t next_pid_ = 20'000;
};

}  // namespace shore::release
