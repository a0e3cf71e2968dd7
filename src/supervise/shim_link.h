// ShimLink: the daemon's end of a shim's socket. Loop's thread.
#pragma once

#include <memory>
#include <string>

#include "async/deadline.h"
#include "async/task.h"
#include "net/stream.h"
#include "supervise/shim_protocol.h"

namespace shore::supervise {

class ShimLink final {
 public:
    /// Connects to `directory`/shim.sock. kNotFound or kUnavailable when no shim lives there.
    static Result<std::unique_ptr<ShimLink>> connect(async::Loop& loop,
                                                     const std::string& directory);

    /// The next status; the first one comes at once. kUnavailable when the shim has ended, kCorrupt
    /// when it is none of ours.
    async::Task<Result<ShimStatus>> next(async::Deadline deadline = async::Deadline::never());
    /// Sends a request. kUnavailable when the shim has ended.
    Result<void> send(const ShimRequest& request);
    /// Asks the shim to leave and waits until it is gone; nothing when it stays beyond the
    /// deadline.
    async::Task<void> leave(async::Deadline deadline);
    /// Process id of the shim, as the kernel knows it.
    int32_t peer_pid() const;

 private:
    explicit ShimLink(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {}
    std::unique_ptr<net::Stream> stream_;
    std::string incoming_;
};

}  // namespace shore::supervise
