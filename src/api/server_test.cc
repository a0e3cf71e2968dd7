// The API over a real Unix socket: what a client sends and gets.
#include "api/server.h"

#include <atomic>
#include <cstdio>
#include <thread>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "api/fake_engines.h"
#include "api/fake_ports.h"
#include "async/block_on.h"
#include "base/strings.h"
#include "net/http_client.h"
#include "net/sse.h"
#include "os/directory.h"
#include "store/event_log.h"
#include "store/store.h"
#include "wire/base64.h"

namespace shore::api {
namespace {

using std::chrono::seconds;
using wire::Json;

class ApiTest : public testing::Test {
 protected:
    ApiTest() {
        server_.emplace(*loop_, Ports{stacks_, *events_, logs_, exec_, daemon_, certificates_,
                                      gateway_, engines_});
        const auto listening = server_->listen(socket_);
        EXPECT_TRUE(listening) << listening.error().text();
    }
    ~ApiTest() override {
        async::block_on(*loop_, server_->stop(async::Deadline::in(*loop_, seconds(0))));
        server_.reset();
        events_->stop();
    }

    async::Deadline soon() { return async::Deadline::in(*loop_, seconds(20)); }
    net::HttpResponse send(net::HttpRequest request) {
        auto response = async::block_on(
            *loop_,
            net::http_fetch(*loop_, *net::Address::unix_path(socket_), std::move(request), soon()));
        EXPECT_TRUE(response) << response.error().text();
        return response ? std::move(*response)
                        : net::HttpResponse{.status = 0, .fields = {}, .body = {}};
    }
    net::HttpResponse get(std::string target) {
        net::HttpRequest request;
        request.target = std::move(target);
        return send(std::move(request));
    }
    net::HttpResponse post(std::string target, std::string body, std::string key = {}) {
        net::HttpRequest request;
        request.method = "POST";
        request.target = std::move(target);
        request.body = std::move(body);
        request.fields.add("Content-Type", "application/json");
        if (!key.empty()) {
            request.fields.add("Idempotency-Key", key);
        }
        return send(std::move(request));
    }
    std::unique_ptr<net::HttpExchange> begin(net::HttpRequest request) {
        net::HttpClient client(*loop_, *net::Address::unix_path(socket_));
        auto exchange = async::block_on(*loop_, client.start(std::move(request), soon()));
        EXPECT_TRUE(exchange) << exchange.error().text();
        return std::move(*exchange);
    }
    std::string read(net::HttpExchange& exchange) {
        auto bytes = async::block_on(*loop_, exchange.read(soon()));
        EXPECT_TRUE(bytes) << bytes.error().text();
        return bytes ? *bytes : std::string();
    }
    /// Reads until `count` events have come or the stream has ended.
    std::vector<net::SseEvent> read_events(net::HttpExchange& exchange, size_t count) {
        net::SseReader reader;
        std::vector<net::SseEvent> events;
        while (events.size() < count) {
            const std::string bytes = read(exchange);
            if (bytes.empty()) {
                break;
            }
            EXPECT_TRUE(reader.feed(bytes));
            while (auto event = reader.next()) {
                events.push_back(std::move(*event));
            }
        }
        return events;
    }
    static Json json(const net::HttpResponse& response) {
        auto parsed = Json::parse(response.body);
        EXPECT_TRUE(parsed) << response.body;
        return parsed ? *parsed : Json();
    }
    void expect_problem(const net::HttpResponse& response, uint16_t status, std::string_view code,
                        std::string_view part) {
        EXPECT_EQ(response.status, status) << response.body;
        EXPECT_EQ(response.fields.find("Content-Type"), "application/problem+json");
        const Json problem = json(response);
        EXPECT_EQ(problem["code"].text(), code);
        EXPECT_EQ(problem["status"].integer(), status);
        EXPECT_EQ(problem["type"].text(), fmt::format("urn:shore:problem:{}", code));
        EXPECT_NE(problem["detail"].text().find(part), std::string::npos) << response.body;
    }

    os::TemporaryDirectory directory_ = *os::TemporaryDirectory::create();
    std::string socket_ = directory_.file("api.sock");
    base::SystemClock clock_;
    std::unique_ptr<async::Loop> loop_ = std::move(*async::Loop::open(clock_));
    std::unique_ptr<store::Store> store_ =
        std::move(*store::Store::open(*loop_, directory_.file("state.db")));
    std::unique_ptr<store::EventLog> events_ =
        std::move(*async::block_on(*loop_, store::EventLog::open(*store_)));
    FakeStacks stacks_{*loop_};
    FakeLogs logs_{*loop_};
    FakeExec exec_{*loop_};
    FakeDaemon daemon_;
    FakeCertificates certificates_;
    FakeGateway gateway_;
    FakeEngines engines_;
    std::optional<ApiServer> server_;
};

TEST_F(ApiTest, ServesOnASocketThatOnlyItsOwnerMayOpen) {
    struct stat about{};
    ASSERT_EQ(::stat(socket_.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST_F(ApiTest, ExplainsWhereARequestWouldGo) {
    const auto response =
        get("/v1/routes/explain?url=http%3A%2F%2Fshop.test%2F&method=POST"
            "&header=X-A%3A%201&header=X-B%3A%202&from=10.0.0.1");
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(gateway_.asked.dump(),
              R"({"url":"http://shop.test/","method":"POST","from":"10.0.0.1",)"
              R"("headers":["X-A: 1","X-B: 2"]})");
    expect_problem(get("/v1/routes/explain"), 422, "invalid", "url is missing");
    expect_problem(get("/v1/routes/explain?url=https%3A%2F%2Fnowhere.test%2F"), 404, "not_found",
                   "nothing listens there");
}

TEST_F(ApiTest, StatusHasTheDocumentedShape) {
    const auto response = get("/v1/stacks");
    EXPECT_EQ(response.status, 200);
    const Json stack = json(response)["stacks"].items()[0];
    EXPECT_EQ(stack["name"].text(), "shop");
    EXPECT_EQ(stack["release"].integer(), 3);
    EXPECT_EQ(stack["state"].text(), "running");
    EXPECT_EQ(stack["urls"].items()[0].text(), "http://localhost:8080/");
    const Json api = stack["services"].items()[0];
    EXPECT_EQ(api["name"].text(), "api");
    EXPECT_EQ(api["desired"].integer(), 1);
    EXPECT_EQ(api["ready"].integer(), 1);
    const Json instance = api["instances"].items()[0];
    EXPECT_EQ(instance["id"].text(), "api-7");
    EXPECT_EQ(instance["state"].text(), "running");
    EXPECT_EQ(instance["pid"].integer(), 4711);
    EXPECT_EQ(instance["port"].integer(), 20001);
    EXPECT_EQ(instance["restarts"].integer(), 2);
    EXPECT_EQ(instance["release"].integer(), 3);
}

TEST_F(ApiTest, EveryAnswerHasTheShapeOfItsSchema) {
    for (const Endpoint& endpoint : endpoints()) {
        if (endpoint.method != "GET" || endpoint.response.empty() ||
            (endpoint.answer != Answer::kJson && endpoint.answer != Answer::kJsonOrEvents)) {
            continue;
        }
        std::string target(endpoint.path);
        target = base::replace_all(target, "{stack}", "shop");
        target = base::replace_all(target, "{release}", "2");
        target += endpoint.operation == Operation::kExplainRoute ? "?url=http://shop.test/" : "";
        const auto response = get(target);
        EXPECT_EQ(response.status, endpoint.status) << target << " " << response.body;
        for (const FieldProblem& problem : check(schema(endpoint.response), json(response))) {
            ADD_FAILURE() << target << ": " << problem.pointer << " " << problem.detail;
        }
    }
}

TEST_F(ApiTest, UnknownPathsMethodsAndStacksAreTold) {
    expect_problem(get("/v1/stack"), 404, "not_found", "/v1/openapi.json");
    expect_problem(get("/v1/stacks/shp"), 404, "not_found", "did you mean \"shop\"");
    net::HttpRequest put;
    put.method = "PUT";
    put.target = "/v1/stacks";
    expect_problem(send(put), 405, "method_not_allowed", "GET, POST");
}

TEST_F(ApiTest, UnknownAndBadParametersAreRefused) {
    expect_problem(get("/v1/events?limt=3"), 400, "bad_request", "did you mean \"limit\"");
    expect_problem(get("/v1/events?limit=x"), 400, "bad_request", "must be a number");
    expect_problem(get("/v1/events?limit=5000"), 422, "invalid", "1..1000");
    expect_problem(get("/v1/events?cursor=abc"), 422, "invalid", "cursor");
    expect_problem(get("/v1/events?follow=yes"), 400, "bad_request", "true or false");
    expect_problem(get("/v1/events?limit=1&limit=2"), 400, "bad_request", "twice");
    expect_problem(get("/v1/stacks/shop/logs?since=yesterday"), 400, "bad_request", "RFC 3339");
    expect_problem(get("/v1/stacks/shop/releases/x"), 400, "bad_request", "must be a number");
    expect_problem(get("/v1/events?stack=%zz"), 400, "bad_request", "percent-encoding");
}

TEST_F(ApiTest, BodiesAreCheckedStrictly) {
    expect_problem(post("/v1/stacks", "{"), 400, "bad_request", "JSON: line 1");
    expect_problem(post("/v1/stacks", R"({"directory":"/a","filez":[]})"), 422, "invalid",
                   "did you mean \"files\"");
    expect_problem(post("/v1/stacks", R"({"directory":7})"), 422, "invalid",
                   "must be a string, got 7");
    expect_problem(post("/v1/stacks", "{}"), 422, "invalid", "\"directory\" is missing");
    expect_problem(post("/v1/stacks", R"({"directory":"rel"})"), 422, "invalid", "absolute");
    expect_problem(post("/v1/stacks", R"({"directory":"/a","directory":"/b"})"), 400, "bad_request",
                   "twice");
    expect_problem(post("/v1/stacks/shop/scale", R"({"services":{"api":-1,"web":"2"}})"), 422,
                   "invalid", "(and 1 more)");
    EXPECT_EQ(post("/v1/stacks", std::string(5u << 20, ' ')).status, 413);
    net::HttpRequest form;
    form.method = "POST";
    form.target = "/v1/stacks";
    form.fields.add("Content-Type", "application/x-www-form-urlencoded");
    form.body = "directory=/a";
    expect_problem(send(form), 415, "unsupported_media_type", "application/json");
    EXPECT_TRUE(stacks_.deploys.empty());
}

TEST_F(ApiTest, ADeployIsAcceptedAndTellsWhereToFollowIt) {
    stacks_.notes = {{"shore.yaml", 3, 5, "services.api.tty", "is ignored"}};
    const auto response = post("/v1/stacks", R"({"directory":"/srv/shop","files":["a.yaml"],
        "environment":"testing","variables":{"A":"1"},"profiles":["x"],"origin":"up"})");
    EXPECT_EQ(response.status, 202) << response.body;
    EXPECT_EQ(response.fields.find("Location"), "/v1/stacks/shop/progress");
    EXPECT_EQ(json(response)["release"].integer(), 4);
    EXPECT_EQ(json(response)["notes"].items()[0]["line"].integer(), 3);
    ASSERT_EQ(stacks_.deploys.size(), 1u);
    const DeployRequest& request = stacks_.deploys[0];
    EXPECT_EQ(request.manifest.directory, "/srv/shop");
    EXPECT_EQ(request.manifest.files, std::vector<std::filesystem::path>{"a.yaml"});
    EXPECT_EQ(request.manifest.environment, "testing");
    EXPECT_EQ(request.manifest.variables.at("A"), "1");
    EXPECT_EQ(request.origin, "up");
}

TEST_F(ApiTest, AManifestWithMistakesIsRefusedWithAllOfThem) {
    stacks_.rejection =
        Rejection{Error(ErrorCode::kInvalid, "the manifest has 2 mistakes"),
                  {{"shore.yaml", 35, 9, "services.api.deploy.replicas", "must be 0..1000"},
                   {"shore.yaml", 40, 3, "", "unknown key"}}};
    const auto response = post("/v1/stacks", R"({"directory":"/srv/shop"})");
    expect_problem(response, 422, "invalid", "2 mistakes");
    const Json problem = json(response);
    ASSERT_EQ(problem["errors"].items().size(), 2u);
    EXPECT_EQ(
        problem["errors"].items()[0].dump(),
        R"({"file":"shore.yaml","line":35,"column":9,"path":"services.api.deploy.replicas","detail":"must be 0..1000"})");
}

TEST_F(ApiTest, AnIdempotencyKeyLetsADeployActOnce) {
    const std::string body = R"({"directory":"/srv/shop"})";
    const auto first = post("/v1/stacks", body, "k1");
    const auto second = post("/v1/stacks", body, "k1");
    EXPECT_EQ(first.body, second.body);
    EXPECT_EQ(second.status, 202);
    EXPECT_EQ(second.fields.find("Location"), "/v1/stacks/shop/progress");
    EXPECT_EQ(stacks_.deploys.size(), 1u);
    expect_problem(post("/v1/stacks", R"({"directory":"/srv/other"})", "k1"), 422, "invalid",
                   "another request");
    EXPECT_EQ(post("/v1/stacks", body, "k2").status, 202);
    EXPECT_EQ(stacks_.deploys.size(), 2u);
}

TEST_F(ApiTest, AFailedCallFreesItsIdempotencyKey) {
    stacks_.rejection = Rejection{Error(ErrorCode::kConflict, "busy"), {}};
    EXPECT_EQ(post("/v1/stacks", R"({"directory":"/a"})", "k").status, 409);
    stacks_.rejection.reset();
    EXPECT_EQ(post("/v1/stacks", R"({"directory":"/a"})", "k").status, 202);
}

TEST_F(ApiTest, ChangesOfServicesReachThePort) {
    EXPECT_EQ(post("/v1/stacks/shop/scale", R"({"services":{"api":5}})").status, 202);
    EXPECT_EQ(post("/v1/stacks/shop/restart", R"({"services":["api"]})").status, 202);
    EXPECT_EQ(post("/v1/stacks/shop/stop", "{}").status, 202);
    EXPECT_EQ(post("/v1/stacks/shop/start", "").status, 202);
    EXPECT_EQ(post("/v1/stacks/shop/rollback", R"({"release":2})").status, 202);
    EXPECT_EQ(stacks_.calls,
              (std::vector<std::string>{"scale shop api=5", "restart shop api", "stop shop ",
                                        "start shop ", "rollback shop 2"}));
    expect_problem(post("/v1/stacks/shop/stop", R"({"services":["ap"]})"), 404, "not_found",
                   "did you mean \"api\"");
    expect_problem(post("/v1/stacks/shop/scale", R"({"services":{"apo":1}})"), 404, "not_found",
                   "did you mean \"api\"");
    expect_problem(post("/v1/stacks/shop/rollback", R"({"release":99})"), 404, "not_found", "99");
}

TEST_F(ApiTest, ReleasesComeInPages) {
    const Json first = json(get("/v1/stacks/shop/releases?limit=2"));
    ASSERT_EQ(first["releases"].items().size(), 2u);
    EXPECT_EQ(first["releases"].items()[0]["number"].integer(), 3);
    const Json second = json(get(
        fmt::format("/v1/stacks/shop/releases?limit=2&cursor={}", first["next_cursor"].text())));
    ASSERT_EQ(second["releases"].items().size(), 1u);
    EXPECT_EQ(second["releases"].items()[0]["number"].integer(), 1);
    EXPECT_TRUE(second["next_cursor"].is_null());
}

TEST_F(ApiTest, ADiffWithoutNumbersComparesTheNewestWithTheOneBefore) {
    EXPECT_EQ(json(get("/v1/stacks/shop/diff"))["changes"].items()[0]["kind"].text(), "added");
    EXPECT_EQ(stacks_.calls.back(), "diff shop 2 3");
    get("/v1/stacks/shop/diff?from=1&to=3");
    EXPECT_EQ(stacks_.calls.back(), "diff shop 1 3");
}

TEST_F(ApiTest, DownAnswersWhenNothingIsLeftAndGoesOnWithoutItsClient) {
    net::HttpRequest request;
    request.method = "DELETE";
    request.target = "/v1/stacks/shop?volumes=true";
    {
        net::HttpClient client(*loop_, *net::Address::unix_path(socket_));
        auto lost = async::block_on(
            *loop_,
            client.start(request, async::Deadline::in(*loop_, std::chrono::milliseconds(50))));
        EXPECT_EQ(lost.error().code(), ErrorCode::kTimeout);
    }
    stacks_.down_allowed.set();
    while (stacks_.calls.back() != "down ended") {
        loop_->turn();
    }
    EXPECT_EQ(stacks_.calls.front(), "down shop with volumes");
    expect_problem(send(request), 404, "not_found", "no stack");
    stacks_.stacks = {FakeStacks::shop()};
    EXPECT_EQ(json(send(request))["ok"].truth(), true);
}

TEST_F(ApiTest, ProgressEndsWithTheJudgement) {
    stacks_.stacks[0].deploying = 4;
    stacks_.stacks[0].phase = Phase::kRolling;
    stacks_.first_reports = {{.release = 4,
                              .phase = Phase::kRolling,
                              .message = "starting api-8",
                              .services = {{"api", 1, 1, 0, ""}}}};
    net::HttpRequest request;
    request.target = "/v1/stacks/shop/progress?release=4";
    const auto exchange = begin(request);
    EXPECT_EQ(exchange->fields().find("Content-Type"), "text/event-stream");
    auto events = read_events(*exchange, 1);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].event, "progress");
    EXPECT_EQ((*Json::parse(events[0].data))["message"].text(), "starting api-8");
    stacks_.stacks[0].deploying = 0;
    stacks_.stacks[0].phase = Phase::kSucceeded;
    stacks_.stacks[0].release = 4;
    ASSERT_TRUE(stacks_.watcher->try_push({.release = 4, .phase = Phase::kSucceeded}));
    events = read_events(*exchange, 99);
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[1].event, "settled");
    const Json settled = *Json::parse(events[1].data);
    EXPECT_TRUE(settled["ok"].truth());
    EXPECT_EQ(settled["message"].text(), "release 4 is active");
}

TEST_F(ApiTest, LogsAreLinesOfJson) {
    logs_.batches = {{R"({"message":"a"})", R"({"message":"b"})"}, {R"({"message":"c"})"}};
    const auto response =
        get("/v1/stacks/shop/logs?tail=10&service=api&service=api-3&since=2026-01-01T00:00:00Z");
    EXPECT_EQ(response.fields.find("Content-Type"), "application/x-ndjson");
    EXPECT_EQ(response.body, "{\"message\":\"a\"}\n{\"message\":\"b\"}\n{\"message\":\"c\"}\n");
    const LogQuery& query = logs_.queries.at(0);
    EXPECT_EQ(query.services, std::vector<std::string>{"api"});
    EXPECT_EQ(query.instances, std::vector<std::string>{"api-3"});
    EXPECT_EQ(query.tail, 10u);
    EXPECT_TRUE(query.since);
    expect_problem(get("/v1/stacks/shop/logs?service=apu"), 404, "not_found", "\"api\"");
}

TEST_F(ApiTest, FollowedLogsAreEvents) {
    logs_.batches = {{R"({"message":"a"})"}};
    net::HttpRequest request;
    request.target = "/v1/stacks/shop/logs?follow=true";
    const auto exchange = begin(request);
    const auto events = read_events(*exchange, 1);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].event, "line");
    EXPECT_EQ(events[0].data, R"({"message":"a"})");
}

TEST_F(ApiTest, EventsComeInPagesAndAreFollowed) {
    for (int i = 1; i <= 3; ++i) {
        events_->record(
            {.stack = i == 2 ? "other" : "shop", .kind = "test", .message = fmt::format("{}", i)});
    }
    Json page = json(get("/v1/events?limit=2"));
    ASSERT_EQ(page["events"].items().size(), 2u);
    page = json(get(fmt::format("/v1/events?limit=2&cursor={}", page["next_cursor"].text())));
    ASSERT_EQ(page["events"].items().size(), 1u);
    EXPECT_EQ(page["events"].items()[0]["message"].text(), "3");
    EXPECT_EQ(
        json(get("/v1/events?stack=shop&newest=true&limit=1"))["events"].items()[0]["id"].integer(),
        3);

    net::HttpRequest request;
    request.target = "/v1/events?follow=true&stack=shop";
    request.fields.add("Last-Event-ID", "1");
    const auto exchange = begin(request);
    auto events = read_events(*exchange, 1);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].id, "3");
    events_->record({.stack = "other", .kind = "test"});
    events_->record({.stack = "shop", .kind = "test", .message = "new"});
    events = read_events(*exchange, 1);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ((*Json::parse(events[0].data))["message"].text(), "new");
}

TEST_F(ApiTest, ExecStreamsOutputAndEndsWithTheExitStatus) {
    exec_.allowed.set();
    const auto response = post("/v1/stacks/shop/exec", R"({"target":"api","command":["ls","-l"]})");
    EXPECT_EQ(exec_.requests.at(0).instance, "api-7");
    std::vector<Json> lines;
    for (const std::string_view line : base::split(base::trim(response.body), '\n')) {
        lines.push_back(*Json::parse(line));
    }
    ASSERT_EQ(lines.size(), 3u) << response.body;
    EXPECT_EQ(wire::base64_decode(lines[0]["bytes"].text()), "out\n");
    EXPECT_EQ(lines[1]["kind"].text(), "stderr");
    EXPECT_EQ(wire::base64_decode(lines[1]["bytes"].text()), std::string("\xff\0", 2));
    EXPECT_EQ(lines[2].dump(), R"({"kind":"exit","exit_code":3})");
    EXPECT_NE(post("/v1/stacks/shop/exec", R"({"target":"api-7","command":["missing"]})")
                  .body.find("no such program"),
              std::string::npos);
    expect_problem(post("/v1/stacks/shop/exec", R"({"target":"web","command":["ls"]})"), 409,
                   "conflict", "no running instance");
    expect_problem(post("/v1/stacks/shop/exec", R"({"target":"x","command":["ls"]})"), 404,
                   "not_found", "\"x\"");
    expect_problem(post("/v1/stacks/shop/exec", R"({"target":"api","command":[]})"), 422, "invalid",
                   "needs a command");
}

TEST_F(ApiTest, AClientThatLeavesEndsItsCommand) {
    net::HttpRequest request;
    request.method = "POST";
    request.target = "/v1/stacks/shop/exec";
    request.body = R"({"target":"api","command":["sleep"]})";
    request.fields.add("Content-Type", "application/json");
    auto exchange = begin(request);
    EXPECT_FALSE(read(*exchange).empty());
    EXPECT_EQ(exec_.running, 1);
    exchange.reset();
    while (exec_.running != 0) {
        loop_->turn();
    }
}

TEST_F(ApiTest, ProbesTellWhetherTheDaemonIsReady) {
    EXPECT_EQ(get("/livez").body, "ok\n");
    EXPECT_EQ(get("/readyz").status, 200);
    daemon_.is_ready = false;
    expect_problem(get("/readyz"), 503, "not_ready", "gateway does not answer");
    EXPECT_EQ(get("/livez").status, 200);
    EXPECT_EQ(get("/metrics").fields.find("Content-Type"),
              "text/plain; version=0.0.4; charset=utf-8");
}

TEST_F(ApiTest, ShutdownReachesTheDaemon) {
    EXPECT_EQ(post("/v1/daemon/shutdown", "").status, 202);
    EXPECT_TRUE(daemon_.ended);
}

/// What a command prints, while the loop turns.
std::string output_of(async::Loop& loop, const std::string& command) {
    std::string output;
    std::atomic<bool> ended = false;
    std::thread runner([&] {
        FILE* pipe = ::popen(command.c_str(), "r");
        char buffer[4096];
        while (const size_t got = ::fread(buffer, 1, sizeof buffer, pipe)) {
            output.append(buffer, got);
        }
        ::pclose(pipe);
        ended = true;
        loop.post([] {});
    });
    while (!ended) {
        loop.turn();
    }
    runner.join();
    return output;
}

TEST_F(ApiTest, CurlAgrees) {
    const std::string curl = fmt::format("curl -sS --max-time 20 --unix-socket {} ", socket_);
    EXPECT_EQ(output_of(*loop_, curl + "http://localhost/readyz 2>&1"), "ok\n");
    const auto status = Json::parse(output_of(*loop_, curl + "http://x/v1/stacks/shop 2>&1"));
    ASSERT_TRUE(status);
    EXPECT_EQ((*status)["name"].text(), "shop");
    EXPECT_EQ(output_of(*loop_, curl + "-o /dev/null -w '%{http_code} %{content_type}' -X POST "
                                       "--json '{}' http://x/v1/stacks 2>&1"),
              "422 application/problem+json");
    logs_.batches = {{"{}"}, {"{}"}};
    EXPECT_EQ(output_of(*loop_, curl + "http://x/v1/stacks/shop/logs 2>&1"), "{}\n{}\n");
    logs_.batches = {{R"({"message":"a"})"}};
    EXPECT_NE(
        output_of(*loop_, curl + "--max-time 1 -N 'http://x/v1/stacks/shop/logs?follow=true' 2>&1")
            .find("event: line\ndata: {\"message\":\"a\"}"),
        std::string::npos);
}

}  // namespace
}  // namespace shore::api
