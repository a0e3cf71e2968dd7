#include "net/listener.h"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "async/ready_by.h"
#include "async/timer.h"
#include "net/limits.h"
#include "os/file.h"

namespace shore::net {

namespace {

int domain_of(const Address& address) {
    switch (address.family()) {
        case Address::Family::kIpv4:
            return AF_INET;
        case Address::Family::kIpv6:
            return AF_INET6;
        case Address::Family::kUnix:
            return AF_UNIX;
    }
    return AF_UNSPEC;
}

Result<void> set_option(const os::Fd& socket, int level, int option, int value,
                        std::string_view what) {
    if (setsockopt(socket.get(), level, option, &value, sizeof value) < 0) {
        return fail(os::last_error(what));
    }
    return {};
}

/// Whether somebody listens on the Unix socket at `address`.
bool answers(const Address& address) {
    const os::Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_storage raw;
    const socklen_t length = address.to_socket(raw);
    // A full backlog (EAGAIN) is an answer too.
    return connect(probe.get(), reinterpret_cast<sockaddr*>(&raw), length) == 0 || errno == EAGAIN;
}

/// Makes way for a new socket file: removes one whose owner is gone, refuses otherwise.
Result<void> make_way(const Address& address) {
    struct stat about{};
    if (lstat(address.path().c_str(), &about) < 0) {
        return {};  // Nothing there, or bind will say what is wrong.
    }
    if (!S_ISSOCK(about.st_mode)) {
        return fail(ErrorCode::kConflict, "listen on {}: a file that is no socket is in the way",
                    address.to_text());
    }
    if (answers(address)) {
        return fail(ErrorCode::kConflict, "listen on {}: another process answers there",
                    address.to_text());
    }
    return os::remove_file(address.path());
}

Result<void> bind_to(const os::Fd& socket, const Address& address, const ListenOptions& options) {
    sockaddr_storage raw;
    const socklen_t length = address.to_socket(raw);
    if (!address.is_unix()) {
        if (bind(socket.get(), reinterpret_cast<sockaddr*>(&raw), length) < 0) {
            return fail(os::last_error("listen on " + address.to_text()));
        }
        return {};
    }
    SHORE_CHECK(make_way(address));
    // The mode of the descriptor becomes the file's: it is never open to others, not even for a
    // moment.
    if (fchmod(socket.get(), options.unix_mode) < 0 ||
        bind(socket.get(), reinterpret_cast<sockaddr*>(&raw), length) < 0 ||
        chmod(address.path().c_str(), options.unix_mode) < 0) {
        return fail(os::last_error("listen on " + address.to_text()));
    }
    return {};
}

bool is_out_of_descriptors(int code) {
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/// Errors of the connection that was to be accepted, not of the listener (accept(2)).
bool is_of_the_connection(int code) {
    return code == ECONNABORTED || code == EINTR || code == EPROTO || code == ENETDOWN ||
           code == ENOPROTOOPT || code == EHOSTDOWN || code == ENONET || code == EHOSTUNREACH ||
           code == EOPNOTSUPP || code == ENETUNREACH || code == EPERM;
}

}  // namespace

Result<os::Fd> open_listening_socket(const Address& address, const ListenOptions& options) {
    os::Fd socket(::socket(domain_of(address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) {
        return fail(os::last_error("open a socket for " + address.to_text()));
    }
    if (!address.is_unix()) {
        SHORE_CHECK(set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1, "set SO_REUSEADDR"));
        if (options.reuse_port) {
            SHORE_CHECK(set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1, "set SO_REUSEPORT"));
        }
        // Inherited by what is accepted.
        SHORE_CHECK(set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, "set TCP_NODELAY"));
    }
    if (address.family() == Address::Family::kIpv6) {
        SHORE_CHECK(set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only ? 1 : 0,
                               "set IPV6_V6ONLY"));
    }
    SHORE_CHECK(bind_to(socket, address, options));
    if (listen(socket.get(), options.backlog) < 0) {
        return fail(os::last_error("listen on " + address.to_text()));
    }
    return socket;
}

Result<std::unique_ptr<Listener>> Listener::open(async::Loop& loop, const Address& address,
                                                 const ListenOptions& options) {
    SHORE_TRY(os::Fd socket, open_listening_socket(address, options));
    SHORE_TRY(auto listener, adopt(loop, std::move(socket)));
    struct stat about{};
    if (address.is_unix() && lstat(address.path().c_str(), &about) == 0) {
        listener->owns_path_ = true;
        listener->path_inode_ = about.st_ino;
    }
    return listener;
}

Result<std::unique_ptr<Listener>> Listener::adopt(async::Loop& loop, os::Fd socket) {
    SHORE_CHECK(os::set_nonblocking(socket.get(), true));
    SHORE_TRY(Address address, Address::local_of(socket.get()));
    std::unique_ptr<Listener> listener(new Listener(loop, std::move(socket), std::move(address)));
    SHORE_CHECK(listener->watch_.start(listener->socket_.get()));
    return listener;
}

Listener::~Listener() {
    struct stat about{};
    if (owns_path_ && lstat(address_.path().c_str(), &about) == 0 && about.st_ino == path_inode_) {
        unlink(address_.path().c_str());
    }
}

os::Fd Listener::release() {
    watch_.stop();
    owns_path_ = false;
    return std::move(socket_);
}

Result<std::optional<Accepted>> Listener::try_accept() {
    while (true) {
        sockaddr_storage raw{};
        socklen_t length = sizeof raw;
        os::Fd socket(accept4(socket_.get(), reinterpret_cast<sockaddr*>(&raw), &length,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket) {
            SHORE_TRY(Address peer, Address::from_socket(raw, length));
            return std::optional(Accepted{std::move(socket), std::move(peer)});
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            watch_.read_drained();
            return std::optional<Accepted>();
        }
        if (!is_of_the_connection(errno)) {
            return fail(os::last_error("accept a connection on " + address_.to_text()));
        }
    }
}

async::Task<Result<Accepted>> Listener::accept(async::Deadline deadline) {
    while (true) {
        auto accepted = try_accept();
        if (!accepted && !is_out_of_descriptors(accepted.error().errno_value())) {
            co_return fail(std::move(accepted).error());
        }
        if (!accepted) {
            co_await async::sleep_for(watch_.loop(), kAcceptRetry);
            continue;
        }
        if (*accepted) {
            co_return std::move(**accepted);
        }
        if (!co_await async::ReadyBy(watch_, async::Direction::kRead, deadline)) {
            co_return fail(ErrorCode::kTimeout, "no connection on {} in the time allowed",
                           address_.to_text());
        }
    }
}

}  // namespace shore::net
