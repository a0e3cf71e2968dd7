// Round trips of the small network services: a 64-byte echo and a control API request, client and
// server as coroutines of one loop, so that the figure is work and not waiting for another thread.
// Figures with their conditions are in docs/benchmarks.md.
//
// System calls per echo: two sends, two receives that find bytes, and two that say EAGAIN when the
// peer has not run yet.
#include <benchmark/benchmark.h>

#include "async/block_on.h"
#include "async/scope.h"
#include "net/dial.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "os/directory.h"

namespace shore::net {
namespace {

using async::Deadline;
using async::Loop;
using async::Task;

struct Bench {
    base::SystemClock clock;
    std::unique_ptr<Loop> loop = std::move(*Loop::open(clock));
    os::TemporaryDirectory directory = std::move(*os::TemporaryDirectory::create());

    Address address(int64_t kind) const {
        return kind == 0 ? *Address::unix_path(directory.file("s")) : Address::loopback(0);
    }
};

Task<void> echo(Loop& loop, Listener& listener) {
    auto accepted = co_await listener.accept();
    const auto stream = std::move(*Stream::open(loop, std::move(accepted->socket)));
    std::vector<char> buffer(4096);
    while (true) {
        const auto got = co_await stream->read_some(buffer, Deadline::never());
        if (!got || *got == 0) {
            co_return;
        }
        if (!co_await stream->write_all({buffer.data(), *got}, Deadline::never())) {
            co_return;
        }
    }
}

Task<void> ask(Loop& loop, Address address, benchmark::State& state) {
    const auto stream = std::move(*co_await dial(loop, address, Deadline::never()));
    const std::string question(64, 'x');
    std::vector<char> buffer(4096);
    for (auto _ : state) {
        // A deadline that does not pass, as real callers have.
        const Deadline deadline = Deadline::in(loop, std::chrono::seconds(30));
        if (!co_await stream->write_all(question, deadline)) {
            state.SkipWithError("the write failed");
            break;
        }
        if (!co_await stream->read_some(buffer, deadline)) {
            state.SkipWithError("the read failed");
            break;
        }
    }
}

/// 0: Unix socket, 1: TCP on loopback.
void echo_round_trip(benchmark::State& state) {
    Bench bench;
    const auto listener = std::move(*Listener::open(*bench.loop, bench.address(state.range(0))));
    async::Scope scope(*bench.loop);
    scope.spawn(echo(*bench.loop, *listener));
    async::block_on(*bench.loop, ask(*bench.loop, listener->address(), state));
}
BENCHMARK(echo_round_trip)->Arg(0)->Arg(1);

class Hello final : public HttpHandler {
 public:
    Task<void> handle(const HttpRequest&, HttpResponder& responder) override {
        co_await responder.send(HttpResponse::json(200, R"({"hello":"world"})"));
    }
};

Task<void> fetch(HttpClient& client, Loop& loop, benchmark::State& state) {
    for (auto _ : state) {
        const auto answer = co_await client.fetch({.target = "/v1/hello"},
                                                  Deadline::in(loop, std::chrono::seconds(30)));
        if (!answer) {
            state.SkipWithError("the request failed");
            break;
        }
    }
}

/// One request of the small HTTP client to the small HTTP server over a kept connection.
void http_round_trip(benchmark::State& state) {
    Bench bench;
    Hello hello;
    HttpServer server(*bench.loop, hello);
    const Address address = *server.listen(bench.address(state.range(0)));
    HttpClient client(*bench.loop, address);
    async::block_on(*bench.loop, fetch(client, *bench.loop, state));
}
BENCHMARK(http_round_trip)->Arg(0)->Arg(1);

}  // namespace
}  // namespace shore::net
