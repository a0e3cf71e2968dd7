#include "gateway/proxy_header.h"

#include <algorithm>

#include "async/ready_by.h"
#include "net/raw_io.h"

namespace shore::gateway {

using async::Deadline;
using async::Direction;
using async::ReadyBy;
using async::Task;
using net::IoStatus;
using wire::ParseStatus;

namespace {

/// Looks at what is there, again and again, until it is a header; then takes exactly that.
Task<bool> take(Shard& shard, Transport& transport, Deadline deadline, ClientAddress& client) {
    static_assert(wire::kProxyHeaderBytesMax <= kBufferBytes);
    async::Watch& watch = transport.watch();
    while (true) {
        if (!watch.is_readable() && !co_await ReadyBy(watch, Direction::kRead, deadline)) {
            co_return false;
        }
        // Asked first: what came before the peer's end is there then.
        const bool last = transport.hung_up();
        const BufferPointer buffer = shard.take_buffer();
        const int socket = transport.descriptor();
        const net::IoResult seen =
            net::peek_now(socket, buffer->data(), wire::kProxyHeaderBytesMax);
        if (seen.status == IoStatus::kAgain) {
            watch.read_drained();
            continue;
        }
        wire::ProxyHeader header;
        const ParseStatus status = wire::parse_proxy_header(buffer->data(), seen.count, header);
        if (status == ParseStatus::kDone) {
            const bool taken =
                net::receive_now(socket, buffer->data(), header.size).count == header.size;
            if (taken && !header.local) {
                client = ClientAddress(header.source.address, header.source.port);
            }
            co_return taken;
        }
        if (status == ParseStatus::kBad || last || seen.status != IoStatus::kDone ||
            shard.stopping()) {
            co_return false;
        }
        watch.read_drained();  // More bytes are another edge, whether these are taken or not.
    }
}

}  // namespace

Task<bool> take_proxy_header(Shard& shard, Transport& transport, Duration patience,
                             ClientAddress& client) {
    const bool taken =
        co_await take(shard, transport, Deadline::in(shard.loop(), patience), client);
    shard.mutable_counters().proxy_headers_refused += taken ? 0 : 1;
    co_return taken;
}

bool send_proxy_header(uint8_t version, const ClientAddress& client, int from, int to) {
    wire::ProxyEnd here{.address = client.bytes};
    if (const auto local = net::Address::local_of(from)) {
        sockaddr_storage raw{};
        local->to_socket(raw);
        here = {.address = mapped_bytes(raw), .port = local->port()};
    }
    std::array<char, wire::kProxyHeaderWrittenMax> header{};
    const size_t size = wire::write_proxy_header(static_cast<wire::ProxyVersion>(version),
                                                 {.address = client.bytes, .port = client.port},
                                                 here, header.data());
    return net::send_now(to, {header.data(), size}).count == size;
}

}  // namespace shore::gateway
