#include "gateway/connection.h"

#include <algorithm>

#include "async/ready_by.h"
#include "gateway/exchange.h"
#include "gateway/http2_connection.h"
#include "gateway/proxy_header.h"
#include "wire/base64.h"

namespace shore::gateway {

using async::Deadline;
using async::Direction;
using async::ReadyBy;
using async::Task;
using net::IoStatus;

Connection::Connection(Shard& shard, os::Fd socket, const sockaddr_storage& peer,
                       model::ListenAddress listener)
    : Node(nullptr),
      shard_(shard),
      transport_(shard.loop(), std::move(socket)),
      peer_(peer),
      listener_(std::move(listener)) {
    ++shard_.mutable_counters().connections_open;
}

Connection::~Connection() {
    --shard_.mutable_counters().connections_open;
    shard_.shared().connections.fetch_sub(1, std::memory_order_relaxed);
}

/// The one frame that an idle connection has: what it awaits here is all that it waits for then.
Task<void> Connection::serve(std::unique_ptr<Connection> connection) {
    if (!co_await connection->begin()) {
        co_return;
    }
    do {
        if (connection->buffer && !connection->buffer->empty()) {
            continue;
        }
        connection->buffer.reset();
        if (connection->shard_.stopping() && !connection->shard_.retired()) {
            break;
        }
        if (!connection->transport_.is_readable()) {
            const bool ready = co_await ReadyBy(connection->watch(), Direction::kRead,
                                                connection->begin_waiting());
            connection->unlink();
            if (!ready) {
                break;
            }
        }
    } while (co_await connection->serve_request());
    if (connection->linger) {
        co_await connection->drop_rest();
    }
}

void Connection::close_idle() {
    announce_end();
    if (http2_ == nullptr) {
        transport_.shut_down(SHUT_RD);
    }
}

void Connection::announce_end() {
    if (http2_ != nullptr) {
        http2_->begin_stop();
    }
}

/// What comes before the first request. False when no HTTP/1 request follows.
Task<bool> Connection::begin() {
    if (!transport_.start()) {
        co_return false;
    }
    if (const ProxySource* const source = shard_.current().proxy_source(listener_, peer_.bytes);
        source != nullptr &&
        !co_await take_proxy_header(shard_, transport_, source->timeout, peer_)) {
        co_return false;
    }
    if (listener_.tls && !co_await begin_tls()) {
        co_return false;
    }
    if (transport_.protocol() == "h2") {
        // Agreed on in the handshake: anything but the preface breaks the protocol.
        co_await run_http2();
        co_return false;
    }
    co_return true;
}

/// Reads a head and answers it. False when the connection has come to its end.
Task<bool> Connection::serve_request() {
    auto exchange = shard_.exchanges().take(shard_);
    exchange->begin(*this);
    const HeadStatus status = co_await read_head(*exchange);
    if (status == HeadStatus::kClosed) {
        co_return false;
    }
    if (status == HeadStatus::kNothing) {
        co_return true;
    }
    if (status == HeadStatus::kHttp2) {
        exchange.reset();
        co_await run_http2();
        co_return false;
    }
    served_ = true;
    const Exchange::After after = status == HeadStatus::kDone ? co_await exchange->run()
                                  : status == HeadStatus::kTimeout
                                      ? co_await exchange->refuse_late()
                                      : co_await exchange->refuse_head();
    co_return after != Exchange::After::kClose;
}

/// The handshake, within header_timeout. False when the connection is not worth more.
Task<bool> Connection::begin_tls() {
    const Compiled& compiled = shard_.current();
    const Deadline deadline =
        Deadline::in(shard_.loop(), compiled.snapshot().limits.header_timeout);
    auto server = compiled.tls(listener_);
    if (!server) {
        co_return false;
    }
    transport_.secure(std::move(server), shard_.tls_scratch());
    while (true) {
        using Handshake = net::TlsStream::Handshake;
        const Handshake state = transport_.tls()->handshake_now();
        if (state == Handshake::kDone) {
            break;
        }
        const Direction direction =
            state == Handshake::kWantsRead ? Direction::kRead : Direction::kWrite;
        if (state == Handshake::kFailed || shard_.stopping() ||
            !co_await ReadyBy(watch(), direction, deadline)) {
            ++shard_.mutable_counters().tls_failures;
            co_return false;
        }
    }
    if (const std::string der = transport_.tls()->take_client_certificate(); !der.empty()) {
        client_certificate_ = std::make_unique<const std::string>(":" + wire::base64(der) + ":");
    }
    ++shard_.mutable_counters().tls_handshakes;
    shard_.mutable_counters().tls_resumptions += transport_.tls()->resumed() ? 1 : 0;
    shard_.mutable_counters().tls_in_library += transport_.tls()->in_library() ? 1 : 0;
    co_return true;
}

/// It is idle from here on: for how long at most.
Deadline Connection::begin_waiting() {
    const model::GatewayLimits& limits = shard_.current().snapshot().limits;
    shard_.idle_connections().push_back(*this);
    return Deadline::in(shard_.loop(), served_ ? limits.idle_timeout : limits.header_timeout);
}

Task<Connection::HeadStatus> Connection::read_head(Exchange& exchange) {
    const model::GatewayLimits& limits = shard_.current().snapshot().limits;
    const wire::HeadLimits head_limits = {.bytes_max = static_cast<uint32_t>(std::min<uint64_t>(
                                              limits.header_bytes.count, wire::kHeadBytesMax)),
                                          .fields_max = limits.headers_max};
    const Deadline deadline = Deadline::in(shard_.loop(), limits.header_timeout);
    if (!buffer) {
        buffer = shard_.take_buffer();
        buffer->clear(0);
    }
    bool started = false;
    while (true) {
        if (!buffer->empty()) {
            if (!std::exchange(started, true)) {
                exchange.started();
            }
            switch (wire::parse_request(buffer->filled(), buffer->size(), head_limits,
                                        exchange.head())) {
                case wire::ParseStatus::kDone:
                    co_return HeadStatus::kDone;
                case wire::ParseStatus::kBad:
                    co_return begins_http2(exchange) ? HeadStatus::kHttp2 : HeadStatus::kBad;
                case wire::ParseStatus::kMore:
                    break;
            }
        }
        if (buffer->free_size() < kHeadRoom) {
            buffer->compact(0);
        }
        if (buffer->free_size() < kHeadRoom) {
            // A head near the largest that can be allowed: it moves to a buffer that holds it.
            BufferPointer larger = shard_.take_large_buffer();
            larger->clear(0);
            std::ranges::copy(buffer->view(), larger->free_space());
            larger->end += buffer->size();
            buffer = std::move(larger);
        }
        if (!transport_.is_readable() && !co_await ReadyBy(watch(), Direction::kRead, deadline)) {
            co_return started ? HeadStatus::kTimeout : HeadStatus::kClosed;
        }
        const net::IoResult got = transport_.receive_now(buffer->free_space(), buffer->free_size());
        if (got.status == IoStatus::kEnd || got.status == IoStatus::kBroken) {
            co_return HeadStatus::kClosed;
        }
        buffer->end += static_cast<uint32_t>(got.count);
        if (buffer->empty()) {
            co_return HeadStatus::kNothing;
        }
    }
}

/// A preface looks to the parser like a request of a version that it does not know.
bool Connection::begins_http2(const Exchange& exchange) const {
    constexpr std::string_view kLine = "PRI * HTTP/2.0\r\n";
    static_assert(wire::kHttp2Preface.starts_with(kLine));
    return exchange.head().fault != wire::Fault::kNone && buffer->view().starts_with(kLine);
}

Task<void> Connection::run_http2() {
    BufferPointer received = std::move(buffer);
    Http2Connection http2(shard_, *this);
    http2_ = &http2;
    co_await http2.run(std::move(received));
    http2_ = nullptr;
}

Task<bool> Connection::send(std::string_view bytes, std::string_view more) {
    while (true) {
        const net::IoResult sent = transport_.send_now(bytes, more);
        if (sent.status == IoStatus::kBroken) {
            co_return false;
        }
        const size_t of_first = std::min(sent.count, bytes.size());
        bytes.remove_prefix(of_first);
        more.remove_prefix(sent.count - of_first);
        if (sent.status == IoStatus::kAgain) {
            const Duration patience = shard_.current().snapshot().limits.body_timeout;
            if (!co_await ReadyBy(watch(), Direction::kWrite,
                                  Deadline::in(shard_.loop(), patience))) {
                co_return false;
            }
        } else if (bytes.empty() && more.empty()) {
            co_return true;
        }
    }
}

Task<void> Connection::drop_rest() {
    // Closing with bytes unread would reset the connection and may destroy the answer on its way.
    transport_.shut_down(SHUT_WR);
    const SteadyTime end = shard_.loop().now() + kLingerTime;
    if (!buffer) {
        buffer = shard_.take_buffer();
    }
    while (shard_.loop().now() < end) {
        const Deadline period = Deadline::in(shard_.loop(), kLingerPeriod);
        for (size_t dropped = 0; dropped < kLingerBytesMin;) {
            if (!transport_.is_readable() && !co_await ReadyBy(watch(), Direction::kRead, period)) {
                co_return;
            }
            const net::IoResult got = transport_.receive_now(buffer->data(), buffer->capacity());
            if (got.status == IoStatus::kEnd || got.status == IoStatus::kBroken) {
                co_return;
            }
            dropped += got.count;
        }
    }
}

}  // namespace shore::gateway
