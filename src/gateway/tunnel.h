// Tunnel: what an upgraded exchange (WebSocket) becomes: bytes both ways between a client and an
// app, no faster than either takes them, until both directions have ended or nothing has moved for
// kTunnelIdle. The client's side is a connection, or an HTTP/2 stream (RFC 8441).
//
// Quiet it holds two frames; a buffer only while bytes move.
#pragma once

#include <cstdint>
#include <string_view>

#include "async/scope.h"
#include "async/task.h"
#include "gateway/shard.h"
#include "gateway/upstream_pool.h"

namespace shore::gateway {

class ClientStream;
class Connection;

/// Payload bytes that have moved. They outlive the tunnel: what it carried is logged also when it
/// is destroyed in the middle.
struct TunnelCounts {
    uint64_t& to_client;
    uint64_t& to_app;
};

/// A resource; one loop's. What it is made of outlives it.
class Tunnel final {
 public:
    /// `stream`: the client's, of `connection`; null when the whole connection is the client's
    /// side.
    Tunnel(Shard& shard, Connection& connection, ClientStream* stream, UpstreamConnection& app,
           TunnelCounts counts);

    /// Passes bytes to the end of both directions.
    async::Task<void> run();

 private:
    enum class Direction : uint8_t { kToApp, kToClient };

    async::Task<void> pump(Direction direction);
    async::Task<void> pump_stream();
    async::Task<bool> send_client(std::string_view bytes);
    void end(Direction direction);
    Duration patience() const;
    bool is_over() const { return shard_.loop().now() >= seen_ + patience(); }

    Shard& shard_;
    Connection& connection_;
    ClientStream* stream_;
    UpstreamConnection& app_;
    TunnelCounts counts_;
    SteadyTime seen_;  // When a byte last moved.
    bool half_closed_ = false;
    async::Scope to_app_;
};

}  // namespace shore::gateway
