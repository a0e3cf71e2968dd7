#include "gateway/tunnel.h"

#include "async/ready_by.h"
#include "gateway/client_stream.h"
#include "gateway/connection.h"
#include "gateway/limits.h"
#include "net/raw_io.h"

namespace shore::gateway {

using async::Deadline;
using async::ReadyBy;
using async::Task;
using net::IoStatus;

Tunnel::Tunnel(Shard& shard, Connection& connection, ClientStream* stream, UpstreamConnection& app,
               TunnelCounts counts)
    : shard_(shard),
      connection_(connection),
      stream_(stream),
      app_(app),
      counts_(counts),
      seen_(shard.loop().now()),
      to_app_(shard.loop()) {
}

Task<void> Tunnel::run() {
    to_app_.spawn(stream_ != nullptr ? pump_stream() : pump(Direction::kToApp));
    co_await pump(Direction::kToClient);
    to_app_.stop();
}

/// How long the next byte may take.
Duration Tunnel::patience() const {
    return half_closed_ ? Duration(kHalfCloseGrace) : Duration(kTunnelIdle);
}

/// One direction between two sockets, to its end, which is passed on.
Task<void> Tunnel::pump(Direction direction) {
    const bool to_client = direction == Direction::kToClient;
    Transport& client = connection_.transport();
    async::Watch& from = to_client ? app_.watch : client.watch();
    while (true) {
        while (!(to_client ? from.is_readable() : client.is_readable())) {
            if (!co_await ReadyBy(from, async::Direction::kRead, Deadline{seen_ + patience()}) &&
                is_over()) {
                end(direction);
                co_return;
            }
        }
        BufferPointer buffer = shard_.take_buffer();
        const net::IoResult got =
            to_client ? net::receive_now(app_.socket.get(), buffer->data(), buffer->capacity())
                      : client.receive_now(buffer->data(), buffer->capacity());
        if (got.status == IoStatus::kEnd || got.status == IoStatus::kBroken) {
            break;
        }
        if (to_client && got.count < buffer->capacity()) {
            from.read_drained();
        }
        if (got.count == 0) {
            continue;
        }
        seen_ = shard_.loop().now();
        const std::string_view bytes(buffer->data(), got.count);
        (to_client ? counts_.to_client : counts_.to_app) += got.count;
        const bool sent =
            to_client ? co_await send_client(bytes) : co_await send_all(shard_, app_, bytes);
        if (!sent) {
            break;
        }
    }
    half_closed_ = true;
    end(direction);
}

/// The direction from a stream to the app (RFC 8441 section 5).
Task<void> Tunnel::pump_stream() {
    while (true) {
        if (!stream_->has_body()) {
            if (stream_->body_ended() ||
                (!co_await stream_->body_more({seen_ + patience()}) && is_over())) {
                break;
            }
            continue;
        }
        const BufferPointer piece = stream_->take_body();
        seen_ = shard_.loop().now();
        counts_.to_app += piece->size();
        if (!co_await send_all(shard_, app_, piece->view())) {
            break;
        }
        stream_->body_passed(piece->size());
    }
    half_closed_ = true;
    end(Direction::kToApp);
}

Task<bool> Tunnel::send_client(std::string_view bytes) {
    return stream_ != nullptr ? stream_->send(bytes) : connection_.send(bytes);
}

/// Tells the receiving side of a direction that nothing more will come.
void Tunnel::end(Direction direction) {
    if (direction == Direction::kToApp) {
        net::shut_down(app_.socket.get(), SHUT_WR);
    } else if (stream_ != nullptr) {
        stream_->end_tunnel();
    } else {
        connection_.transport().shut_down(SHUT_WR);
    }
}

}  // namespace shore::gateway
