#include "net/stream.h"

#include <cerrno>

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "async/ready_by.h"

namespace shore::net {

using async::Deadline;
using async::Direction;
using async::ReadyBy;
using async::Task;

namespace {

bool would_block(int code) {
    return code == EAGAIN || code == EWOULDBLOCK;
}

Error closed_error() {
    return Error(ErrorCode::kUnavailable, "the connection is closed");
}

}  // namespace

Result<std::unique_ptr<Stream>> Stream::open(async::Loop& loop, os::Fd socket) {
    std::unique_ptr<Stream> stream(new Stream(loop, std::move(socket)));
    SHORE_CHECK(stream->watch_.start(stream->socket_.get()));
    return stream;
}

Result<std::optional<size_t>> Stream::try_read(std::span<char> buffer) {
    SHORE_ASSERT(!buffer.empty());
    while (true) {
        if (!socket_) {
            return fail(closed_error());
        }
        const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (got >= 0) {
            ended_ = ended_ || got == 0;
            return std::optional(static_cast<size_t>(got));
        }
        if (would_block(errno)) {
            watch_.read_drained();
            return std::optional<size_t>();
        }
        if (errno != EINTR) {
            return fail(os::last_error("read from the connection"));
        }
    }
}

Task<Result<size_t>> Stream::read_some(std::span<char> buffer, Deadline deadline) {
    while (true) {
        SHORE_CO_TRY(const auto got, try_read(buffer));
        if (got) {
            co_return *got;
        }
        if (!co_await ReadyBy(watch_, Direction::kRead, deadline)) {
            co_return fail(ErrorCode::kTimeout, "nothing arrived in the time allowed");
        }
    }
}

Task<Result<void>> Stream::write_all(std::string_view bytes, Deadline deadline) {
    return write_all(bytes, {}, deadline);
}

Task<Result<void>> Stream::write_all(std::string_view first, std::string_view second,
                                     Deadline deadline) {
    while (!first.empty() || !second.empty()) {
        if (!socket_) {
            co_return fail(closed_error());
        }
        const iovec parts[] = {{const_cast<char*>(first.data()), first.size()},
                               {const_cast<char*>(second.data()), second.size()}};
        msghdr message{};
        message.msg_iov = const_cast<iovec*>(parts);
        message.msg_iovlen = 2;
        const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
        if (sent >= 0) {
            const size_t of_first = std::min(static_cast<size_t>(sent), first.size());
            first.remove_prefix(of_first);
            second.remove_prefix(static_cast<size_t>(sent) - of_first);
            continue;
        }
        if (would_block(errno)) {
            watch_.write_full();
            if (!co_await ReadyBy(watch_, Direction::kWrite, deadline)) {
                co_return fail(ErrorCode::kTimeout, "the peer did not read in the time allowed");
            }
        } else if (errno != EINTR) {
            co_return fail(os::last_error("write to the connection"));
        }
    }
    co_return Result<void>();
}

Task<Result<void>> Stream::send_file(int file, uint64_t offset, uint64_t count, Deadline deadline) {
    auto position = static_cast<off_t>(offset);
    while (count > 0) {
        if (!socket_) {
            co_return fail(closed_error());
        }
        // The kernel moves at most 2 GiB a call.
        const size_t part = std::min<uint64_t>(count, 1ULL << 30U);
        const ssize_t sent = sendfile(socket_.get(), file, &position, part);
        if (sent > 0) {
            count -= static_cast<uint64_t>(sent);
        } else if (sent == 0) {
            co_return fail(ErrorCode::kCorrupt, "the file ended {} bytes early", count);
        } else if (would_block(errno)) {
            watch_.write_full();
            if (!co_await ReadyBy(watch_, Direction::kWrite, deadline)) {
                co_return fail(ErrorCode::kTimeout, "the peer did not read in the time allowed");
            }
        } else if (errno != EINTR) {
            co_return fail(os::last_error("send a file to the connection"));
        }
    }
    co_return Result<void>();
}

Task<Result<void>> Stream::wait_readable(Deadline deadline) {
    watch_.read_drained();
    if (!co_await ReadyBy(watch_, Direction::kRead, deadline)) {
        co_return fail(ErrorCode::kTimeout, "nothing arrived in the time allowed");
    }
    co_return Result<void>();
}

Task<Result<void>> Stream::wait_writable(Deadline deadline) {
    watch_.write_full();
    if (!co_await ReadyBy(watch_, Direction::kWrite, deadline)) {
        co_return fail(ErrorCode::kTimeout, "the peer did not read in the time allowed");
    }
    co_return Result<void>();
}

Task<bool> Stream::peer_closes(Deadline deadline) {
    while (socket_) {
        if (peer_closed()) {
            co_return true;
        }
        char byte = 0;
        const ssize_t got = recv(socket_.get(), &byte, 1, MSG_PEEK);
        if (got == 0 || (got < 0 && !would_block(errno) && errno != EINTR)) {
            ended_ = true;
            co_return true;
        }
        if (got > 0) {
            co_return false;
        }
        watch_.read_drained();
        if (!co_await ReadyBy(watch_, Direction::kRead, deadline)) {
            co_return false;
        }
    }
    co_return true;
}

Result<void> Stream::shutdown_write() {
    if (socket_ && ::shutdown(socket_.get(), SHUT_WR) < 0) {
        return fail(os::last_error("end sending on the connection"));
    }
    return {};
}

void Stream::close() {
    watch_.stop();
    socket_.close();
}

os::Fd Stream::release() {
    watch_.stop();
    return std::move(socket_);
}

}  // namespace shore::net
