#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "async/block_on.h"
#include "async/process_watch.h"
#include "async/timer.h"
#include "net/dial.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/sse.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/process.h"

namespace shore::net {
namespace {

using async::block_on;
using async::Deadline;
using async::Loop;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Sets a flag when the frame that holds it ends.
struct Mark {
    bool& flag;
    ~Mark() { flag = true; }
};

/// A handler with one behaviour per path.
class TestHandler final : public HttpHandler {
 public:
    explicit TestHandler(Loop& loop) : loop_(loop) {}

    Task<void> handle(const HttpRequest& request, HttpResponder& responder) override {
        ++requests;
        if (request.path() == "/echo") {
            co_await responder.send(HttpResponse::text(
                200, fmt::format("{} {} {}", request.method, request.query(), request.body)));
        } else if (request.path() == "/silent") {
            co_return;
        } else if (request.path() == "/slow") {
            co_await async::sleep_for(loop_, milliseconds(50));
            co_await responder.send(HttpResponse::text(200, "done"));
        } else if (request.path() == "/events") {
            co_await stream_events(responder, 3);
            co_await responder.end();
        } else if (request.path() == "/cut") {
            co_await stream_events(responder, 1);
        } else if (request.path() == "/endless") {
            const Mark mark{handler_ended};
            co_await stream_events(responder, 1);
            co_await async::sleep_for(loop_, std::chrono::hours(1));
        } else if (request.path() == "/flood") {
            const Mark mark{handler_ended};
            co_await responder.begin({});
            while (co_await responder.write(std::string(100'000, 'x'))) {
            }
        } else if (request.path() == "/header") {
            HttpResponse response = HttpResponse::text(200, "ok");
            response.fields.add("X-Evil", "a\r\nX-Injected: b");
            co_await responder.send(std::move(response));
        } else if (request.path() == "/twice") {
            co_await responder.send(HttpResponse::text(200, "first"));
            second_error = (co_await responder.send(HttpResponse::text(200, "2"))).error().code();
        } else {
            co_await responder.send({.status = 204});
        }
    }

    int requests = 0;
    bool handler_ended = false;
    std::optional<ErrorCode> second_error;

 private:
    static Task<void> stream_events(HttpResponder& responder, int count) {
        HttpResponse head;
        head.fields.add("Content-Type", kSseContentType);
        EXPECT_TRUE(co_await responder.begin(std::move(head)));
        for (int i = 1; i <= count; ++i) {
            EXPECT_TRUE(co_await responder.write(
                to_text({.id = std::to_string(i), .event = "tick", .data = "line 1\nline 2"})));
        }
    }
    Loop& loop_;
};

class HttpTest : public testing::Test {
 protected:
    HttpTest()
        : loop_(std::move(*Loop::open(clock_))),
          directory_(std::move(*os::TemporaryDirectory::create())),
          handler_(*loop_) {}

    void start(HttpServerOptions options = {}) {
        server_ = std::make_unique<HttpServer>(*loop_, handler_, options);
        address_ = *server_->listen(Address::loopback(0));
    }
    Deadline soon() { return Deadline::in(*loop_, seconds(10)); }
    /// Sends raw bytes and returns all that comes back until the server closes.
    std::string raw(std::string bytes) { return block_on(*loop_, exchange(std::move(bytes))); }
    Task<std::string> exchange(std::string bytes) {
        auto stream = co_await dial(*loop_, address_, soon());
        EXPECT_TRUE(stream);
        EXPECT_TRUE(co_await (*stream)->write_all(bytes, soon()));
        std::string text;
        std::vector<char> buffer(10'000);
        while (true) {
            const auto got = co_await (*stream)->read_some(buffer, soon());
            EXPECT_TRUE(got) << got.error().text();
            if (got.value_or(0) == 0) {
                co_return text;
            }
            text.append(buffer.data(), *got);
        }
    }
    std::string curl(std::vector<std::string> arguments) {
        const std::string out = directory_.file("curl.out");
        os::SpawnOptions options{.argv = {"curl", "-sS", "--max-time", "10", "-o", out},
                                 .environment = {"PATH=/usr/bin:/bin"}};
        options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
        options.standard_error = os::SpawnOptions::kInherit;
        auto process = os::Process::spawn(options);
        EXPECT_TRUE(process);
        const auto status = block_on(*loop_, async::wait_for_exit(*loop_, *process, soon()));
        EXPECT_TRUE(status && status->success());
        return os::read_file(out, Bytes::mib(10)).value_or("");
    }
    void run_until(const bool& flag) {
        const SteadyTime end = clock_.steady_now() + seconds(10);
        while (!flag && clock_.steady_now() < end) {
            loop_->turn();
        }
        EXPECT_TRUE(flag);
    }

    base::SystemClock clock_;
    std::unique_ptr<Loop> loop_;
    os::TemporaryDirectory directory_;
    TestHandler handler_;
    std::unique_ptr<HttpServer> server_;
    Address address_;
};

TEST_F(HttpTest, AnswersRequestsOverOneKeptConnection) {
    start();
    HttpClient client(*loop_, address_);
    for (int i = 0; i < 3; ++i) {
        const auto response = block_on(
            *loop_,
            client.fetch({.method = "POST", .target = "/echo?a=1", .body = "hello"}, soon()));
        ASSERT_TRUE(response) << response.error().text();
        EXPECT_EQ(response->status, 200);
        EXPECT_EQ(response->body, "POST a=1 hello");
        EXPECT_TRUE(response->fields.find("date"));
    }
    EXPECT_EQ(server_->connection_count(), 1u);
    EXPECT_EQ(block_on(*loop_, client.fetch({.target = "/other"}, soon()))->status, 204);
}

TEST_F(HttpTest, AgreesWithCurlOverTcpAndUnix) {
    start();
    const std::string base = "http://" + address_.to_text();
    EXPECT_EQ(curl({"-d", "x=y", base + "/echo?q"}), "POST q x=y");
    // A chunked upload that waits for 100-continue.
    EXPECT_EQ(curl({"-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue", "-d",
                    std::string(50'000, 'z'), base + "/echo"}),
              "POST  " + std::string(50'000, 'z'));
    EXPECT_EQ(curl({"-I", "-w", "%{http_code}", base + "/echo"}).find("HTTP/1.1 200 OK"), 0u);
    EXPECT_EQ(curl({"--http1.0", base + "/events"}).size(), curl({base + "/events"}).size());
    const Address path = *Address::unix_path(directory_.file("api.sock"));
    ASSERT_TRUE(server_->listen(path));
    EXPECT_EQ(curl({"--unix-socket", path.path(), "http://localhost/echo"}), "GET  ");
}

TEST_F(HttpTest, AnswersPipelinedRequestsInOrder) {
    start();
    const std::string text =
        raw("GET /echo?1 HTTP/1.1\r\nHost: x\r\n\r\n"
            "POST /echo?2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
            "GET /echo?3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const size_t first = text.find("GET 1");
    const size_t second = text.find("POST 2 ab");
    const size_t third = text.find("GET 3");
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
    EXPECT_NE(third, std::string::npos);
}

TEST_F(HttpTest, RefusesWhatIsNotProperHttpAndCloses) {
    start({.body_bytes_max = 10});
    const auto status_of = [&](std::string bytes) { return raw(std::move(bytes)).substr(9, 3); };
    EXPECT_EQ(status_of("rubbish\r\n\r\n"), "400");
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), "400");
    EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), "505");
    EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n"),
              "400");
    EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
              "400");
    EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n"), "413");
    EXPECT_EQ(status_of("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "b\r\n12345678901\r\n0\r\n\r\n"),
              "413");
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n"),
              "431");
    EXPECT_EQ(handler_.requests, 0);
}

TEST_F(HttpTest, SlowClientsAreAnswered408AndIdleOnesAreClosed) {
    start({.head_timeout = milliseconds(20),
           .body_timeout = milliseconds(20),
           .idle_timeout = milliseconds(30)});
    EXPECT_EQ(raw("GET / HT").substr(9, 3), "408");
    EXPECT_EQ(raw("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\na").substr(9, 3), "408");
    EXPECT_EQ(raw(""), "");
}

TEST_F(HttpTest, AHandlerThatDoesNotAnswerMeans500AndOneThatAnswersTwiceIsTold) {
    start();
    HttpClient client(*loop_, address_);
    EXPECT_EQ(block_on(*loop_, client.fetch({.target = "/silent"}, soon()))->status, 500);
    EXPECT_EQ(block_on(*loop_, client.fetch({.target = "/twice"}, soon()))->body, "first");
    EXPECT_EQ(handler_.second_error, ErrorCode::kConflict);
}

TEST_F(HttpTest, AFieldFromOutsideCannotAddAnother) {
    start();
    const auto response =
        block_on(*loop_, http_fetch(*loop_, address_, {.target = "/header"}, soon()));
    EXPECT_EQ(response->fields.find("X-Evil"), "a  X-Injected: b");
    EXPECT_FALSE(response->fields.find("X-Injected"));
    const auto refused =
        block_on(*loop_, http_fetch(*loop_, address_, {.target = "/a b\r\nX: y"}, soon()));
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalid);
}

Task<Result<std::vector<SseEvent>>> collect(HttpClient& client, std::string target,
                                            Deadline deadline) {
    SHORE_CO_TRY(auto exchange, co_await client.start({.target = std::move(target)}, deadline));
    EXPECT_EQ(exchange->fields().find("content-type"), kSseContentType);
    SseReader reader;
    std::vector<SseEvent> events;
    while (true) {
        SHORE_CO_TRY(const std::string bytes, co_await exchange->read(deadline));
        if (bytes.empty()) {
            co_return events;
        }
        SHORE_CO_CHECK(reader.feed(bytes));
        while (auto event = reader.next()) {
            events.push_back(std::move(*event));
        }
    }
}

TEST_F(HttpTest, StreamsEventsToTheirEndAndShowsACutAsAnError) {
    start();
    HttpClient client(*loop_, address_);
    const auto events = block_on(*loop_, collect(client, "/events", soon()));
    ASSERT_TRUE(events) << events.error().text();
    ASSERT_EQ(events->size(), 3u);
    EXPECT_EQ(events->back(), (SseEvent{"3", "tick", "line 1\nline 2"}));
    const auto cut = block_on(*loop_, collect(client, "/cut", soon()));
    EXPECT_EQ(cut.error().code(), ErrorCode::kCorrupt);
}

TEST_F(HttpTest, AClientThatLeavesEndsItsStreamsHandler) {
    start();
    {
        HttpClient client(*loop_, address_);
        auto exchange = block_on(*loop_, client.start({.target = "/endless"}, soon()));
        ASSERT_TRUE(exchange);
        ASSERT_TRUE(block_on(*loop_, (*exchange)->read(soon())));
        EXPECT_FALSE(handler_.handler_ended);
    }
    run_until(handler_.handler_ended);
}

TEST_F(HttpTest, AStreamWaitsForAClientThatDoesNotReadUntilItsTimeout) {
    start({.write_timeout = milliseconds(50)});
    HttpClient client(*loop_, address_);
    const auto exchange = block_on(*loop_, client.start({.target = "/flood"}, soon()));
    ASSERT_TRUE(exchange);
    run_until(handler_.handler_ended);
}

Task<void> fetch_into(HttpClient& client, std::string target, Deadline deadline,
                      std::optional<Result<HttpResponse>>& result) {
    result.emplace(co_await client.fetch({.target = std::move(target)}, deadline));
}

TEST_F(HttpTest, StoppingLetsAnswersEndAndClosesIdleConnections) {
    start();
    HttpClient busy(*loop_, address_);
    HttpClient idle(*loop_, address_);
    ASSERT_TRUE(block_on(*loop_, idle.fetch({.target = "/echo"}, soon())));
    std::optional<Result<HttpResponse>> result;
    async::Scope scope(*loop_);
    scope.spawn(fetch_into(busy, "/slow", soon(), result));
    while (handler_.requests < 2) {
        loop_->turn();
    }
    block_on(*loop_, server_->stop(soon()));
    block_on(*loop_, server_->stop(soon()));
    EXPECT_EQ(server_->connection_count(), 0u);
    block_on(*loop_, scope.join());
    ASSERT_TRUE(result && *result);
    EXPECT_EQ((*result)->body, "done");
    EXPECT_EQ((*result)->fields.find("Connection"), "close");
    EXPECT_FALSE(block_on(*loop_, idle.fetch({.target = "/echo"}, soon())));
}

TEST_F(HttpTest, StoppingCutsStreamsAtItsDeadline) {
    start();
    HttpClient client(*loop_, address_);
    const auto exchange = block_on(*loop_, client.start({.target = "/endless"}, soon()));
    ASSERT_TRUE(exchange);
    block_on(*loop_, server_->stop(Deadline::in(*loop_, milliseconds(20))));
    EXPECT_TRUE(handler_.handler_ended);
    EXPECT_EQ(server_->connection_count(), 0u);
}

TEST_F(HttpTest, AKeptConnectionThatWasClosedIsReplacedForIdempotentRequests) {
    start({.idle_timeout = milliseconds(10)});
    HttpClient client(*loop_, address_);
    ASSERT_TRUE(block_on(*loop_, client.fetch({.target = "/echo"}, soon())));
    while (server_->connection_count() > 0) {
        loop_->turn();
    }
    EXPECT_TRUE(block_on(*loop_, client.fetch({.target = "/echo"}, soon())));
}

TEST_F(HttpTest, ConnectionsOverTheLimitAreAnswered503) {
    start({.connections_max = 1});
    HttpClient first(*loop_, address_);
    ASSERT_TRUE(block_on(*loop_, first.fetch({.target = "/echo"}, soon())));
    EXPECT_EQ(block_on(*loop_, http_fetch(*loop_, address_, {.target = "/echo"}, soon()))->status,
              503);
}

TEST_F(HttpTest, TheClientLimitsBodiesAndTime) {
    start();
    const auto large =
        block_on(*loop_, http_fetch(*loop_, address_, {.target = "/echo?123456"}, soon(), 5));
    EXPECT_EQ(large.error().code(), ErrorCode::kExhausted);
    const auto late = block_on(*loop_, http_fetch(*loop_, address_, {.target = "/slow"},
                                                  Deadline::in(*loop_, milliseconds(5))));
    EXPECT_EQ(late.error().code(), ErrorCode::kTimeout);
    EXPECT_TRUE(late.error().text().starts_with("GET /slow at 127.0.0.1:"));
}

/// Accepts one connection, sends fixed bytes, closes.
Task<void> answer_raw(Loop& loop, Listener& listener, std::string bytes) {
    auto accepted = co_await listener.accept();
    auto stream = std::move(*Stream::open(loop, std::move(accepted->socket)));
    std::vector<char> request(10'000);
    EXPECT_TRUE(co_await stream->read_some(request, Deadline::never()));
    EXPECT_TRUE(co_await stream->write_all(bytes, Deadline::never()));
}

TEST_F(HttpTest, TheClientReadsEveryFramingAndRefusesRubbish) {
    const auto answer = [&](std::string bytes) {
        auto listener = std::move(*Listener::open(*loop_, Address::loopback(0)));
        async::Scope scope(*loop_);
        scope.spawn(answer_raw(*loop_, *listener, std::move(bytes)));
        return block_on(*loop_, http_fetch(*loop_, listener->address(), {}, soon()));
    };
    EXPECT_EQ(answer("HTTP/1.1 200 OK\r\n\r\nuntil close")->body, "until close");
    EXPECT_EQ(
        answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")->body,
        "abc");
    EXPECT_EQ(
        answer("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
            ->body,
        "x");
    EXPECT_EQ(answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort").error().code(),
              ErrorCode::kCorrupt);
    EXPECT_EQ(answer("SSH-2.0-OpenSSH_9.2\r\n").error().code(), ErrorCode::kCorrupt);
    EXPECT_EQ(answer("").error().code(), ErrorCode::kUnavailable);
    EXPECT_EQ(answer("HTTP/1.1 200 O").error().code(), ErrorCode::kUnavailable);
}

TEST(HttpRequest, DecodesItsQuery) {
    const HttpRequest request{.target = "/p%20q?a=1&b=x%2By+z&a=2&bare&bad=%zz&="};
    EXPECT_EQ(request.path(), "/p%20q");
    EXPECT_EQ(request.query_parameter("b"), "x+y z");
    EXPECT_EQ(request.query_parameters("a"), (std::vector<std::string>{"1", "2"}));
    EXPECT_EQ(request.query_parameter("bare"), "");
    EXPECT_FALSE(request.query_parameter("bad"));
    EXPECT_FALSE(request.query_parameter("missing"));
}

TEST(Sse, ReadsWhatTheStandardShowsHoweverItArrives) {
    const std::string stream =
        "\xEF\xBB\xBF: test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
        "data:  third event\r\ndata\r\r\nevent: add\rdata: x\n\ndata: never finished";
    const std::vector<SseEvent> expected = {{"1", "", "first event"},
                                            {"", "", "second event"},
                                            {"", "", " third event\n"},
                                            {"", "add", "x"}};
    for (size_t piece = 1; piece <= stream.size(); ++piece) {
        SseReader reader;
        std::vector<SseEvent> events;
        for (size_t at = 0; at < stream.size(); at += piece) {
            ASSERT_TRUE(reader.feed(std::string_view(stream).substr(at, piece)));
            while (auto event = reader.next()) {
                events.push_back(std::move(*event));
            }
        }
        EXPECT_EQ(events, expected) << "in pieces of " << piece;
    }
}

TEST(Sse, ReadsBackWhatItWrites) {
    const SseEvent event{"7", "log", "a\nb\n\nc"};
    SseReader reader;
    ASSERT_TRUE(reader.feed(to_text(event)));
    EXPECT_EQ(reader.next(), event);
    EXPECT_FALSE(reader.next());
    EXPECT_EQ(to_text({.id = "1\n2", .data = ""}), "id: 12\ndata: \n\n");
}

TEST(Sse, RefusesAnEventWithoutEnd) {
    SseReader reader;
    EXPECT_EQ(reader.feed(std::string(kSseEventBytesMax + 1, 'x')).error().code(),
              ErrorCode::kExhausted);
}

}  // namespace
}  // namespace shore::net
