// Connection: one client's connection, from accept to close: waits for requests, reads their heads,
// hands each to an Exchange. Between requests it is this object (a descriptor, a watch, an address:
// some 300 bytes) and the frame of serve() alone; the frames that read a head and answer it,
// buffers and heads come from the loop's pools for the length of a request.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "async/deadline.h"
#include "async/list.h"
#include "async/task.h"
#include "gateway/buffer.h"
#include "gateway/network.h"
#include "gateway/shard.h"
#include "gateway/transport.h"

namespace shore::gateway {

class Http2Connection;

class Connection final : public async::Node {
 public:
    Connection(Shard& shard, os::Fd socket, const sockaddr_storage& peer,
               model::ListenAddress listener);
    ~Connection();

    /// Serves it to its end. A loop's scope owns the task; it owns the connection.
    static async::Task<void> serve(std::unique_ptr<Connection> connection);

    /// The connection whose node this is, on the loop's list of idle ones.
    static Connection& of(Node& node) { return static_cast<Connection&>(node); }

    Transport& transport() { return transport_; }
    async::Watch& watch() { return transport_.watch(); }
    /// The peer's address as text; IPv4 in IPv6 form reads as IPv4.
    std::string_view peer() const { return peer_.view(); }
    const AddressBytes& peer_bytes() const { return peer_.bytes; }
    bool peer_is_ipv6() const { return peer_.is_ipv6; }
    const ClientAddress& client() const { return peer_; }
    const model::ListenAddress& listener() const { return listener_; }
    /// The client's certificate as a value of Client-Cert (RFC 9440); empty without one.
    std::string_view client_certificate() const {
        return client_certificate_ ? std::string_view(*client_certificate_) : std::string_view();
    }

    /// Bytes received and not yet dealt with; null while idle.
    BufferPointer buffer;
    /// The client may still be sending a body that nobody wants: read some of it before closing.
    bool linger = false;

    /// Sends all of both. Inline when the kernel takes it at once. False when the client is gone or
    /// does not read for the snapshot's body_timeout.
    async::Task<bool> send(std::string_view bytes, std::string_view more = {});
    /// Ends it from outside while it waits for a request.
    void close_idle();
    /// Tells a client that can be told (HTTP/2: GOAWAY) to send what comes next over another
    /// connection; closes nothing.
    void announce_end();
    /// It has idled for a while: gives back memory.
    void settle() { transport_.release_buffers(); }

 private:
    // Awaited by serve() and not inlined there: the compiler would put their frames (1.4 KB) into
    // its own, which lasts as long as the connection.
    [[gnu::noinline]] async::Task<bool> begin();
    [[gnu::noinline]] async::Task<bool> serve_request();
    [[gnu::noinline]] async::Task<void> drop_rest();
    async::Task<bool> begin_tls();
    async::Deadline begin_waiting();
    enum class HeadStatus : uint8_t { kDone, kNothing, kClosed, kTimeout, kBad, kHttp2 };
    async::Task<HeadStatus> read_head(Exchange& exchange);
    async::Task<void> run_http2();
    bool begins_http2(const Exchange& exchange) const;

    bool served_ = false;  // A request, at least.
    Shard& shard_;
    Http2Connection* http2_ = nullptr;  // While it speaks HTTP/2.
    Transport transport_;
    ClientAddress peer_;  // Behind a balancer: what that says.
    model::ListenAddress listener_;
    std::unique_ptr<const std::string> client_certificate_;
};

}  // namespace shore::gateway
