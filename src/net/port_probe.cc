#include "net/port_probe.h"

#include <cerrno>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "net/address.h"
#include "os/fd.h"

namespace shore::net {

namespace {
// A listener on loopback answers within the call; only a full backlog keeps it waiting.
constexpr int kAnswerMilliseconds = 50;
}  // namespace

Result<bool> is_tcp_port_free(uint16_t port) {
    // Binding the widest address (IPv6 with IPv4) conflicts with every narrower listener.
    // SO_REUSEADDR, as servers set it, lets connections in TIME_WAIT not count.
    const Address address = Address::any(port);
    sockaddr_storage raw;
    const socklen_t length = address.to_socket(raw);
    const os::Fd probe(::socket(raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!probe) {
        return fail(os::last_error("open a socket to try a port"));
    }
    const int on = 1;
    const int off = 0;
    setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (raw.ss_family == AF_INET6) {
        setsockopt(probe.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    if (bind(probe.get(), reinterpret_cast<sockaddr*>(&raw), length) == 0) {
        // A socket that is bound but does not listen yet shows only now.
        return listen(probe.get(), 1) == 0;
    }
    if (errno == EADDRINUSE) {
        return false;
    }
    return fail(os::last_error(fmt::format("try port {}", port)));
}

Result<uint16_t> find_free_tcp_port(uint16_t first, uint16_t last, uint16_t start) {
    if (first == 0 || first > last) {
        return fail(ErrorCode::kInvalid, "{}-{} is no range of ports", first, last);
    }
    const uint32_t count = static_cast<uint32_t>(last) - first + 1;
    const uint32_t from =
        start >= first && start <= last ? static_cast<uint32_t>(start) - first : 0;
    for (uint32_t i = 0; i < count; ++i) {
        const auto port = static_cast<uint16_t>(first + (from + i) % count);
        const auto free = is_tcp_port_free(port);
        if (free && *free) {
            return port;
        }
    }
    return fail(ErrorCode::kExhausted, "no free TCP port in {}-{}; widen the range", first, last);
}

bool is_tcp_port_open(uint16_t port) {
    sockaddr_storage raw;
    const socklen_t length = Address::loopback(port).to_socket(raw);
    const os::Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (connect(probe.get(), reinterpret_cast<sockaddr*>(&raw), length) == 0) {
        return true;
    }
    pollfd waiting{.fd = probe.get(), .events = POLLOUT};
    int failed = 0;
    socklen_t size = sizeof failed;
    return errno == EINPROGRESS && ::poll(&waiting, 1, kAnswerMilliseconds) == 1 &&
           getsockopt(probe.get(), SOL_SOCKET, SO_ERROR, &failed, &size) == 0 && failed == 0;
}

}  // namespace shore::net
