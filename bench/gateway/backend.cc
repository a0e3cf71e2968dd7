// The cheapest HTTP/1.1 server that can stand behind a proxy in a benchmark: GET /N answers with N
// bytes, GET /memory/N with N that may be stored, on keep-alive connections, with one receive and
// one send per request. No limits, no timeouts: for loopback only.
//
//   gateway_bench_backend PORT
#include <charconv>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr size_t kRequestBytesMax = 16 * 1024;
constexpr size_t kBodyBytesMax = 1 << 20;

/// The whole answer for a body of `size` bytes, made once.
const std::string& answer(size_t size, bool cacheable) {
    static std::map<size_t, std::string> answers[2];
    std::string& text = answers[cacheable ? 1 : 0][size];
    if (text.empty()) {
        text = std::string("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n") +
               (cacheable ? "Cache-Control: max-age=86400\r\n" : "") +
               "Content-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x');
    }
    return text;
}

struct Connection {
    int descriptor = -1;
    std::string received;
    std::string_view pending;  // Of an answer that did not fit into the socket.
};

bool flush(Connection& connection) {
    while (!connection.pending.empty()) {
        const ssize_t sent = send(connection.descriptor, connection.pending.data(),
                                  connection.pending.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return sent < 0 && errno == EAGAIN;
        }
        connection.pending.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
}

/// Answers every request that is complete. False when the connection is over.
bool serve(Connection& connection) {
    char buffer[kRequestBytesMax];
    if (!flush(connection)) {
        return false;
    }
    while (connection.pending.empty()) {
        const size_t end = connection.received.find("\r\n\r\n");
        if (end == std::string::npos) {
            const ssize_t got = recv(connection.descriptor, buffer, sizeof buffer, 0);
            if (got <= 0) {
                return got < 0 && errno == EAGAIN;
            }
            connection.received.append(buffer, static_cast<size_t>(got));
            if (connection.received.size() > kRequestBytesMax) {
                return false;
            }
            continue;
        }
        size_t size = 0;
        const std::string_view head = std::string_view(connection.received).substr(0, end);
        constexpr std::string_view kStored = "/memory/";
        const size_t slash = head.find('/');
        const bool cacheable = head.substr(slash).starts_with(kStored);
        const size_t digits = slash + (cacheable ? kStored.size() : 1);
        std::from_chars(head.data() + digits, head.data() + end, size);
        connection.received.erase(0, end + 4);
        connection.pending = answer(std::min(size, kBodyBytesMax), cacheable);
        if (!flush(connection)) {
            return false;
        }
    }
    return true;
}

int listen_on(uint16_t port) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 ||
        listen(listener, 1024) < 0) {
        perror("gateway_bench_backend: listen");
        return -1;
    }
    return listener;
}

}  // namespace

int main(int argc, char** argv) {
    const int listener = argc == 2 ? listen_on(static_cast<uint16_t>(std::stoi(argv[1]))) : -1;
    if (listener < 0) {
        return 1;
    }
    const int poll = epoll_create1(0);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    epoll_event events[256];
    std::map<int, std::unique_ptr<Connection>> connections;
    for (;;) {
        const int count = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < count; ++i) {
            auto* connection = static_cast<Connection*>(events[i].data.ptr);
            if (connection == nullptr) {
                const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
                if (accepted >= 0) {
                    const int on = 1;
                    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    auto& fresh = connections[accepted];
                    fresh = std::make_unique<Connection>(accepted);
                    event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                             .data = {.ptr = fresh.get()}};
                    epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &event);
                }
            } else if (!serve(*connection)) {
                const int descriptor = connection->descriptor;
                close(descriptor);
                connections.erase(descriptor);
            }
        }
    }
}
