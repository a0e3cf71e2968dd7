#include "supervise/shim_link.h"

#include <array>

#include "os/unix_socket.h"
#include "supervise/limits.h"

namespace shore::supervise {

Result<std::unique_ptr<ShimLink>> ShimLink::connect(async::Loop& loop,
                                                    const std::string& directory) {
    SHORE_TRY(os::Fd socket, os::connect_unix(directory, kShimSocketName));
    SHORE_TRY(auto stream, net::Stream::open(loop, std::move(socket)));
    return std::unique_ptr<ShimLink>(new ShimLink(std::move(stream)));
}

async::Task<Result<ShimStatus>> ShimLink::next(async::Deadline deadline) {
    size_t scanned = 0;
    while (true) {
        const size_t end = incoming_.find('\n', scanned);
        if (end != std::string::npos) {
            const std::string line = incoming_.substr(0, end);
            incoming_.erase(0, end + 1);
            co_return parse_shim_status(line);
        }
        scanned = incoming_.size();
        if (scanned > kShimLineMax) {
            co_return fail(ErrorCode::kCorrupt, "the shim sent a line longer than {} bytes",
                           kShimLineMax);
        }
        std::array<char, 4096> buffer;
        SHORE_CO_TRY(const size_t count, co_await stream_->read_some(buffer, deadline));
        if (count == 0) {
            co_return fail(ErrorCode::kUnavailable, "the shim has ended");
        }
        incoming_.append(buffer.data(), count);
    }
}

Result<void> ShimLink::send(const ShimRequest& request) {
    const std::string line = to_json(request) + "\n";
    size_t count = 0;
    // A request is a hundred bytes; a socket buffer that has no room for it belongs to a shim that
    // is stopped.
    if (os::send_some(stream_->descriptor(), line, count) != os::Transfer::kSome ||
        count != line.size()) {
        return fail(ErrorCode::kUnavailable, "the shim has ended or does not read");
    }
    return {};
}

async::Task<void> ShimLink::leave(async::Deadline deadline) {
    if (!send({.verb = ShimVerb::kLeave})) {
        co_return;
    }
    while (co_await next(deadline)) {
    }
}

int32_t ShimLink::peer_pid() const {
    return os::peer_pid(stream_->descriptor());
}

}  // namespace shore::supervise
