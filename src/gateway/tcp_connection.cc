#include "gateway/tcp_connection.h"

#include <iterator>

#include <fcntl.h>
#include <unistd.h>

#include "async/ready_by.h"
#include "gateway/proxy_header.h"
#include "net/raw_io.h"

namespace shore::gateway {

using async::Deadline;
using async::Direction;
using async::ReadyBy;
using async::Task;
using net::IoStatus;

namespace {

/// Counts a connection as held for as long as it lives, cancelled or not.
class Held final {
 public:
    explicit Held(size_t& count) : count_(count) { ++count_; }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { --count_; }

 private:
    size_t& count_;
};

}  // namespace

/// Where spliced bytes stand between two sockets.
struct TcpConnection::Pipe {
    static std::unique_ptr<Pipe> open() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) {
            return nullptr;
        }
        auto pipe = std::make_unique<Pipe>();
        pipe->out = os::Fd(ends[0]);
        pipe->in = os::Fd(ends[1]);
        // Larger than the default if this user may; a smaller one works as well.
        [[maybe_unused]] const int size = fcntl(ends[1], F_SETPIPE_SZ, int{kSpliceBytes});
        return pipe;
    }

    os::Fd in;
    os::Fd out;
};

TcpConnection::TcpConnection(Shard& shard, os::Fd socket, const sockaddr_storage& peer,
                             model::ListenAddress listener)
    : shard_(shard),
      client_(shard.loop(), std::move(socket)),
      peer_(peer),
      listener_(std::move(listener)),
      begun_(shard.loop().now()),
      seen_(begun_) {
    ++shard_.mutable_counters().connections_open;
}

TcpConnection::~TcpConnection() {
    leave_endpoint();
    --shard_.mutable_counters().connections_open;
    if (slot_ != UINT32_MAX) {
        --shard_.mutable_counters().tcp_route(slot_).open;
    }
    shard_.shared().connections.fetch_sub(1, std::memory_order_relaxed);
}

Task<void> TcpConnection::serve(Shard& shard, os::Fd socket, sockaddr_storage peer,
                                model::ListenAddress listener) {
    TcpConnection connection(shard, std::move(socket), peer, std::move(listener));
    co_await connection.run();
}

Task<void> TcpConnection::run() {
    if (!client_.start() || !co_await begin()) {
        co_return;
    }
    net::keep_alive(client_.descriptor());
    if (!co_await reach()) {
        ++shard_.mutable_counters().tcp_route(slot_).refused;
        log_line();
        co_return;
    }
    seen_ = shard_.loop().now();
    {
        async::Scope other(shard_.loop());
        other.spawn(pump(Way::kToInstance));
        co_await pump(Way::kToClient);
        co_await other.join();
    }
    log_line();
}

/// What comes before the bytes: a balancer's header, a handshake.
Task<bool> TcpConnection::begin() {
    const ProxySource* const source = shard_.current().proxy_source(listener_, peer_.bytes);
    if (source != nullptr && !co_await take_proxy_header(shard_, client_, source->timeout, peer_)) {
        co_return false;
    }
    const CompiledTcp* const route = shard_.current().tcp_route(listener_);
    if (route == nullptr) {
        co_return false;
    }
    slot_ = route->slot;
    stack_ = route->spec->stack;
    service_ = route->spec->service;
    idle_ = route->spec->idle;
    TcpCounters& counters = shard_.mutable_counters().tcp_route(slot_);
    ++counters.connections;
    ++counters.open;
    co_return !listener_.tls || co_await begin_tls();
}

Task<bool> TcpConnection::begin_tls() {
    const Compiled& compiled = shard_.current();
    const Deadline deadline =
        Deadline::in(shard_.loop(), compiled.snapshot().limits.header_timeout);
    auto server = compiled.tls(listener_);
    if (!server) {
        co_return false;
    }
    client_.secure(std::move(server), shard_.tls_scratch());
    while (true) {
        using Handshake = net::TlsStream::Handshake;
        const Handshake state = client_.tls()->handshake_now();
        if (state == Handshake::kDone) {
            ++shard_.mutable_counters().tls_handshakes;
            shard_.mutable_counters().tls_resumptions += client_.tls()->resumed() ? 1 : 0;
            shard_.mutable_counters().tls_in_library += client_.tls()->in_library() ? 1 : 0;
            co_return true;
        }
        const Direction direction =
            state == Handshake::kWantsRead ? Direction::kRead : Direction::kWrite;
        if (state == Handshake::kFailed ||
            !co_await ReadyBy(client_.watch(), direction, deadline)) {
            ++shard_.mutable_counters().tls_failures;
            co_return false;
        }
    }
}

/// The instance with the fewest connections that may take one; null when none may.
Endpoint* TcpConnection::choose(const CompiledTcp& route) {
    const CompiledUpstream::Member* best = nullptr;
    const std::vector<CompiledUpstream::Member>& members = route.upstream->members;
    const size_t first = members.empty() ? 0 : shard_.random().next() % members.size();
    for (size_t i = 0; i < members.size(); ++i) {
        const CompiledUpstream::Member& member = members[(first + i) % members.size()];
        const bool usable = !member.draining && !member.endpoint->ejected();
        if (usable &&
            (best == nullptr || member.endpoint->outstanding() < best->endpoint->outstanding())) {
            best = &member;
        }
    }
    if (best == nullptr) {
        return nullptr;
    }
    endpoint_ = best->endpoint;
    return endpoint_.get();
}

void TcpConnection::leave_endpoint() {
    if (endpoint_) {
        endpoint_->end_request();
        endpoint_.reset();
    }
}

/// Connects to an instance; while none takes it the connection is held. False when that takes too
/// long.
Task<bool> TcpConnection::reach() {
    async::Loop& loop = shard_.loop();
    SteadyTime last{};
    while (true) {
        const CompiledTcp* const route = shard_.current().tcp_route(listener_);
        if (route == nullptr) {
            co_return false;
        }
        const uint8_t proxy_protocol = route->spec->proxy_protocol;
        const bool known = last != SteadyTime{};
        last = begun_ + route->spec->hold;
        if (Endpoint* const chosen = choose(*route)) {
            chosen->begin_request();
            if (co_await connect(proxy_protocol)) {
                co_return true;
            }
            if (endpoint_->eject()) {
                shard_.shared().on_ejected(endpoint_);
            }
            leave_endpoint();
            instance_.reset();
            if (loop.now() < last) {
                continue;
            }
        }
        if (loop.now() >= last || shard_.held >= kHeldMax ||
            (shard_.stopping() && !shard_.retired())) {
            co_return false;
        }
        shard_.mutable_counters().tcp_route(slot_).held += known ? 0 : 1;
        const Held counted(shard_.held);
        co_await shard_.tick().wait();
    }
}

Task<bool> TcpConnection::connect(uint8_t proxy_protocol) {
    ++shard_.mutable_counters().upstream_connects;
    auto begun = net::begin_connect(endpoint_->raw(), endpoint_->raw_length());
    if (!begun) {
        co_return false;
    }
    instance_ = std::make_unique<UpstreamConnection>(shard_.loop(), std::move(begun->socket));
    if (!instance_->watch.start(instance_->socket.get())) {
        co_return false;
    }
    instance_->watch.read_drained();
    if (!begun->connected) {
        instance_->watch.write_full();
        const Duration patience = shard_.current().snapshot().limits.connect_timeout;
        if (!co_await ReadyBy(instance_->watch, Direction::kWrite,
                              Deadline::in(shard_.loop(), patience)) ||
            !net::connect_outcome(instance_->socket.get())) {
            co_return false;
        }
    }
    net::keep_alive(instance_->socket.get());
    co_return proxy_protocol == 0 ||
        send_proxy_header(proxy_protocol, peer_, client_.descriptor(), instance_->socket.get());
}

/// One direction to its end, which is passed on; the other goes on.
Task<void> TcpConnection::pump(Way way) {
    std::unique_ptr<Pipe> pipe;
    bool bulk = false;
    while (true) {
        if (pipe != nullptr && !co_await is_busy(way)) {
            pipe.reset();  // It has become quiet: two descriptors are worth more than a copy.
            bulk = false;
        }
        if (!co_await wait_readable(way)) {
            break;
        }
        if (bulk && pipe == nullptr && !client_.is_secure()) {
            pipe = Pipe::open();
        }
        const Moved moved = bulk && pipe != nullptr ? co_await splice_bytes(way, *pipe)
                                                    : co_await move_bytes(way, bulk);
        if (moved == Moved::kEnded) {
            break;
        }
    }
    end(way);
}

/// False when there is nothing to receive for a moment.
Task<bool> TcpConnection::is_busy(Way way) {
    async::Watch& watch = way == Way::kToClient ? instance_->watch : client_.watch();
    co_return watch.is_readable() ||
        co_await ReadyBy(watch, Direction::kRead, Deadline::in(shard_.loop(), kPipeQuiet));
}

/// False when nothing has moved in either direction for too long, or the other side is gone.
Task<bool> TcpConnection::wait_readable(Way way) {
    async::Watch& watch = way == Way::kToClient ? instance_->watch : client_.watch();
    while (!broken_) {
        const bool ready =
            way == Way::kToClient ? instance_->watch.is_readable() : client_.is_readable();
        if (ready) {
            co_return true;
        }
        const SteadyTime last = seen_ + idle_;
        if (!co_await ReadyBy(watch, Direction::kRead, Deadline{last}) &&
            shard_.loop().now() >= seen_ + idle_) {
            broken_ = true;
        }
    }
    co_return false;
}

net::IoResult TcpConnection::receive(Way way, char* space, size_t size) {
    if (way == Way::kToInstance) {
        return client_.receive_now(space, size);
    }
    const net::IoResult got = net::receive_now(instance_->socket.get(), space, size);
    if (got.count < size) {
        instance_->watch.read_drained();
    }
    return got;
}

/// One buffer's worth. `bulk` becomes true when there was more than that.
Task<TcpConnection::Moved> TcpConnection::move_bytes(Way way, bool& bulk) {
    const BufferPointer buffer = shard_.take_buffer();
    const net::IoResult got = receive(way, buffer->data(), buffer->capacity());
    if (got.status == IoStatus::kEnd || got.status == IoStatus::kBroken) {
        broken_ |= got.status == IoStatus::kBroken;
        co_return Moved::kEnded;
    }
    if (got.count == 0) {
        co_return Moved::kSome;
    }
    bulk = got.count == buffer->capacity();
    count(way, got.count);
    co_return co_await send(way, {buffer->data(), got.count}) ? Moved::kSome : Moved::kEnded;
}

/// As move_bytes, without a copy.
Task<TcpConnection::Moved> TcpConnection::splice_bytes(Way way, Pipe& pipe) {
    const bool to_client = way == Way::kToClient;
    const int from = to_client ? instance_->socket.get() : client_.descriptor();
    const int to = to_client ? client_.descriptor() : instance_->socket.get();
    const net::IoResult got = net::splice_now(from, pipe.in.get(), kSpliceBytes);
    if (got.status == IoStatus::kAgain) {
        (to_client ? instance_->watch : client_.watch()).read_drained();
        co_return Moved::kSome;
    }
    if (got.status != IoStatus::kDone) {
        broken_ |= got.status == IoStatus::kBroken;
        co_return Moved::kEnded;
    }
    count(way, got.count);
    for (size_t left = got.count; left > 0;) {
        const net::IoResult sent = net::splice_now(pipe.out.get(), to, left);
        if (sent.status == IoStatus::kAgain) {
            (to_client ? client_.watch() : instance_->watch).write_full();
            if (!co_await wait_writable(way)) {
                co_return Moved::kEnded;
            }
        } else if (sent.status != IoStatus::kDone) {
            broken_ = true;
            co_return Moved::kEnded;
        }
        left -= sent.count;
    }
    co_return Moved::kSome;
}

Task<bool> TcpConnection::wait_writable(Way way) {
    async::Watch& watch = way == Way::kToClient ? client_.watch() : instance_->watch;
    const bool ready =
        co_await ReadyBy(watch, Direction::kWrite, Deadline::in(shard_.loop(), idle_));
    broken_ |= !ready;
    seen_ = shard_.loop().now();
    co_return ready;
}

/// All of it, no faster than the other side takes it.
Task<bool> TcpConnection::send(Way way, std::string_view bytes) {
    while (true) {
        net::IoResult sent;
        if (way == Way::kToClient) {
            sent = client_.send_now(bytes);
        } else {
            sent = net::send_now(instance_->socket.get(), bytes);
            if (sent.status == IoStatus::kAgain) {
                instance_->watch.write_full();
            }
        }
        if (sent.status == IoStatus::kBroken) {
            broken_ = true;
            co_return false;
        }
        bytes.remove_prefix(sent.count);
        if (sent.status == IoStatus::kAgain) {
            if (!co_await wait_writable(way)) {
                co_return false;
            }
        } else if (bytes.empty()) {
            co_return true;
        }
    }
}

void TcpConnection::count(Way way, size_t bytes) {
    seen_ = shard_.loop().now();
    TcpCounters& counters = shard_.mutable_counters().tcp_route(slot_);
    (way == Way::kToClient ? counters.bytes_out : counters.bytes_in) += bytes;
    (way == Way::kToClient ? bytes_out_ : bytes_in_) += bytes;
}

/// Tells the receiving side of a direction that nothing more will come; when one side is gone, ends
/// all.
void TcpConnection::end(Way way) {
    if (way == Way::kToClient || broken_) {
        client_.shut_down(broken_ ? SHUT_RDWR : SHUT_WR);
    }
    if (way == Way::kToInstance || broken_) {
        net::shut_down(instance_->socket.get(), broken_ ? SHUT_RDWR : SHUT_WR);
    }
}

void TcpConnection::log_line() {
    if (!shard_.current().snapshot().access_log) {
        return;
    }
    const double took =
        std::chrono::duration<double, std::milli>(shard_.loop().now() - begun_).count();
    std::string& out = shard_.access_lines();
    // Every text here is an address or a name of the manifest: nothing to escape.
    fmt::format_to(std::back_inserter(out),
                   R"({{"time":"{}","client":"{}","protocol":"TCP","bytes_in":{},"bytes_out":{},)"
                   R"("duration_ms":{:.3f},"stack":"{}","service":"{}")",
                   shard_.timestamp(), peer_.view(), bytes_in_, bytes_out_, took, stack_, service_);
    if (endpoint_) {
        fmt::format_to(std::back_inserter(out), R"(,"instance":"{}")", endpoint_->instance());
    }
    out += "}\n";
    shard_.access_line_added();
}

}  // namespace shore::gateway
