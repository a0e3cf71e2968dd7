#include "os/unix_socket.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace shore::os {
namespace {

/// Long enough for every daemon that may ever wait at once; more is refused by the kernel.
constexpr int kBacklog = 16;

struct NamedSocket {
    Fd directory;
    Fd socket;
    std::string path;   // Through the descriptor.
    std::string shown;  // For messages.
    sockaddr_un address{};
};

Result<NamedSocket> prepare(const std::string& directory, std::string_view name) {
    NamedSocket named;
    named.shown = fmt::format("{}/{}", directory, name);
    named.directory = Fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!named.directory) {
        return fail(last_error("open directory " + directory));
    }
    named.path = fmt::format("/proc/self/fd/{}/{}", named.directory.get(), name);
    named.address.sun_family = AF_UNIX;
    if (named.path.size() >= sizeof(named.address.sun_path)) {
        return fail(ErrorCode::kInvalid, "socket name too long: {}", named.shown);
    }
    std::copy(named.path.begin(), named.path.end(), named.address.sun_path);
    named.socket = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!named.socket) {
        return fail(last_error("socket"));
    }
    return named;
}

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

Result<Fd> listen_unix(const std::string& directory, std::string_view name, mode_t mode) {
    SHORE_TRY(NamedSocket named, prepare(directory, name));
    if (::unlink(named.path.c_str()) < 0 && errno != ENOENT) {
        return fail(last_error("remove old socket " + named.shown));
    }
    if (::bind(named.socket.get(), generic(named.address), sizeof(named.address)) < 0) {
        return fail(last_error("bind " + named.shown));
    }
    if (::chmod(named.path.c_str(), mode) < 0 || ::listen(named.socket.get(), kBacklog) < 0) {
        return fail(last_error("listen on " + named.shown));
    }
    return std::move(named.socket);
}

Result<void> claim_listener(int listener) {
    // Listening again is allowed and notes the caller's credentials anew (unix_listen in
    // net/unix/af_unix.c).
    if (::listen(listener, kBacklog) < 0) {
        return fail(last_error("listen on a socket handed over"));
    }
    return {};
}

Result<Fd> connect_unix(const std::string& directory, std::string_view name) {
    SHORE_TRY(NamedSocket named, prepare(directory, name));
    if (::connect(named.socket.get(), generic(named.address), sizeof(named.address)) < 0) {
        return fail(last_error("connect to " + named.shown));
    }
    return std::move(named.socket);
}

std::optional<Fd> accept_unix(int listener) {
    const int socket = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return socket < 0 ? std::nullopt : std::optional<Fd>(Fd(socket));
}

pid_t peer_pid(int socket) {
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0 ? 0
                                                                                  : credentials.pid;
}

Transfer read_some(int descriptor, std::span<char> buffer, size_t& count) {
    ssize_t got = 0;
    do {
        got = ::read(descriptor, buffer.data(), buffer.size());
    } while (got < 0 && errno == EINTR);
    count = got > 0 ? static_cast<size_t>(got) : 0;
    if (got > 0) {
        return Transfer::kSome;
    }
    return got < 0 && errno == EAGAIN ? Transfer::kWouldBlock : Transfer::kEnded;
}

Transfer send_some(int descriptor, std::string_view bytes, size_t& count) {
    ssize_t sent = 0;
    do {
        sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    count = sent > 0 ? static_cast<size_t>(sent) : 0;
    if (sent >= 0) {
        return Transfer::kSome;
    }
    return errno == EAGAIN ? Transfer::kWouldBlock : Transfer::kEnded;
}

}  // namespace shore::os
