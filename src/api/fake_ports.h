// Fake ports for tests of the API: one stack "shop" whose answers a test sets by hand. A call that
// the test did not expect fails it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "api/ports.h"
#include "async/channel.h"
#include "async/event.h"
#include "async/loop.h"

namespace shore::api {

class FakeStacks final : public Stacks {
 public:
    explicit FakeStacks(async::Loop& loop) : down_allowed(loop), loop_(loop) {}

    static StackStatus shop() {
        StackStatus stack{.name = "shop", .directory = "/srv/shop", .release = 3};
        stack.urls = {"http://localhost:8080/"};
        ServiceStatus api{.name = "api", .desired = 1, .ready = 1};
        model::Instance one;
        one.id = "api-7";
        one.stack = "shop";
        one.service = "api";
        one.slot = 1;
        one.release = 3;
        one.state = model::InstanceState::kRunning;
        one.pid = 4711;
        one.port = 20001;
        one.restarts = 2;
        one.started_at = WallTime(std::chrono::seconds(1'700'000'000));
        api.instances = {one};
        stack.services = {api, ServiceStatus{.name = "web", .is_static = true}};
        return stack;
    }

    std::vector<StackStatus> status() const override { return stacks; }

    Result<std::unique_ptr<ProgressStream>> watch(std::string_view stack) override {
        EXPECT_EQ(stack, "shop");
        auto stream = std::make_unique<Stream>(loop_);
        watcher = &stream->reports;
        for (Progress& report : std::exchange(first_reports, {})) {
            EXPECT_TRUE(stream->reports.try_push(std::move(report)));
        }
        return stream;
    }
    async::Task<std::expected<Accepted, Rejection>> deploy(DeployRequest request) override {
        deploys.push_back(request);
        if (rejection) {
            co_return std::unexpected(*rejection);
        }
        co_return Accepted{.stack = "shop", .release = 4, .changed = true, .notes = notes};
    }
    async::Task<std::expected<Plan, Rejection>> plan(DeployRequest request) override {
        plans.push_back(std::move(request));
        co_return Plan{
            .stack = "shop",
            .release = 4,
            .changed = true,
            .changes = {{"services.api.deploy.replicas", config::ChangeKind::kChanged, "1", "2"}},
            .steps = {{"start", "api", "api (new)", "start api, replica 2"}},
            .warnings = {},
            .notes = {}};
    }
    async::Task<Result<Accepted>> rollback(std::string stack,
                                           std::optional<uint64_t> release) override {
        if (release == 99) {
            co_return fail(ErrorCode::kNotFound, "stack {} has no release 99", stack);
        }
        calls.push_back(fmt::format("rollback {} {}", stack, release.value_or(0)));
        co_return Accepted{.stack = stack, .release = 4, .changed = true, .notes = {}};
    }
    async::Task<Result<void>> scale(std::string stack,
                                    std::map<std::string, uint32_t> replicas) override {
        for (const auto& [service, count] : replicas) {
            calls.push_back(fmt::format("scale {} {}={}", stack, service, count));
        }
        co_return Result<void>();
    }
    async::Task<Result<void>> restart(std::string stack,
                                      std::vector<std::string> services) override {
        co_return note("restart", stack, services);
    }
    async::Task<Result<void>> stop(std::string stack, std::vector<std::string> services) override {
        co_return note("stop", stack, services);
    }
    async::Task<Result<void>> start(std::string stack, std::vector<std::string> services) override {
        co_return note("start", stack, services);
    }
    async::Task<Result<void>> down(std::string stack, Volumes volumes) override {
        calls.push_back(
            fmt::format("down {}{}", stack, volumes == Volumes::kRemove ? " with volumes" : ""));
        co_await down_allowed.wait();
        stacks.clear();
        calls.push_back("down ended");
        co_return Result<void>();
    }
    async::Task<Result<std::vector<model::Release>>> releases(std::string stack,
                                                              uint32_t limit) override {
        std::vector<model::Release> all;
        for (uint64_t number = 3; number >= 1 && all.size() < limit; --number) {
            all.push_back({.stack = stack,
                           .number = number,
                           .manifest = "name: shop\nservices: {}\n",
                           .digest = "abc",
                           .status = number == 3 ? model::ReleaseStatus::kActive
                                                 : model::ReleaseStatus::kSuperseded,
                           .origin = "up"});
        }
        co_return all;
    }
    async::Task<Result<model::Release>> release(std::string stack, uint64_t number) override {
        auto all = co_await releases(std::move(stack), UINT32_MAX);
        for (model::Release& release : *all) {
            if (release.number == number) {
                co_return std::move(release);
            }
        }
        co_return fail(ErrorCode::kNotFound, "there is no release {}", number);
    }
    async::Task<Result<std::vector<config::Change>>> diff(std::string stack, uint64_t from,
                                                          uint64_t to) override {
        calls.push_back(fmt::format("diff {} {} {}", stack, from, to));
        co_return std::vector<config::Change>{
            {"services.api.image", config::ChangeKind::kAdded, "", "x"}};
    }

    std::vector<StackStatus> stacks{shop()};
    std::vector<Progress> first_reports;
    async::Channel<Progress>* watcher = nullptr;  ///< Of the newest watch; valid while it is open.
    std::optional<Rejection> rejection;
    std::vector<config::Note> notes;
    std::vector<DeployRequest> deploys;
    std::vector<DeployRequest> plans;
    std::vector<std::string> calls;
    async::Event down_allowed;  ///< down() waits for it.

 private:
    struct Stream final : ProgressStream {
        explicit Stream(async::Loop& loop) : reports(loop, 100) {}
        async::Task<std::optional<Progress>> next() override { return reports.pop(); }
        async::Channel<Progress> reports;
    };
    Result<void> note(std::string_view verb, const std::string& stack,
                      const std::vector<std::string>& services) {
        calls.push_back(fmt::format("{} {} {}", verb, stack, fmt::join(services, ",")));
        return {};
    }
    async::Loop& loop_;
};

class FakeLogs final : public Logs {
 public:
    explicit FakeLogs(async::Loop& loop) : loop_(loop) {}
    std::unique_ptr<LogStream> open(LogQuery query) override {
        queries.push_back(query);
        return std::make_unique<Stream>(loop_, query.follow, batches);
    }
    std::vector<LogQuery> queries;
    std::vector<std::vector<std::string>> batches;

 private:
    struct Stream final : LogStream {
        Stream(async::Loop& loop, bool follow, std::vector<std::vector<std::string>> lines)
            : follows(follow), batches(lines.begin(), lines.end()), never(loop) {}
        async::Task<Result<std::vector<std::string>>> next() override {
            if (batches.empty() && follows) {
                co_await never.wait();
            }
            if (batches.empty()) {
                co_return std::vector<std::string>();
            }
            auto batch = std::move(batches.front());
            batches.pop_front();
            co_return batch;
        }
        bool follows;
        std::deque<std::vector<std::string>> batches;
        async::Event never;
    };
    async::Loop& loop_;
};

class FakeExec final : public Exec {
 public:
    explicit FakeExec(async::Loop& loop) : allowed(loop) {}
    async::Task<Result<int32_t>> run(
        ExecRequest request, std::function<void(ExecStream, std::string_view)> output) override {
        requests.push_back(request);
        struct Running {
            int& count;
            ~Running() { --count; }
        } guard{running};
        ++running;
        if (request.command.front() == "missing") {
            co_return fail(ErrorCode::kNotFound, "missing: no such program in PATH");
        }
        output(ExecStream::kStdout, "out\n");
        output(ExecStream::kStderr, std::string_view("\xff\0", 2));
        co_await allowed.wait();
        co_return 3;
    }
    std::vector<ExecRequest> requests;
    int running = 0;
    async::Event allowed;
};

class FakeCertificates final : public Certificates {
 public:
    async::Task<Result<std::vector<CertificateStatus>>> list() override {
        co_return std::vector<CertificateStatus>{{.file = "/tls/server.pem",
                                                  .state = "valid",
                                                  .is_private = true,
                                                  .names = {"localhost"},
                                                  .issuer = "CN=Shore private authority",
                                                  .key = "ECDSA P-256",
                                                  .fingerprint = "00ff"}};
    }
    async::Task<Result<uint32_t>> renew() override { co_return ++renewals; }
    async::Task<Result<std::string>> authority() override { co_return "PEM\n"; }
    async::Task<Result<std::string>> trust() override {
        co_return fail(ErrorCode::kPermission, "needs root");
    }
    uint32_t renewals = 0;
};

class FakeGateway final : public Gateway {
 public:
    async::Task<Result<wire::Json>> routes() override {
        co_return wire::Json::object().set("routes", wire::Json::array());
    }
    async::Task<Result<wire::Json>> explain(wire::Json request) override {
        asked = std::move(request);
        if (asked["url"].text() == "https://nowhere.test/") {
            co_return fail(ErrorCode::kNotFound, "nothing listens there");
        }
        co_return wire::Json::object()
            .set("method", "GET")
            .set("url", asked["url"])
            .set("client", "127.0.0.1")
            .set("listener", "http://:8080")
            .set("candidates", wire::Json::array())
            .set("status", 404)
            .set("outcome", "no route is for this host here");
    }
    async::Task<Result<wire::Json>> cache_status() override {
        co_return wire::Json::object()
            .set("tiers", wire::Json::array())
            .set("routes", wire::Json::array());
    }
    async::Task<Result<wire::Json>> purge_cache(wire::Json purge) override {
        asked = std::move(purge);
        co_return wire::Json::object().set("purged", 7);
    }
    async::Task<Result<wire::Json>> traffic(uint64_t) override {
        co_return wire::Json::object().set("seconds", 10.5).set("routes", wire::Json::array());
    }
    wire::Json asked;
};

class FakeDaemon final : public Daemon {
 public:
    std::string version() const override { return "0.1.0"; }
    WallTime started_at() const override { return WallTime(std::chrono::seconds(1'700'000'000)); }
    std::string state_directory() const override { return "/var/lib/shore"; }
    Result<void> ready() const override {
        if (!is_ready) {
            return fail(ErrorCode::kUnavailable, "the gateway does not answer yet");
        }
        return {};
    }
    async::Task<std::string> metrics() override { co_return "# TYPE shore_up gauge\nshore_up 1\n"; }
    async::Task<Result<int>> upgrade_gateway() override { co_return 4711; }
    Result<void> upgrade() override { return {}; }
    void shut_down() override { ended = true; }
    bool is_ready = true;
    bool ended = false;
};

}  // namespace shore::api
