// The agent's HTTP interface against a scripted server.
#include "engines/control.h"

#include <gtest/gtest.h>

#include "async/block_on.h"
#include "async/loop.h"
#include "engines/table.h"
#include "net/http_client.h"
#include "os/directory.h"

namespace shore::engines {
namespace {

using wire::Json;

class ScriptedServer final : public Server {
 public:
    async::Task<Result<void>> start() override { co_return Result<void>(); }
    async::Task<std::string> ended() override { co_return "ended"; }
    async::Task<Result<void>> apply(Assignment) override { co_return Result<void>(); }
    async::Task<Result<void>> check(model::EngineSpec spec) override {
        if (spec.postgres.settings.contains("bad")) {
            co_return fail(ErrorCode::kInvalid, "there is no setting bad");
        }
        co_return Result<void>();
    }
    async::Task<void> stop() override { co_return; }
    Health health() const override { return now; }
    async::Task<Result<void>> user_ready(std::string service) override {
        if (service != "api") {
            co_return fail(ErrorCode::kNotFound, "there is no user {}", service);
        }
        co_return Result<void>();
    }
    async::Task<Result<Json>> status() override { co_return Json::object().set("role", "primary"); }
    async::Task<Result<Json>> view(std::string name) override {
        if (name != "queries") {
            co_return fail(ErrorCode::kNotFound, "there is no view {}", name);
        }
        Table table({{"query"}, {"calls", ColumnKind::kNumber}});
        table.add({"select 1", 7});
        table.note("one statement");
        co_return std::move(table).json();
    }
    async::Task<Result<Json>> act(std::string name, Json arguments) override {
        if (name == "fail") {
            co_return fail(ErrorCode::kConflict, "not now");
        }
        co_return Json::object().set("did", name).set("with", std::move(arguments));
    }
    async::Task<std::string> metrics() override { co_return "shore_x 1\n"; }
    Health now{.ready = false, .detail = "recovering"};
};

class ControlTest : public testing::Test {
 protected:
    ControlTest() {
        const auto address = net::Address::unix_path(directory_.file("a.sock"));
        EXPECT_TRUE(http_.listen(*address));
    }
    net::HttpResponse ask(std::string method, std::string target, std::string body = "") {
        auto address = net::Address::unix_path(directory_.file("a.sock"));
        auto answer = async::block_on(
            *loop_,
            net::http_fetch(
                *loop_, *address,
                {.method = std::move(method), .target = std::move(target), .body = std::move(body)},
                async::Deadline::in(*loop_, std::chrono::seconds(10))));
        EXPECT_TRUE(answer);
        return answer.value_or(net::HttpResponse{});
    }

    os::TemporaryDirectory directory_ = std::move(*os::TemporaryDirectory::create());
    base::SystemClock clock_;
    std::unique_ptr<async::Loop> loop_ = std::move(*async::Loop::open(clock_));
    ScriptedServer server_;
    Control control_{server_};
    net::HttpServer http_{*loop_, control_};
};

TEST_F(ControlTest, HealthIsTheServersWord) {
    const net::HttpResponse down = ask("GET", "/health");
    EXPECT_EQ(down.status, 503);
    EXPECT_EQ(down.body, R"({"ready":false,"detail":"recovering"})");
    server_.now = {.ready = true, .detail = "primary"};
    EXPECT_EQ(ask("GET", "/health").status, 200);
}

TEST_F(ControlTest, ViewsAndStatusAreJson) {
    EXPECT_EQ(ask("GET", "/status").body, R"({"role":"primary"})");
    EXPECT_EQ(ask("GET", "/views/queries").body,
              R"({"columns":[{"name":"query","kind":"text"},{"name":"calls","kind":"number"}],)"
              R"("rows":[["select 1",7]],"notes":["one statement"]})");
    EXPECT_EQ(ask("GET", "/views/nothing").status, 404);
    EXPECT_EQ(ask("GET", "/metrics").body, "shore_x 1\n");
}

TEST_F(ControlTest, ActionsTakeAnObject) {
    EXPECT_EQ(ask("POST", "/actions/pause", R"({"for":3})").body,
              R"({"did":"pause","with":{"for":3}})");
    EXPECT_EQ(ask("POST", "/actions/pause").body, R"({"did":"pause","with":{}})");
    EXPECT_EQ(ask("POST", "/actions/fail").status, 409);
    EXPECT_EQ(ask("POST", "/actions/pause", "{").status, 422);
}

TEST_F(ControlTest, ChecksOptionsBeforeTheyAreARelease) {
    model::EngineSpec spec;
    EXPECT_EQ(ask("POST", "/check", model::to_json(spec)).status, 200);
    spec.postgres.settings["bad"] = "1";
    const net::HttpResponse refused = ask("POST", "/check", model::to_json(spec));
    EXPECT_EQ(refused.status, 422);
    EXPECT_EQ(refused.body, R"({"error":"there is no setting bad","code":"invalid"})");
    EXPECT_EQ(ask("POST", "/check", "{}").status, 422);
}

TEST_F(ControlTest, TellsWhoMayLogIn) {
    EXPECT_EQ(ask("GET", "/users/api").status, 200);
    const net::HttpResponse stranger = ask("GET", "/users/worker");
    EXPECT_EQ(stranger.status, 404);
    EXPECT_EQ(stranger.body, R"({"error":"there is no user worker","code":"not_found"})");
    EXPECT_EQ(ask("GET", "/elsewhere").status, 404);
    EXPECT_EQ(ask("DELETE", "/status").status, 404);
}

}  // namespace
}  // namespace shore::engines
