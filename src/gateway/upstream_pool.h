// UpstreamPool: a loop's idle connections to endpoints, used again last-in first-out so that the
// warmest serves next and those that are not needed grow old and are closed.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "async/watch.h"
#include "gateway/compiled.h"
#include "gateway/endpoint.h"
#include "os/fd.h"

namespace shore::gateway {

class Shard;

/// A connection to an endpoint, watched. Non-blocking.
struct UpstreamConnection {
    UpstreamConnection(async::Loop& loop, os::Fd fd) : socket(std::move(fd)), watch(loop) {}
    ~UpstreamConnection() { watch.stop(); }

    os::Fd socket;
    async::Watch watch;
    SteadyTime idle_since{};
};

/// Sends all of both to the app. False when it is gone, or takes nothing for the snapshot's
/// body_timeout.
async::Task<bool> send_all(Shard& shard, UpstreamConnection& app, std::string_view first,
                           std::string_view second = {});

class UpstreamPool final {
 public:
    explicit UpstreamPool(async::Loop& loop) : loop_(loop) {}

    /// The connection that was given back last and is still open; null when there is none.
    std::unique_ptr<UpstreamConnection> take(const Endpoint& endpoint);
    /// Keeps a connection on which a whole exchange has just ended. Closes it when the endpoint
    /// gets no new requests any more.
    void give(const Endpoint& endpoint, std::unique_ptr<UpstreamConnection> connection);
    /// From now on only the endpoints of `compiled` that do not drain get connections; idle ones of
    /// all others are closed.
    void use(const Compiled& compiled);
    /// Closes what has been idle for kIdleUpstreamLife, and what the other side has closed.
    void sweep();
    size_t idle() const;

 private:
    struct Slot {
        const Endpoint* endpoint = nullptr;  // Alive while the loop's compiled snapshot names it.
        std::vector<std::unique_ptr<UpstreamConnection>> idle;  // Oldest first.
    };
    async::Loop& loop_;
    std::vector<Slot> slots_;  // By Endpoint::slot().
};

}  // namespace shore::gateway
