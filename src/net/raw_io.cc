#include "net/raw_io.h"

#include <cerrno>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

namespace shore::net {

namespace {

IoResult outcome_of_failure() {
    const bool again = errno == EAGAIN || errno == EWOULDBLOCK;
    return {.status = again ? IoStatus::kAgain : IoStatus::kBroken};
}

IoResult send_flagged(int socket, std::string_view bytes, int flags) {
    while (true) {
        const ssize_t sent = send(socket, bytes.data(), bytes.size(), flags);
        if (sent >= 0) {
            return {.status = IoStatus::kDone, .count = static_cast<size_t>(sent)};
        }
        if (errno != EINTR) {
            return outcome_of_failure();
        }
    }
}

}  // namespace

IoResult receive_now(int socket, char* buffer, size_t size) {
    while (true) {
        const ssize_t got = recv(socket, buffer, size, 0);
        if (got > 0) {
            return {.status = IoStatus::kDone, .count = static_cast<size_t>(got)};
        }
        if (got == 0) {
            return {.status = IoStatus::kEnd};
        }
        if (errno != EINTR) {
            return outcome_of_failure();
        }
    }
}

IoResult peek_now(int socket, char* buffer, size_t size) {
    while (true) {
        const ssize_t got = recv(socket, buffer, size, MSG_PEEK);
        if (got >= 0) {
            return {.status = got > 0 ? IoStatus::kDone : IoStatus::kEnd,
                    .count = static_cast<size_t>(got)};
        }
        if (errno != EINTR) {
            return outcome_of_failure();
        }
    }
}

IoResult splice_now(int from, int to, size_t count) {
    while (true) {
        const ssize_t moved =
            splice(from, nullptr, to, nullptr, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (moved >= 0) {
            return {.status = moved > 0 ? IoStatus::kDone : IoStatus::kEnd,
                    .count = static_cast<size_t>(moved)};
        }
        if (errno != EINTR) {
            return outcome_of_failure();
        }
    }
}

void keep_alive(int socket) {
    const int on = 1;
    [[maybe_unused]] const int set = setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

IoResult send_now(int socket, std::string_view bytes) {
    return send_flagged(socket, bytes, MSG_NOSIGNAL);
}

IoResult send_now(int socket, std::string_view first, std::string_view second) {
    if (second.empty()) {
        return send_now(socket, first);
    }
    iovec parts[] = {{const_cast<char*>(first.data()), first.size()},
                     {const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    while (true) {
        const ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
        if (sent >= 0) {
            return {.status = IoStatus::kDone, .count = static_cast<size_t>(sent)};
        }
        if (errno != EINTR) {
            return outcome_of_failure();
        }
    }
}

IoResult send_file_now(int socket, std::string_view head, int file, uint64_t offset, size_t count) {
    if (!head.empty()) {
        const IoResult sent = send_flagged(socket, head, MSG_NOSIGNAL | MSG_MORE);
        if (sent.status != IoStatus::kDone || sent.count < head.size()) {
            return sent;
        }
    }
    auto position = static_cast<off_t>(offset);
    while (true) {
        const ssize_t sent = sendfile(socket, file, &position, count);
        if (sent > 0) {
            return {.status = IoStatus::kDone, .count = head.size() + static_cast<size_t>(sent)};
        }
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (!head.empty()) {
            // Taken already; the next call says what is wrong with the file.
            return {.status = IoStatus::kDone, .count = head.size()};
        }
        return sent == 0 ? IoResult{.status = IoStatus::kEnd} : outcome_of_failure();
    }
}

bool is_quiet(int socket) {
    char byte = 0;
    const ssize_t got = recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

Result<ConnectAttempt> begin_connect(const sockaddr_storage& address, socklen_t length) {
    ConnectAttempt attempt;
    attempt.socket =
        os::Fd(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!attempt.socket) {
        return fail(os::last_error("open a socket"));
    }
    const int on = 1;
    setsockopt(attempt.socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(attempt.socket.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0) {
        attempt.connected = true;
        return attempt;
    }
    if (errno != EINPROGRESS && errno != EINTR) {
        return fail(os::last_error("connect"));
    }
    return attempt;
}

Result<void> connect_outcome(int socket) {
    int failed = 0;
    socklen_t length = sizeof failed;
    if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &failed, &length) < 0) {
        return fail(os::last_error("connect"));
    }
    if (failed != 0) {
        return fail(Error::from_errno(failed, "connect"));
    }
    return {};
}

void shut_down(int socket, int how) {
    shutdown(socket, how);
}

}  // namespace shore::net
