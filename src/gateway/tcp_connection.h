// TcpConnection: one connection of a raw listener, from accept to close: finds an instance (waits
// for one while there is none), then passes bytes both ways until both sides have ended. Idle it
// holds two descriptors, two watches and two frames; a buffer only while bytes move.
//
// Bytes go through a buffer of the loop's pool. When they come faster than one buffer at a time and
// no TLS is in the way, they go through a pipe by splice(2) instead and are never copied.
#pragma once

#include <cstdint>
#include <memory>

#include "async/task.h"
#include "gateway/network.h"
#include "gateway/shard.h"
#include "gateway/transport.h"
#include "gateway/upstream_pool.h"

namespace shore::gateway {

class TcpConnection final {
 public:
    TcpConnection(Shard& shard, os::Fd socket, const sockaddr_storage& peer,
                  model::ListenAddress listener);
    ~TcpConnection();

    /// Serves it to its end. A loop's scope owns the task; it owns the connection.
    static async::Task<void> serve(Shard& shard, os::Fd socket, sockaddr_storage peer,
                                   model::ListenAddress listener);

 private:
    enum class Way : uint8_t { kToClient, kToInstance };
    struct Pipe;

    async::Task<void> run();
    async::Task<bool> begin();
    async::Task<bool> begin_tls();
    async::Task<bool> reach();
    Endpoint* choose(const CompiledTcp& route);
    async::Task<bool> connect(uint8_t proxy_protocol);
    void leave_endpoint();

    async::Task<void> pump(Way way);
    async::Task<bool> wait_readable(Way way);
    async::Task<bool> is_busy(Way way);
    enum class Moved : uint8_t { kSome, kEnded };
    async::Task<Moved> move_bytes(Way way, bool& bulk);
    async::Task<Moved> splice_bytes(Way way, Pipe& pipe);
    async::Task<bool> wait_writable(Way way);
    net::IoResult receive(Way way, char* space, size_t size);
    async::Task<bool> send(Way way, std::string_view bytes);
    void count(Way way, size_t bytes);
    void end(Way way);
    void log_line();

    Shard& shard_;
    Transport client_;
    ClientAddress peer_;
    model::ListenAddress listener_;
    uint32_t slot_ = UINT32_MAX;  // Of the route's counters; none before it is known.
    std::string stack_;
    std::string service_;
    Duration idle_{};
    std::shared_ptr<Endpoint> endpoint_;
    std::unique_ptr<UpstreamConnection> instance_;
    SteadyTime begun_;
    SteadyTime seen_;  // When a byte last moved.
    uint64_t bytes_in_ = 0;
    uint64_t bytes_out_ = 0;
    bool broken_ = false;  // One side is gone: the other has nobody to talk to.
};

}  // namespace shore::gateway
