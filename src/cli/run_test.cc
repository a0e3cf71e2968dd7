// Verbs against a scripted daemon: what is asked, what is printed where, and the exit status.
#include "cli/run.h"

#include <fstream>

#include <gtest/gtest.h>

#include "cli/fake_daemon.h"
#include "wire/base64.h"
#include "wire/json.h"

namespace shore::cli {
namespace {

constexpr std::string_view kShop =
    R"({"name":"shop","environment":"","directory":"/srv/shop","release":3,"deploying":0,"state":"running",)"
    R"("phase":"settled","reason":"","trouble":[],"urls":["http://localhost:8080/"],"services":[)"
    R"({"name":"api","kind":"process","desired":2,"ready":1,"stopped":false,"urls":[],"instances":[)"
    R"({"id":"api-1","state":"running","pid":100,"port":20000,"restarts":0,"release":3,"slot":1,"started_at":"2023-11-14T22:10:20.000Z","exit_code":0,"reason":""},)"
    R"({"id":"api-12","state":"backoff","pid":0,"port":20001,"restarts":3,"release":3,"slot":2,"exit_code":1,"reason":"exited with 1, next start in 4s"}]},)"
    R"({"name":"web","kind":"static","desired":0,"ready":0,"stopped":false,"urls":["http://localhost:8080/"],"instances":[]}]})";

class RunTest : public testing::Test {
 protected:
    RunTest() {
        surroundings_.version = "0.1.0";
        surroundings_.state_directory = state_.path();
        surroundings_.directory = "/srv/shop";
        surroundings_.variables = {{"HOME", "/root"}};
    }
    void start_daemon() {
        daemon_.emplace(state_.path());
        answer("GET /v1/stacks", fmt::format(R"({{"stacks":[{}]}})", kShop));
        answer("GET /v1/stacks/shop", std::string(kShop));
    }
    void answer(const std::string& request, std::string body, uint16_t status = 200) {
        daemon_->answers[request] = {.status = status, .body = std::move(body)};
    }
    void answer_stream(const std::string& request, std::string body) {
        daemon_->answers[request] = {.body = std::move(body), .content_type = "text/event-stream"};
    }
    int shore(std::vector<std::string> words) {
        terminal_.out.clear();
        terminal_.err.clear();
        return run(words, surroundings_, {terminal_, manifests_, starter_, shells_, clock_});
    }
    std::string last_request() { return daemon_->requests().back(); }

    TestDirectory state_;
    Surroundings surroundings_;
    FakeTerminal terminal_;
    FakeManifests manifests_;
    FakeStarter starter_;
    FakeShells shells_;
    base::ManualClock clock_;
    std::optional<FakeDaemon> daemon_;
};

TEST_F(RunTest, StatusPrintsATable) {
    start_daemon();
    EXPECT_EQ(shore({"status"}), 0);
    EXPECT_EQ(terminal_.out,
              "shop  running  release 3  http://localhost:8080/\n"
              "SERVICE  STATE    READY  RESTARTS  NOTE\n"
              "api      backoff    1/2         3  api-12: exited with 1, next start in 4s\n"
              "web      static       -         -  http://localhost:8080/\n");
    EXPECT_EQ(terminal_.err, "");
}

TEST_F(RunTest, RouteExplainSaysWhoTakesARequestAndWhyOthersDoNot) {
    start_daemon();
    answer(
        "GET /v1/routes/explain?url=http%3A%2F%2Fshop.test%2F&method=POST&header=X-A%3A%201"
        "&from=10.0.0.1",
        R"({"method":"POST","url":"http://shop.test/","client":"10.0.0.1",)"
        R"("listener":"http://:8080","status":0,"outcome":"shop/api","candidates":[)"
        R"({"name":"shop/web","host":"","match":"any host, method GET","takes":false,)"
        R"("reason":"the method must be GET"},)"
        R"({"name":"shop/api","host":"","match":"any host","takes":true,"reason":"takes the request"}],)"
        R"("route":{"name":"shop/api","targets":[{"service":"shop/api","weight":1,"endpoints":[)"
        R"({"instance":"shop/api-1","address":"127.0.0.1:20000","state":"ready","weight":100,)"
        R"("outstanding":3}]}]}})");
    EXPECT_EQ(shore({"route", "explain", "POST", "http://shop.test/", "-H", "X-A: 1", "--from",
                     "10.0.0.1"}),
              0);
    EXPECT_EQ(terminal_.out,
              "POST http://shop.test/ from 10.0.0.1, at http://:8080\n"
              "goes to route shop/api: shop/api\n\n"
              "   ROUTE     MATCH                 WHY\n"
              "1  shop/web  any host, method GET  the method must be GET\n"
              "2  shop/api  any host              takes the request\n\n"
              "INSTANCE    ADDRESS          STATE  WEIGHT  REQUESTS\n"
              "shop/api-1  127.0.0.1:20000  ready   100 %         3\n");
    EXPECT_EQ(shore({"route", "explain"}), 2);
    EXPECT_EQ(shore({"route", "show"}), 2);
}

TEST_F(RunTest, TopSortsRoutesAndPrintsOnceWithoutATerminal) {
    start_daemon();
    answer(
        "GET /v1/traffic?seconds=10",
        R"({"seconds":10.2,"routes":[)"
        R"({"name":"shop/web","requests":10,"rate":1,"errors":0,"client_errors":0,"aborted":0,)"
        R"("p50_ms":0.512,"p95_ms":120.4,"p99_ms":200.0,"bytes_in_rate":0,"bytes_out_rate":12},)"
        R"({"name":"shop/api","requests":200,"rate":20.04,"errors":3,"client_errors":0,"aborted":0,)"
        R"("p50_ms":1.5,"p95_ms":2,"p99_ms":3,"bytes_in_rate":0,"bytes_out_rate":2500000}]})");
    EXPECT_EQ(shore({"top"}), 0);
    EXPECT_EQ(terminal_.out,
              "last 10 s: 21.0 requests/s, 3 errors (5xx)\n"
              "ROUTE       RATE  ERRORS      P50      P95      P99       OUT\n"
              "shop/api  20.0/s   1.5 %  1.50 ms  2.00 ms  3.00 ms  2.5 MB/s\n"
              "shop/web   1.0/s       0  0.51 ms   120 ms   200 ms    12 B/s\n");
    EXPECT_EQ(shore({"top", "--sort", "p99"}), 0);
    EXPECT_LT(terminal_.out.find("shop/web"), terminal_.out.find("shop/api"));
    EXPECT_EQ(shore({"top", "--sort", "speed"}), 2);
    EXPECT_EQ(shore({"top", "--seconds", "x"}), 2);
}

TEST_F(RunTest, StatusInDetailHasALinePerInstance) {
    start_daemon();
    EXPECT_EQ(shore({"ps", "-d"}), 0);
    EXPECT_EQ(
        terminal_.out,
        "shop  running  release 3  http://localhost:8080/\n"
        "INSTANCE  STATE    PID   PORT  RESTARTS  RELEASE  AGE  NOTE\n"
        "api-1     running  100  20000         0        3  3m\n"
        "api-12    backoff    -  20001         3        3  -    exited with 1, next start in 4s\n"
        "web       static     -      -         -        -  -\n");
}

TEST_F(RunTest, StatusShowsTheFirstUrlsOfManyRoutes) {
    start_daemon();
    std::string many = std::string(kShop);
    const std::string one = R"("urls":["http://localhost:8080/"],"services")";
    many.replace(
        many.find(one), one.size(),
        R"("urls":["http://a/","http://b/","http://c/","http://d/","http://e/","http://f/"],)"
        R"("services")");
    answer("GET /v1/stacks", fmt::format(R"({{"stacks":[{}]}})", many));
    EXPECT_EQ(shore({"status"}), 0);
    EXPECT_THAT(terminal_.out,
                testing::HasSubstr("http://a/  http://b/  http://c/  http://d/  and 2 more (shore "
                                   "route ls)\n"));
}

TEST_F(RunTest, StatusAsJsonIsWhatTheDaemonAnswered) {
    start_daemon();
    EXPECT_EQ(shore({"status", "--json"}), 0);
    EXPECT_EQ((*wire::Json::parse(terminal_.out))["stacks"].items()[0],
              *wire::Json::parse(std::string(kShop)));
}

TEST_F(RunTest, StatusWithoutADaemonSaysThatNothingIsUp) {
    EXPECT_EQ(shore({"status"}), 0);
    EXPECT_EQ(terminal_.out, "no stack is up\n");
    EXPECT_EQ(shore({"status", "--json"}), 0);
    EXPECT_EQ(*wire::Json::parse(terminal_.out), *wire::Json::parse(R"({"stacks":[]})"));
    EXPECT_EQ(starter_.starts, 0);
}

TEST_F(RunTest, StatusOfADaemonThatDiedIsAnError) {
    std::filesystem::create_directories(state_.path() + "/run");
    {
        const auto left =
            net::open_listening_socket(*net::Address::unix_path(state_.file("run/api.sock")));
    }
    EXPECT_EQ(shore({"status"}), 1);
    EXPECT_NE(terminal_.err.find("no daemon answers at"), std::string::npos) << terminal_.err;
}

TEST_F(RunTest, ColoursAreForTerminalsThatWantThem) {
    start_daemon();
    terminal_.is_terminal = true;
    shore({"status"});
    EXPECT_NE(terminal_.out.find("\x1b[32mrunning\x1b[0m"), std::string::npos);
    shore({"status", "--no-color"});
    EXPECT_EQ(terminal_.out.find('\x1b'), std::string::npos);
    surroundings_.variables["NO_COLOR"] = "1";
    shore({"status"});
    EXPECT_EQ(terminal_.out.find('\x1b'), std::string::npos);
}

TEST_F(RunTest, UpWaitsAndPrintsWhatRuns) {
    start_daemon();
    answer(
        "POST /v1/stacks",
        R"({"stack":"shop","release":3,"changed":true,"notes":[)"
        R"({"file":"shore.yaml","line":3,"column":5,"path":"services.api.tty","detail":"does nothing here"}]})",
        202);
    answer_stream("GET /v1/stacks/shop/progress?release=3",
                  "event: progress\ndata: {\"phase\":\"rolling\",\"message\":\"starting "
                  "api-1\",\"services\":[{\"name\":\"api\",\"desired\":2,\"ready\":0,\"updated\":0,"
                  "\"note\":\"\"},{\"name\":\"web\",\"kind\":\"static\"}]}\n\n"
                  "event: progress\ndata: "
                  "{\"phase\":\"rolling\",\"message\":\"\",\"services\":[{\"name\":\"api\","
                  "\"desired\":2,\"ready\":2,\"updated\":2,\"note\":\"\"}]}\n\n"
                  "event: settled\ndata: "
                  "{\"ok\":true,\"release\":3,\"phase\":\"succeeded\",\"message\":\"release 3 is "
                  "active\"}\n\n");
    EXPECT_EQ(shore({"up", "-f", "a.yaml", "-f", "b.yaml", "--env", "testing"}), 0)
        << terminal_.err;
    EXPECT_TRUE(terminal_.out.starts_with("shop  running  release 3  http://localhost:8080/\n"));
    EXPECT_EQ(terminal_.err,
              "note: shore.yaml:3:5: services.api.tty: does nothing here\n"
              "shop: release 3\n"
              "starting api-1\n"
              "api: 0/2 ready\n"
              "web: static\n"
              "api: 2/2 ready\n");
    const std::string sent = daemon_->requests().at(1);
    const auto body = wire::Json::parse(sent.substr(std::string_view("POST /v1/stacks ").size()));
    ASSERT_TRUE(body) << sent;
    EXPECT_EQ((*body)["directory"].text(), "/srv/shop");
    EXPECT_EQ((*body)["files"].items().size(), 2u);
    EXPECT_EQ((*body)["environment"].text(), "testing");
    EXPECT_EQ((*body)["variables"]["HOME"].text(), "/root");
    EXPECT_EQ((*body)["origin"].text(), "up");
}

TEST_F(RunTest, UpOnATerminalRedrawsItsTable) {
    start_daemon();
    terminal_.is_terminal = true;
    answer("POST /v1/stacks", R"({"stack":"shop","release":3,"changed":true,"notes":[]})", 202);
    answer_stream("GET /v1/stacks/shop/progress?release=3",
                  "event: progress\ndata: "
                  "{\"services\":[{\"name\":\"api\",\"desired\":1,\"ready\":0,\"updated\":0,"
                  "\"note\":\"\"}]}\n\n"
                  "event: progress\ndata: "
                  "{\"services\":[{\"name\":\"api\",\"desired\":1,\"ready\":1,\"updated\":1,"
                  "\"note\":\"\"}]}\n\n"
                  "event: settled\ndata: {\"ok\":true,\"release\":3}\n\n");
    EXPECT_EQ(shore({"up"}), 0);
    EXPECT_NE(terminal_.err.find("api  0/1 ready\n\x1b[1A\r\x1b[J"), std::string::npos)
        << terminal_.err;
    EXPECT_NE(terminal_.err.find("\x1b[32m✔\x1b[0m api  1/1 ready\n"), std::string::npos);
}

TEST_F(RunTest, UpFailsWhenTheReleaseDid) {
    start_daemon();
    answer("POST /v1/stacks", R"({"stack":"shop","release":4,"changed":true,"notes":[]})", 202);
    answer_stream("GET /v1/stacks/shop/progress?release=4",
                  "event: settled\ndata: "
                  "{\"ok\":false,\"release\":3,\"phase\":\"rolled_back\",\"message\":\"release 4 "
                  "failed: api-8 crashed; release 3 serves\"}\n\n");
    EXPECT_EQ(shore({"up"}), 1);
    EXPECT_TRUE(
        terminal_.err.ends_with("shore: release 4 failed: api-8 crashed; release 3 serves\n"))
        << terminal_.err;
}

TEST_F(RunTest, UpDetachedReturnsAtOnce) {
    start_daemon();
    answer("POST /v1/stacks", R"({"stack":"shop","release":4,"changed":true,"notes":[]})", 202);
    EXPECT_EQ(shore({"up", "-d"}), 0);
    EXPECT_EQ(terminal_.err, "release 4 of shop is accepted\n");
    EXPECT_EQ(last_request().substr(0, 15), "POST /v1/stacks");
}

TEST_F(RunTest, UpStartsADaemonWhenNoneAnswers) {
    starter_.on_start = [this]() -> Result<void> {
        start_daemon();
        answer("POST /v1/stacks", R"({"stack":"shop","release":3,"changed":false,"notes":[]})",
               202);
        return {};
    };
    EXPECT_EQ(shore({"up"}), 0) << terminal_.err;
    EXPECT_EQ(starter_.starts, 1);
    EXPECT_EQ(terminal_.err, "shop is up to date: release 3\n");
}

TEST_F(RunTest, AManifestWithMistakesIsToldLineByLine) {
    start_daemon();
    answer(
        "POST /v1/stacks",
        R"({"code":"invalid","detail":"2 mistakes","errors":[{"file":"shore.yaml","line":35,"column":9,"path":"services.api.deploy.replicas","detail":"must be 0..1000, got \"-1\""},{"file":"shore.yaml","line":40,"column":3,"detail":"unknown key"}]})",
        422);
    EXPECT_EQ(shore({"up"}), 1);
    EXPECT_EQ(terminal_.err,
              "shore: shore.yaml:35:9: services.api.deploy.replicas: must be 0..1000, got \"-1\"\n"
              "shore.yaml:40:3: unknown key\n");
}

TEST_F(RunTest, AWaitMayEnd) {
    base::SystemClock real;
    start_daemon();
    answer("POST /v1/stacks", R"({"stack":"shop","release":4,"changed":true,"notes":[]})", 202);
    daemon_->answers["GET /v1/stacks/shop/progress?release=4"] = {
        .body = ": nothing\n\n", .content_type = "text/event-stream", .never_ends = true};
    EXPECT_EQ(run({"up", "--wait-timeout", "100ms"}, surroundings_,
                  {terminal_, manifests_, starter_, shells_, real}),
              1);
    EXPECT_NE(terminal_.err.find("took longer than allowed"), std::string::npos) << terminal_.err;
}

TEST_F(RunTest, DownTakesTheStackOfTheManifestDown) {
    start_daemon();
    answer("DELETE /v1/stacks/shop", R"({"ok":true,"message":"shop is down"})");
    EXPECT_EQ(shore({"down"}), 0);
    EXPECT_EQ(terminal_.err, "shop is down\n");
    answer("DELETE /v1/stacks/shop?volumes=true", R"({"ok":true,"message":"shop is down"})");
    EXPECT_EQ(shore({"down", "-v", "-p", "shop"}), 0) << terminal_.err;
    EXPECT_EQ(shore({"down", "--all", "-v"}), 0) << terminal_.err;
}

TEST_F(RunTest, DownWithNothingUpIsDone) {
    EXPECT_EQ(shore({"down"}), 0);
    EXPECT_EQ(terminal_.err, "nothing is up\n");
    EXPECT_EQ(starter_.starts, 0);
}

TEST_F(RunTest, DownStartsADaemonForAStateThatWasUsed) {
    std::ofstream(state_.file("state.db")) << "x";
    starter_.on_start = [this]() -> Result<void> {
        start_daemon();
        answer("DELETE /v1/stacks/shop", R"({"ok":true,"message":"shop is down"})");
        return {};
    };
    EXPECT_EQ(shore({"down"}), 0) << terminal_.err;
    EXPECT_EQ(starter_.starts, 1);
}

TEST_F(RunTest, TheStackIsThatOfTheManifestOrTheOnlyOneOrMustBeNamed) {
    start_daemon();
    answer("GET /v1/stacks/shop/health",
           R"({"stack":"shop","healthy":true,"trouble":[],"services":[]})");
    EXPECT_EQ(shore({"health"}), 0);
    EXPECT_EQ(shore({"health", "-p", "shp"}), 1);
    EXPECT_EQ(terminal_.err, "shore: stack shp is not up, did you mean \"shop\"?\n");
    EXPECT_EQ(shore({"health", "--env", "testing"}), 1);
    EXPECT_NE(terminal_.err.find("stack shop@testing is not up"), std::string::npos)
        << terminal_.err;

    manifests_.error = Error(ErrorCode::kNotFound, "no manifest");
    surroundings_.directory = "/elsewhere";
    EXPECT_EQ(shore({"health"}), 0);
    answer("GET /v1/stacks", R"({"stacks":[{"name":"a"},{"name":"b"}]})");
    EXPECT_EQ(shore({"health"}), 1);
    EXPECT_EQ(terminal_.err, "shore: there is no manifest here; name a stack with -p: a, b\n");
    answer("GET /v1/stacks", R"({"stacks":[]})");
    EXPECT_EQ(shore({"health"}), 1);
    EXPECT_EQ(terminal_.err, "shore: there is no manifest here, and no stack is up\n");
}

TEST_F(RunTest, ABrokenManifestStillFindsTheStackOfItsDirectory) {
    start_daemon();
    answer("GET /v1/stacks/shop/health",
           R"({"stack":"shop","healthy":true,"trouble":[],"services":[]})");
    manifests_.error = Error(ErrorCode::kInvalid, "shore.yaml:1:1: broken");
    surroundings_.directory = "/srv/shop/sub";
    EXPECT_EQ(shore({"health"}), 0) << terminal_.err;
    surroundings_.directory = "/srv/shopping";
    EXPECT_EQ(shore({"health"}), 1);
    EXPECT_EQ(terminal_.err, "shore: shore.yaml:1:1: broken\n");
}

TEST_F(RunTest, HealthIsAnExitStatus) {
    start_daemon();
    answer(
        "GET /v1/stacks/shop/health",
        R"({"stack":"shop","healthy":false,"trouble":["listen on http://:80: permission denied"],"services":[{"name":"api","healthy":false,"desired":2,"ready":1,"reason":"api-12 is backoff"}]})");
    EXPECT_EQ(shore({"health"}), 1);
    EXPECT_EQ(terminal_.out,
              "SERVICE  HEALTH     READY  REASON\napi      unhealthy    1/2  api-12 is backoff\n");
    EXPECT_EQ(terminal_.err, "shore: listen on http://:80: permission denied\n");
}

TEST_F(RunTest, LogsHaveTheirInstanceInFront) {
    start_daemon();
    daemon_->answers
        ["GET /v1/stacks/shop/logs?service=api&since=2023-11-14T22%3A03%3A20.000Z&tail=5"] = {
        .body =
            R"({"time":"2023-11-14T22:13:20.000Z","service":"api","instance":"api-12","stream":"stdout","message":"hello"})"
            "\n"
            R"({"time":"2023-11-14T22:13:21.000Z","service":"api","instance":"api-1","stream":"stderr","message":"wörld"})"
            "\n",
        .content_type = "application/x-ndjson"};
    EXPECT_EQ(shore({"logs", "api", "--tail", "5", "--since", "10m"}), 0) << terminal_.err;
    EXPECT_EQ(terminal_.out, "api-12 | hello\napi-1  | wörld\n");
    EXPECT_EQ(shore({"logs", "api", "-t", "--tail", "5", "--since", "10m"}), 0);
    EXPECT_TRUE(terminal_.out.starts_with("api-12 | 2023-11-14T22:13:20.000Z hello\n"));
    EXPECT_EQ(shore({"logs", "api", "--json", "--tail", "5", "--since", "10m"}), 0);
    EXPECT_TRUE(terminal_.out.starts_with("{\"time\""));
    EXPECT_EQ(shore({"logs", "--tail", "many"}), 2);
    EXPECT_EQ(shore({"logs", "--since", "soon"}), 2);
}

TEST_F(RunTest, FollowedLogsEndWhenNobodyReads) {
    start_daemon();
    daemon_->answers["GET /v1/stacks/shop/logs?follow=true"] = {
        .body =
            "event: line\ndata: {\"service\":\"api\",\"instance\":\"api-1\",\"message\":\"a\"}\n\n",
        .content_type = "text/event-stream",
        .never_ends = true};
    terminal_.closed = true;
    EXPECT_EQ(shore({"logs", "-f"}), 0);
    EXPECT_EQ(terminal_.out, "api-1 | a\n");
}

TEST_F(RunTest, EventsAreLines) {
    start_daemon();
    answer(
        "GET /v1/events?newest=true&limit=50",
        R"({"events":[{"id":1,"at":"2026-01-01T00:00:00.000Z","stack":"shop","service":"api","instance":"api-1","kind":"instance.started","message":"started, pid 7"}]})");
    EXPECT_EQ(shore({"events"}), 0);
    EXPECT_EQ(terminal_.out,
              "2026-01-01T00:00:00.000Z  instance.started  shop/api-1  started, pid 7\n");
    EXPECT_EQ(shore({"events", "-n", "0"}), 2);
}

TEST_F(RunTest, ConfigNeedsNoDaemon) {
    manifests_.notes = "shore.yaml:3:1: links: ignored\n";
    EXPECT_EQ(shore({"config"}), 0);
    EXPECT_EQ(terminal_.out, "name: shop\n");
    EXPECT_EQ(terminal_.err, "shore.yaml:3:1: links: ignored\n");
    EXPECT_EQ(shore({"config", "--services"}), 0);
    EXPECT_EQ(terminal_.out, "api\nweb\n");
    EXPECT_EQ(shore({"config", "--json"}), 0);
    EXPECT_EQ(terminal_.out, "{\"name\": \"shop\"}\n");
    EXPECT_EQ(shore({"config", "-q"}), 0);
    EXPECT_EQ(terminal_.out + terminal_.err, "");
    manifests_.error = Error(ErrorCode::kInvalid, "shore.yaml:1:1: what is this");
    EXPECT_EQ(shore({"config", "-q"}), 1);
    EXPECT_EQ(terminal_.err, "shore: shore.yaml:1:1: what is this\n");
}

TEST_F(RunTest, ScaleSendsNumbersAndWaits) {
    start_daemon();
    answer("POST /v1/stacks/shop/scale",
           R"({"stack":"shop","release":0,"changed":true,"notes":[]})", 202);
    answer_stream("GET /v1/stacks/shop/progress", "event: settled\ndata: {\"ok\":true}\n\n");
    EXPECT_EQ(shore({"scale", "api=5", "web=0"}), 0) << terminal_.err;
    EXPECT_EQ(terminal_.err, "shop: api=5, web=0\n");
    EXPECT_EQ(daemon_->requests().at(2),
              R"(POST /v1/stacks/shop/scale {"services":{"api":5,"web":0}})");
    EXPECT_EQ(shore({"scale", "api"}), 2);
    EXPECT_EQ(shore({"scale", "api=-1"}), 2);
    EXPECT_EQ(shore({"scale", "=1"}), 2);
    EXPECT_EQ(shore({"scale"}), 2);
}

TEST_F(RunTest, ServicesAreStoppedStartedAndRestarted) {
    start_daemon();
    for (const std::string verb : {"stop", "start", "restart"}) {
        answer("POST /v1/stacks/shop/" + verb,
               R"({"stack":"shop","release":0,"changed":true,"notes":[]})", 202);
        EXPECT_EQ(shore({verb, "api", "--no-wait"}), 0) << terminal_.err;
        EXPECT_EQ(last_request(), "POST /v1/stacks/shop/" + verb + R"( {"services":["api"]})");
    }
}

TEST_F(RunTest, RollbackReleasesDiffAndPlanSpeakOfReleases) {
    start_daemon();
    answer("POST /v1/stacks/shop/rollback",
           R"({"stack":"shop","release":5,"changed":true,"notes":[]})", 202);
    EXPECT_EQ(shore({"rollback", "2", "--no-wait"}), 0);
    EXPECT_EQ(last_request(), R"(POST /v1/stacks/shop/rollback {"release":2})");
    answer("POST /v1/stacks/shop/rollback",
           R"({"stack":"shop","release":3,"changed":false,"notes":[]})", 202);
    EXPECT_EQ(shore({"rollback", "1"}), 0);
    EXPECT_NE(terminal_.err.find("up to date: release 3"), std::string::npos);
    EXPECT_EQ(shore({"rollback", "two"}), 2);

    answer(
        "GET /v1/stacks/shop/releases",
        R"({"releases":[{"number":2,"status":"active","origin":"up","reason":"","digest":"0123456789abcdef","created_at":"2023-11-14T22:10:20Z"}]})");
    EXPECT_EQ(shore({"releases"}), 0);
    EXPECT_EQ(terminal_.out,
              "RELEASE  STATUS  AGE  ORIGIN  DIGEST        REASON\n"
              "      2  active  3m   up      0123456789ab\n");

    answer(
        "GET /v1/stacks/shop/diff?from=1&to=2",
        R"({"from":1,"to":2,"changes":[{"kind":"changed","text":"~ services.api.deploy.replicas: 2 -> 3"}]})");
    EXPECT_EQ(shore({"diff", "1", "2"}), 0);
    EXPECT_EQ(terminal_.out, "~ services.api.deploy.replicas: 2 -> 3\n");

    answer(
        "POST /v1/plan",
        R"({"stack":"shop","release":4,"changed":true,"changes":[{"kind":"added","text":"+ services.x"}],"steps":[{"text":"start x, replica 1"}],"warnings":["w"],"notes":[]})");
    EXPECT_EQ(shore({"plan"}), 0);
    EXPECT_EQ(
        terminal_.out,
        "shop would become release 4\n\nChanges\n+ services.x\n\nSteps\n  1. start x, replica 1\n");
    EXPECT_EQ(terminal_.err, "warning: w\n");
}

TEST_F(RunTest, ExecPassesOutputAndStatusOn) {
    start_daemon();
    daemon_->answers["POST /v1/stacks/shop/exec"] = {
        .body = fmt::format(
            "{{\"kind\":\"stdout\",\"bytes\":\"{}\"}}\n\n{{\"kind\":\"stderr\",\"bytes\":\"{}\"}}\n"
            "{{\"kind\":\"exit\",\"exit_code\":3}}\n",
            wire::base64("out\xff\n"), wire::base64("err\n")),
        .content_type = "application/x-ndjson"};
    EXPECT_EQ(shore({"exec", "-p", "shop", "api", "ls", "-l"}), 3) << terminal_.err;
    EXPECT_EQ(last_request(),
              R"(POST /v1/stacks/shop/exec {"target":"api","command":["ls","-l"]})");
    EXPECT_EQ(shore({"exec", "api", "--", "ls", "--json"}), 3) << terminal_.err;
    EXPECT_EQ(terminal_.out, "out\xff\n");
    EXPECT_EQ(terminal_.err, "err\n");
    EXPECT_EQ(last_request(),
              R"(POST /v1/stacks/shop/exec {"target":"api","command":["ls","--json"]})");
    EXPECT_EQ(shore({"exec", "api", "ls", "-l"}), 3);
    EXPECT_EQ(last_request(),
              R"(POST /v1/stacks/shop/exec {"target":"api","command":["ls","-l"]})");
    EXPECT_EQ(shore({"exec", "api"}), 2);
}

TEST_F(RunTest, WrongUsageIsTwoAndNamesTheNearest) {
    EXPECT_EQ(shore({"stauts"}), 2);
    EXPECT_EQ(terminal_.err,
              "shore: there is no verb \"stauts\", did you mean \"status\"?\nTry `shore help`.\n");
    EXPECT_EQ(shore({"status", "--jsn"}), 2);
    EXPECT_NE(terminal_.err.find("status has no option --jsn, did you mean \"--json\"?"),
              std::string::npos)
        << terminal_.err;
    EXPECT_EQ(shore({"up", "extra"}), 2);
    EXPECT_EQ(shore({"up", "-f"}), 2);
    EXPECT_EQ(shore({"logs", "--tail", "1", "--tail", "2"}), 2);
    EXPECT_EQ(shore({"--bogus"}), 2);
}

TEST_F(RunTest, HelpAndVersionNeedNothing) {
    EXPECT_EQ(shore({}), 0);
    EXPECT_NE(terminal_.out.find("Usage: shore VERB"), std::string::npos);
    EXPECT_EQ(shore({"--help"}), 0);
    EXPECT_EQ(shore({"up", "--help"}), 0);
    EXPECT_TRUE(terminal_.out.starts_with("Usage: shore up [options]\n")) << terminal_.out;
    EXPECT_EQ(shore({"help", "upp"}), 2);
    EXPECT_EQ(shore({"--version"}), 0);
    EXPECT_EQ(terminal_.out, "shore 0.1.0\n");
    EXPECT_EQ(shore({"--json", "version"}), 0);
    EXPECT_EQ((*wire::Json::parse(terminal_.out))["version"].text(), "0.1.0");
}

constexpr std::string_view kEngines =
    R"({"processes":[{"engine":"db","part":"postgres","instance":"db-1","state":"running",)"
    R"("port":30000,"database":"shop","status":{"role":"primary","connections":{"used":3,"max":50},)"
    R"("size_bytes":8000000,"databases":[{"name":"shop","size_bytes":8000000}],"replicas":[]}},)"
    R"({"engine":"db","part":"pgbouncer","instance":"db-pool-1",)"
    R"("state":"running","port":30001,"database":"shop","error":"db-pool-1: no answer"},)"
    R"({"engine":"store","part":"redis","instance":"store-1","state":"running","port":30002,)"
    R"("status":{}}]})";

TEST_F(RunTest, DbShowsStatusAndViews) {
    start_daemon();
    answer("GET /v1/stacks/shop/engines", std::string(kEngines));
    EXPECT_EQ(shore({"db"}), 0);
    EXPECT_EQ(terminal_.out,
              "INSTANCE  STATE    ADDRESS          ROLE     LAG  BEHIND  CONNECTIONS     DATA  WAL "
              " UPTIME  NOTE\n"
              "db-1      running  127.0.0.1:30000  primary    -       -      3 of 50  7.6 MiB    - "
              "      -\n");
    EXPECT_EQ(shore({"db", "--instance", "db-1"}), 0);
    EXPECT_EQ(terminal_.out,
              "db-1  postgres  running  127.0.0.1:30000\n  role: primary\n  connections:\n"
              "    used: 3\n    max: 50\n  size: 7.6 MiB\n  databases:\n"
              "    name shop, size 7.6 MiB\n  replicas: none\n");
    EXPECT_EQ(shore({"db", "--instance", "db-9"}), 1);
    EXPECT_EQ(terminal_.err, "shore: no instance db-9, there is db-1\n");
    answer("GET /v1/stacks/shop/engines/db/views/queries",
           R"({"tables":[{"instance":"db-1","part":"postgres","columns":[)"
           R"({"name":"query","kind":"text"},{"name":"mean_time","kind":"seconds"}],)"
           R"("rows":[["select 1",0.25]],"notes":["since yesterday"]}]})");
    EXPECT_EQ(shore({"db", "queries"}), 0);
    EXPECT_EQ(terminal_.out, "QUERY     MEAN TIME\nselect 1   250.0 ms\nsince yesterday\n");
}

TEST_F(RunTest, DbActsAndBecomesPsql) {
    start_daemon();
    answer("GET /v1/stacks/shop/engines", std::string(kEngines));
    answer("POST /v1/stacks/shop/engines/db/actions/promote",
           R"({"instance":"db-2","result":{"timeline":2}})");
    EXPECT_EQ(shore({"db", "promote", "--instance", "db-2"}), 0);
    EXPECT_NE(last_request().find(R"({"instance":"db-2"})"), std::string::npos);
    EXPECT_EQ(terminal_.err, "db-2: promote is done\n");
    EXPECT_EQ(shore({"db", "psql", "--", "-c", "select 1"}), 0);
    ASSERT_EQ(shells_.asked.size(), 1u);
    EXPECT_EQ(shells_.asked[0].port, 30000);
    EXPECT_EQ(shells_.asked[0].database, "shop");
    EXPECT_EQ(shells_.asked[0].arguments, (std::vector<std::string>{"-c", "select 1"}));
    EXPECT_EQ(shore({"redis", "cli"}), 0);
    EXPECT_TRUE(shells_.asked[1].is_redis);
}

TEST_F(RunTest, PsqlConnectsToTheServerThatTakesWrites) {
    start_daemon();
    answer("GET /v1/stacks/shop/engines",
           R"({"processes":[{"engine":"db","part":"postgres","instance":"db-1","port":30000,)"
           R"("status":{"role":"replica"}},{"engine":"db","part":"postgres","instance":"db-2",)"
           R"("port":30001,"status":{"role":"primary"}}]})");
    EXPECT_EQ(shore({"db", "psql"}), 0);
    EXPECT_EQ(shells_.asked.at(0).port, 30001);
}

TEST_F(RunTest, RedisFailsOverToTheServerThatIsNamed) {
    start_daemon();
    answer("GET /v1/stacks/shop/engines", std::string(kEngines));
    answer("POST /v1/stacks/shop/engines/store/actions/failover",
           R"({"instance":"store-1","result":{"to":2}})");
    EXPECT_EQ(shore({"redis", "failover", "--to", "store-server-2"}), 0);
    EXPECT_NE(last_request().find(R"({"arguments":{"to":"store-server-2"}})"), std::string::npos);
    EXPECT_EQ(shore({"redis", "save", "--to", "store-server-2"}), 2);
    EXPECT_EQ(terminal_.err,
              "shore: redis: --to is for failover, not for save\n"
              "Try `shore help redis`.\n");
}

TEST_F(RunTest, EnginesThatAreNotThereAreSaidSo) {
    start_daemon();
    answer("GET /v1/stacks/shop/engines", R"({"processes":[]})");
    EXPECT_EQ(shore({"pool"}), 1);
    EXPECT_EQ(terminal_.err, "shore: stack shop runs no pgbouncer\n");
    EXPECT_EQ(shore({"db", "explode"}), 2);
    EXPECT_EQ(shore({"pool", "pools", "more"}), 2);
}

}  // namespace
}  // namespace shore::cli
