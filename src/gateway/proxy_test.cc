// The gateway's shards with real sockets: small upstreams on threads of their own, raw clients.
#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "async/block_on.h"
#include "base/clock.h"
#include "gateway/exchange.h"
#include "gateway/service.h"
#include "net/listener.h"
#include "os/directory.h"
#include "support/allocations.h"

namespace shore::gateway {
namespace {

/// A blocking client or server socket with the few calls that tests need.
class Socket final {
 public:
    explicit Socket(os::Fd fd) : fd_(std::move(fd)) {}
    static Socket connect(uint16_t port) {
        os::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_storage raw{};
        const socklen_t length = net::Address::loopback(port).to_socket(raw);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&raw), length), 0);
        return Socket(std::move(fd));
    }

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return;
            }
            bytes.remove_prefix(static_cast<size_t>(sent));
        }
    }
    /// At least one byte, within five seconds; empty at the end.
    std::string receive() {
        pollfd wanted{.fd = fd_.get(), .events = POLLIN};
        if (poll(&wanted, 1, 5000) != 1) {
            ADD_FAILURE() << "nothing arrived";
            return {};
        }
        std::array<char, 16384> buffer;
        const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
        return {buffer.data(), got > 0 ? static_cast<size_t>(got) : 0};
    }
    /// Receives until `end` is at the end of what was received, or the peer ends.
    std::string receive_until(std::string_view end) {
        std::string all;
        while (!all.ends_with(end)) {
            const std::string piece = receive();
            if (piece.empty()) {
                break;
            }
            all += piece;
        }
        return all;
    }
    void close() { fd_.close(); }
    int get() const { return fd_.get(); }

 private:
    os::Fd fd_;
};

/// An app on a thread: calls `serve` for each connection.
class App final {
 public:
    using Serve = std::function<void(Socket&)>;
    explicit App(Serve serve) : serve_(std::move(serve)) {
        auto listening = net::open_listening_socket(net::Address::loopback(0));
        EXPECT_TRUE(listening);
        listening_ = std::move(*listening);
        EXPECT_TRUE(os::set_nonblocking(listening_.get(), false));
        port_ = net::Address::local_of(listening_.get())->port();
        thread_ = std::thread([this] { run(); });
    }
    ~App() { stop(); }
    void stop() {
        if (thread_.joinable()) {
            shutdown(listening_.get(), SHUT_RDWR);
            thread_.join();
            listening_.close();
        }
    }
    uint16_t port() const { return port_; }
    int connections() const { return connections_; }

 private:
    void run() {
        std::vector<std::thread> served;
        while (true) {
            os::Fd accepted(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!accepted) {
                break;
            }
            ++connections_;
            served.emplace_back([this, fd = std::move(accepted)]() mutable {
                Socket socket(std::move(fd));
                serve_(socket);
            });
        }
        for (std::thread& thread : served) {
            thread.join();
        }
    }
    Serve serve_;
    os::Fd listening_;
    uint16_t port_ = 0;
    std::atomic<int> connections_ = 0;
    std::thread thread_;
};

/// Answers each request with `answer` until the connection ends.
App::Serve answering(std::string answer) {
    return [answer = std::move(answer)](Socket& socket) {
        while (socket.receive_until("\r\n\r\n").ends_with("\r\n\r\n")) {
            socket.send(answer);
        }
    };
}

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";
constexpr std::string_view kHello =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nhello";

class Gateway : public testing::Test {
 protected:
    void SetUp() override {
        auto loop = async::Loop::open(clock_);
        ASSERT_TRUE(loop);
        loop_ = std::move(*loop);
        auto service = Service::start(*loop_, clock_, 1, {});
        ASSERT_TRUE(service) << service.error().text();
        service_ = std::move(*service);
    }

    /// A snapshot with one route to these ports on one listener.
    model::Snapshot snapshot(const std::vector<uint16_t>& ports) {
        model::Snapshot made;
        made.version = ++version_;
        made.listeners = {{"127.0.0.1", 0}};
        made.upstreams = {{.name = "shop/api"}};
        for (const uint16_t port : ports) {
            made.upstreams[0].endpoints.push_back(
                {.instance = fmt::format("shop/api-{}", port), .port = port});
        }
        made.routes = {{.name = "shop/api",
                        .stack = "shop",
                        .service = "api",
                        .listeners = {0},
                        .upstream = 0}};
        made.access_log = false;
        made.drain_timeout = std::chrono::seconds(5);
        return made;
    }
    void apply(model::Snapshot snapshot) {
        const auto errors = async::block_on(*loop_, service_->apply(std::move(snapshot)));
        ASSERT_TRUE(errors.empty()) << errors[0].reason;
        port_ = service_->port_of({"127.0.0.1", 0});
        ASSERT_NE(port_, 0);
    }
    Socket client() { return Socket::connect(port_); }
    std::string metrics() { return async::block_on(*loop_, service_->metrics()); }

    base::SystemClock clock_;
    uint64_t version_ = 0;
    uint16_t port_ = 0;
    std::unique_ptr<async::Loop> loop_;
    std::unique_ptr<Service> service_;
};

TEST_F(Gateway, KeepsBothConnectionsForTheNextRequest) {
    App app(answering(std::string(kHello)));
    apply(snapshot({app.port()}));
    Socket socket = client();
    for (int i = 0; i < 20; ++i) {
        socket.send(kGet);
        EXPECT_TRUE(socket.receive_until("hello").ends_with("\r\n\r\nhello"));
    }
    EXPECT_EQ(app.connections(), 1);
    socket.close();
    service_.reset();
}

/// Answers from a thread that uses no heap: the gateway is alone while it is counted.
App::Serve answering_without_heap(std::string_view answer) {
    return [answer](Socket& socket) {
        std::array<char, 4096> buffer;
        while (recv(socket.get(), buffer.data(), buffer.size(), 0) > 0) {
            socket.send(answer);
        }
    };
}

/// A thousand requests that end with `end`, after some that fill the pools.
void expect_no_allocations(Socket socket, std::string_view end) {
    std::vector<char> buffer(size_t{64} * 1024);
    const auto exchange = [&] {
        socket.send(kGet);
        size_t got = 0;
        while (!std::string_view(buffer.data(), got).ends_with(end)) {
            const ssize_t more = recv(socket.get(), buffer.data() + got, buffer.size() - got, 0);
            ASSERT_GT(more, 0);
            got += static_cast<size_t>(more);
        }
    };
    for (int i = 0; i < 100; ++i) {
        exchange();
    }
    const uint64_t before = support::allocations();
    for (int i = 0; i < 1000; ++i) {
        exchange();
    }
    // Housekeeping once a second and the Date line may allocate; a request may not.
    EXPECT_LT(support::allocations() - before, 50);
}

TEST_F(Gateway, AllocatesNothingPerProxiedRequest) {
    if (!support::allocations_are_counted()) {
        return;  // A sanitizer's own allocator counts nothing.
    }
    App app(answering_without_heap(kHello));
    apply(snapshot({app.port()}));
    expect_no_allocations(client(), "hello");
    service_.reset();
}

TEST_F(Gateway, AllocatesNothingPerRequestAnsweredFromMemory) {
    if (!support::allocations_are_counted()) {
        return;
    }
    for (const size_t size : {5, 16 * 1024, 40'000}) {
        const std::string answer = fmt::format(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nCache-Control: "
            "max-age=60\r\nVary: Accept-Encoding\r\n\r\n{}end",
            size + 3, std::string(size, 'x'));
        std::atomic<int> asked = 0;
        App app([&](Socket& socket) {
            ++asked;
            answering_without_heap(answer)(socket);
        });
        model::Snapshot cached = snapshot({app.port()});
        cached.routes[0].match.cache.enabled = true;
        // Another setting, so that it shares no answers with the round before.
        cached.routes[0].match.timeout = std::chrono::seconds(static_cast<int>(size) + 1);
        apply(cached);
        expect_no_allocations(client(), "xend");
        EXPECT_EQ(asked, 1);
        apply(snapshot({}));
    }
    service_.reset();
}

TEST_F(Gateway, SendsAGetToAnotherInstanceWhenTheFirstIsGone) {
    App one(answering(std::string(kHello)));
    App two(answering(std::string(kHello)));
    apply(snapshot({one.port(), two.port()}));
    one.stop();
    Socket socket = client();
    for (int i = 0; i < 10; ++i) {
        socket.send(kGet);
        EXPECT_TRUE(socket.receive_until("hello").starts_with("HTTP/1.1 200"));
    }
    EXPECT_TRUE(metrics().contains(
        fmt::format("shore_gateway_endpoint_up{{instance=\"shop/api-{}\"}} 0", one.port())));
    socket.close();
    service_.reset();
}

TEST_F(Gateway, DoesNotSendAPostTwice) {
    std::atomic<int> posts = 0;
    App app([&](Socket& socket) {
        if (socket.receive_until("\r\n\r\n").starts_with("POST")) {
            ++posts;
        }
    });
    apply(snapshot({app.port()}));
    Socket socket = client();
    socket.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(socket.receive_until("}\n").starts_with("HTTP/1.1 502"));
    EXPECT_EQ(posts, 1);
    socket.close();
    service_.reset();
}

TEST_F(Gateway, PassesTheUpgradeAndBytesInBothDirections) {
    App app([](Socket& socket) {
        const std::string head = socket.receive_until("\r\n\r\n");
        EXPECT_TRUE(head.contains("Connection: upgrade\r\nUpgrade: echo\r\n"));
        socket.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
            "echo\r\n\r\nhi");
        for (std::string piece = socket.receive(); !piece.empty(); piece = socket.receive()) {
            socket.send(piece);
        }
    });
    apply(snapshot({app.port()}));
    Socket socket = client();
    socket.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly");
    const std::string head = socket.receive_until("early");
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 "));
    EXPECT_TRUE(head.ends_with("\r\n\r\nhiearly"));
    socket.send("ping");
    EXPECT_EQ(socket.receive_until("ping"), "ping");
    EXPECT_TRUE(metrics().contains(
        fmt::format("shore_gateway_endpoint_requests{{instance=\"shop/api-{}\"}} 1", app.port())));
    socket.close();
    async::block_on(*loop_, service_->drained(fmt::format("shop/api-{}", app.port())));
    service_.reset();
}

TEST_F(Gateway, LosesNoRequestWhileSnapshotsChangeUnderLoad) {
    App one(answering(std::string(kHello)));
    App two(answering(std::string(kHello)));
    apply(snapshot({one.port()}));
    std::atomic<bool> stop = false;
    std::atomic<int> answered = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
        clients.emplace_back([&] {
            Socket socket = client();
            while (!stop) {
                socket.send(kGet);
                EXPECT_TRUE(socket.receive_until("hello").starts_with("HTTP/1.1 200"));
                ++answered;
            }
        });
    }
    for (int i = 0; i < 50; ++i) {
        model::Snapshot next = snapshot({one.port(), two.port()});
        next.upstreams[0].endpoints[static_cast<size_t>(i % 2)].draining = true;
        apply(next);
        async::block_on(*loop_, service_->drained(next.upstreams[0].endpoints[i % 2].instance));
    }
    stop = true;
    for (std::thread& thread : clients) {
        thread.join();
    }
    EXPECT_GT(answered, 0);
    EXPECT_TRUE(metrics().contains("{route=\"shop/api\",class=\"5xx\"} 0\n"));
    service_.reset();
}

TEST_F(Gateway, ReportsAPortThatAnotherProgramHas) {
    auto taken = net::open_listening_socket(net::Address::loopback(0));
    ASSERT_TRUE(taken);
    model::Snapshot wanted = snapshot({});
    wanted.listeners = {{"127.0.0.1", net::Address::local_of(taken->get())->port()}};
    const auto errors = async::block_on(*loop_, service_->apply(wanted));
    ASSERT_EQ(errors.size(), 1);
    EXPECT_EQ(errors[0].reason, "address in use");
}

TEST_F(Gateway, EndsRequestsBeforeItStops) {
    App app([](Socket& socket) {
        socket.receive_until("\r\n\r\n");
        socket.send(kHello);
    });
    apply(snapshot({app.port()}));
    Socket idle = client();
    Socket busy = client();
    busy.send(kGet);
    while (!metrics().contains("shore_gateway_upstream_connects_total 1")) {
    }
    const SteadyTime begun = clock_.steady_now();
    async::block_on(*loop_, service_->stop());
    EXPECT_LT(clock_.steady_now() - begun, std::chrono::seconds(4)) << "it waited for idle ones";
    EXPECT_TRUE(busy.receive_until("hello").ends_with("hello"));
    EXPECT_EQ(idle.receive(), "");
    service_.reset();
}

}  // namespace
}  // namespace shore::gateway
