#include "prove/prove.h"

#include <gtest/gtest.h>

#include "async/block_on.h"
#include "async/timer.h"
#include "net/http_server.h"
#include "prove/load.h"
#include "prove/sample_app.h"

namespace shore::prove {
namespace {

using async::Loop;
using async::Task;
using std::chrono::milliseconds;

/// Answers well, until told to misbehave.
class Moody final : public net::HttpHandler {
 public:
    Task<void> handle(const net::HttpRequest&, net::HttpResponder& responder) override {
        net::HttpResponse answer = net::HttpResponse::text(status, "v1 1");
        if (close) {
            answer.fields.add("Connection", "close");
        }
        co_await responder.send(std::move(answer));
    }
    uint16_t status = 200;
    bool close = false;
};

class LoadTest : public testing::Test {
 protected:
    LoadTest() : loop_(std::move(*Loop::open(clock_))) {}
    Task<void> run_load(HttpLoad& load) {
        load.start();
        co_await async::sleep_for(*loop_, milliseconds(300));
        co_await load.stop();
    }
    base::SystemClock clock_;
    std::unique_ptr<Loop> loop_;
};

TEST_F(LoadTest, KeepsItsRateAndItsConnections) {
    Moody app;
    net::HttpServer server(*loop_, app);
    HttpLoad load(*loop_, {.address = *server.listen(net::Address::loopback(0))});
    async::block_on(*loop_, run_load(load));
    EXPECT_EQ(load.failed(), 0u);
    EXPECT_EQ(load.closed_between(), 0u);
    EXPECT_GT(load.succeeded(), 30u);
    EXPECT_EQ(load.bodies().size(), 1u);
}

TEST_F(LoadTest, CountsEveryStatusButOkEveryCloseAndEveryRefusal) {
    Moody app;
    auto server = std::make_unique<net::HttpServer>(*loop_, app);
    const net::Address address = *server->listen(net::Address::loopback(0));
    std::vector<std::string> missed;

    app.status = 503;
    HttpLoad failing(*loop_, {.address = address});
    async::block_on(*loop_, run_load(failing));
    EXPECT_EQ(failing.succeeded(), 0u);
    EXPECT_GT(failing.failed(), 30u);
    judge(failing, missed);
    EXPECT_TRUE(missed.front().contains("status 503"));

    app.status = 200;
    app.close = true;
    HttpLoad closing(*loop_, {.address = address});
    async::block_on(*loop_, run_load(closing));
    EXPECT_EQ(closing.failed(), 0u);

    server.reset();
    HttpLoad refused(*loop_, {.address = address});
    async::block_on(*loop_, run_load(refused));
    EXPECT_EQ(refused.succeeded(), 0u);
    EXPECT_GT(refused.failed(), 30u);
}

TEST_F(LoadTest, SeesConnectionsThatAreClosedBetweenRequests) {
    Moody app;
    net::HttpServer server(*loop_, app, {.idle_timeout = milliseconds(20)});
    HttpLoad load(*loop_, {.address = *server.listen(net::Address::loopback(0))});
    async::block_on(*loop_, run_load(load));  // 80 ms between two requests of a connection.
    EXPECT_GT(load.closed_between(), 10u);
    std::vector<std::string> missed;
    judge(load, missed);
    EXPECT_FALSE(missed.empty());
}

Task<void> ignore(Task<Result<void>> task) {
    EXPECT_TRUE(co_await std::move(task));
}

Task<void> watch_streams(Loop& loop, OpenStreams& streams) {
    streams.start();
    co_await async::sleep_for(loop, milliseconds(700));
}

TEST_F(LoadTest, StreamsOfTheSampleAppStayOpenAndTheirEndIsSeen) {
    const auto probe = net::Listener::open(*loop_, net::Address::loopback(0));
    const uint16_t port = (*probe)->address().port();
    const_cast<std::unique_ptr<net::Listener>&>(*probe).reset();
    auto app = std::make_unique<async::Scope>(*loop_);
    app->spawn(ignore(run_sample_app(*loop_, {.port = port, .version = "v"})));
    OpenStreams streams(*loop_, net::Address::loopback(port), "/x/stream", 10);
    async::block_on(*loop_, watch_streams(*loop_, streams));
    EXPECT_EQ(streams.opened(), 10u);
    EXPECT_GE(streams.events(), 10u);
    std::vector<std::string> missed;
    judge(streams, missed);
    EXPECT_TRUE(missed.empty());
    app.reset();
    for (int i = 0; i < 1000 && streams.broken().size() < 10; ++i) {
        loop_->poll();
    }
    EXPECT_EQ(streams.broken().size(), 10u);
    judge(streams, missed);
    EXPECT_EQ(missed.size(), 1u);
}

TEST(Prove, ListsItsCasesAndNamesTheNearest) {
    const base::SystemClock clock;
    const auto loop = std::move(*Loop::open(clock));
    std::string text;
    const std::string list[] = {"--list"};
    EXPECT_EQ(run_prove(
                  *loop, *parse_prove_arguments(list),
                  []() -> Result<std::unique_ptr<Machine>> {
                      return fail(ErrorCode::kInternal, "listing needs no machine");
                  },
                  [&text](std::string_view part) { text += part; }),
              0);
    EXPECT_TRUE(text.contains("deploy-zero-downtime\n"));
    const std::string wrong[] = {"daemon-kil"};
    EXPECT_TRUE(
        parse_prove_arguments(wrong).error().text().contains("did you mean \"daemon-kill\""));
}

TEST(Prove, ACaseThatCannotBeMeasuredIsNotKept) {
    const base::SystemClock clock;
    const auto loop = std::move(*Loop::open(clock));
    std::string text;
    const auto no_machine = []() -> Result<std::unique_ptr<Machine>> {
        return fail(ErrorCode::kExhausted, "the disk is full");
    };
    const auto print = [&text](std::string_view part) { text += part; };
    EXPECT_EQ(run_prove(*loop, {.names = {"daemon-kill"}}, no_machine, print), 1);
    EXPECT_EQ(text, "daemon-kill: not measured\n  the disk is full\n");
    EXPECT_EQ(run_prove(*loop, {.json = true, .names = {"daemon-kill"}}, no_machine, print), 1);
    EXPECT_TRUE(text.contains("\"kept\":false"));
}

}  // namespace
}  // namespace shore::prove
