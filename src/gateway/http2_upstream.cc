#include "gateway/http2_upstream.h"

#include <algorithm>

#include "async/ready_by.h"
#include "base/assert.h"
#include "net/raw_io.h"

namespace shore::gateway {

using async::Deadline;
using async::Direction;
using async::ReadyBy;
using async::Task;
using net::IoStatus;

namespace {

UpstreamStream& of(wire::Http2Stream& stream) {
    return static_cast<UpstreamStream&>(stream);
}

// Each stream can fill its window without holding back another one.
constexpr wire::Http2Limits kSessionLimits = {
    .streams_max = kHttp2UpstreamStreamsMax,
    .head_bytes = wire::kHeadBytesMax,
    .stream_window = kHttp2UpstreamWindow,
    .connection_window = kHttp2UpstreamWindow * kHttp2UpstreamStreamsMax};

}  // namespace

Http2Upstream::Http2Upstream(Shard& shard, const Endpoint& endpoint)
    : shard_(shard),
      address_(endpoint.raw()),
      address_length_(endpoint.raw_length()),
      watch_(shard.loop()),
      session_(*this, kSessionLimits, wire::Http2Role::kClient),
      settling_(*this),
      idle_since_(shard.loop().now()),
      tasks_(shard.loop()) {
    tasks_.spawn(run());
}

Http2Upstream::~Http2Upstream() {
    tasks_.stop();
    settling_.unlink();
    watch_.stop();
}

bool Http2Upstream::has_room() const {
    return is_open() &&
           streams_.size() < std::min(kHttp2UpstreamStreamsMax, session_.peer_streams_max());
}

UpstreamStream& Http2Upstream::begin(bool head_only) {
    auto stream = shard_.upstream_streams().take(shard_);
    stream->begin(*this, head_only);
    streams_.push_back(std::move(stream));
    if (broken_) {
        streams_.back()->on_lost();
    }
    return *streams_.back();
}

void Http2Upstream::retire() {
    if (!std::exchange(retired_, true) && !broken_) {
        touch();
    }
}

void Http2Upstream::stream_is_free() {
    any_free_ = true;
    if (broken_) {
        give_back_free();
    } else {
        touch();
    }
}

void Http2Upstream::give_back_free() {
    any_free_ = false;
    for (size_t i = 0; i < streams_.size();) {
        if (streams_[i]->is_free()) {
            std::swap(streams_[i], streams_.back());
            streams_.pop_back();
        } else {
            ++i;
        }
    }
    if (streams_.empty()) {
        idle_since_ = shard_.loop().now();
    }
}

/// Ends every stream; the connection is of no use any more.
void Http2Upstream::lose() {
    broken_ = true;
    settling_.unlink();
    output_.reset();
    for (const auto& stream : streams_) {
        stream->on_lost();
    }
    watch_.stop();
    socket_ = os::Fd();
    give_back_free();
}

Task<bool> Http2Upstream::connect() {
    ++shard_.mutable_counters().upstream_connects;
    auto begun = net::begin_connect(address_, address_length_);
    if (!begun) {
        co_return false;
    }
    socket_ = std::move(begun->socket);
    if (!watch_.start(socket_.get())) {
        co_return false;
    }
    watch_.read_drained();
    if (!begun->connected) {
        watch_.write_full();
        const Duration patience = shard_.current().snapshot().limits.connect_timeout;
        if (!co_await ReadyBy(watch_, Direction::kWrite, Deadline::in(shard_.loop(), patience))) {
            co_return false;
        }
    }
    co_return begun->connected || net::connect_outcome(socket_.get()).has_value();
}

Task<void> Http2Upstream::run() {
    // Not before its maker has put a stream on it.
    co_await async::yield(shard_.loop());
    if (!co_await connect()) {
        lose();
        co_return;
    }
    established_ = true;
    touch();
    while (!broken_) {
        const SteadyTime last = idle_since_ + kHttp2UpstreamIdle;
        const bool idle = streams_.empty();
        if (idle && (retired_ || shard_.loop().now() >= last)) {
            break;
        }
        const Deadline look{shard_.loop().now() + std::chrono::seconds(1)};
        if (!watch_.is_readable() && !co_await ReadyBy(watch_, Direction::kRead, look)) {
            continue;
        }
        const BufferPointer buffer = shard_.take_buffer();
        const net::IoResult got =
            net::receive_now(socket_.get(), buffer->data(), buffer->capacity());
        if (got.count < buffer->capacity()) {
            watch_.read_drained();
        }
        if (got.status == IoStatus::kEnd || got.status == IoStatus::kBroken) {
            break;
        }
        if (got.count > 0 && !session_.receive({buffer->data(), got.count}, shard_.loop().now())) {
            pump();
            flush_now();
            break;
        }
        touch();
        if (session_.finished()) {
            break;
        }
    }
    if (!broken_ && streams_.empty()) {
        session_.begin_shutdown();
        pump();
        flush_now();
    }
    lose();
}

void Http2Upstream::settle() {
    settling_.unlink();
    if (broken_) {
        return;
    }
    if (established_) {
        pump();
        if (!blocked_) {
            flush_now();
        }
        if (blocked_ && !broken_ && tasks_.size() < 2) {
            tasks_.spawn(wait_writable());
        }
    }
    if (any_free_) {
        give_back_free();
    }
    settling_.unlink();  // What pump() noted has been dealt with.
    if (broken_) {
        net::shut_down(socket_.get(), SHUT_RDWR);  // run() sees the end.
    }
}

void Http2Upstream::pump() {
    while (!blocked_ && !broken_) {
        if (!output_) {
            output_ = shard_.take_buffer();
            output_->clear(0);
        }
        if (output_->free_size() < wire::kHttp2RoomMin && !flush_now()) {
            return;
        }
        if (!output_) {
            continue;
        }
        const size_t count = session_.produce(output_->free_space(), output_->free_size());
        output_->end += static_cast<uint32_t>(count);
        if (count == 0) {
            return;
        }
    }
}

/// Writes what has been framed. True when all of it is gone.
bool Http2Upstream::flush_now() {
    while (!broken_ && output_ && !output_->empty()) {
        const net::IoResult sent = net::send_now(socket_.get(), output_->view());
        output_->begin += static_cast<uint32_t>(sent.count);
        if (sent.status == IoStatus::kBroken) {
            broken_ = true;
        } else if (sent.status == IoStatus::kAgain) {
            watch_.write_full();
            blocked_ = true;
            return false;
        }
    }
    output_.reset();
    return !broken_;
}

Task<void> Http2Upstream::wait_writable() {
    while (blocked_ && !broken_) {
        const Duration limit = shard_.current().snapshot().limits.body_timeout;
        if (!co_await ReadyBy(watch_, Direction::kWrite, Deadline::in(shard_.loop(), limit))) {
            net::shut_down(socket_.get(), SHUT_RDWR);  // run() sees the end.
            co_return;
        }
        blocked_ = false;
        if (flush_now()) {
            pump();
        }
    }
    touch();
}

void Http2Upstream::on_field(wire::Http2Stream& stream, std::string_view name,
                             std::string_view value) {
    of(stream).on_field(name, value);
}

void Http2Upstream::on_head(wire::Http2Stream& stream, bool end) {
    of(stream).on_head(end);
}

void Http2Upstream::on_body(wire::Http2Stream& stream, std::string_view bytes) {
    of(stream).on_body(bytes);
}

void Http2Upstream::on_trailer(wire::Http2Stream& stream, std::string_view name,
                               std::string_view value) {
    of(stream).on_trailer(name, value);
}

void Http2Upstream::on_body_end(wire::Http2Stream& stream) {
    of(stream).on_body_end();
}

void Http2Upstream::on_taken(wire::Http2Stream& stream) {
    of(stream).on_taken();
}

void Http2Upstream::on_closed(wire::Http2Stream& stream) {
    of(stream).on_closed();
    any_free_ = true;
    touch();
}

Http2Upstream& Http2Pool::take(const Endpoint& endpoint) {
    if (endpoint.slot() >= slots_.size()) {
        slots_.resize(endpoint.slot() + 1);
    }
    Slot& slot = slots_[endpoint.slot()];
    if (slot.endpoint != &endpoint) {
        retire_all(slot);
        slot.endpoint = &endpoint;
    }
    Http2Upstream* fullest = nullptr;
    Http2Upstream* emptiest = nullptr;
    for (const auto& each : slot.connections) {
        if (each->has_room() && (fullest == nullptr || each->streams() > fullest->streams())) {
            fullest = each.get();
        }
        if (each->is_open() && (emptiest == nullptr || each->streams() < emptiest->streams())) {
            emptiest = each.get();
        }
    }
    if (fullest != nullptr) {
        return *fullest;
    }
    if (emptiest != nullptr && slot.connections.size() >= kHttp2UpstreamsMax) {
        return *emptiest;
    }
    slot.connections.push_back(std::make_unique<Http2Upstream>(shard_, endpoint));
    return *slot.connections.back();
}

void Http2Pool::retire_all(Slot& slot) {
    for (auto& connection : slot.connections) {
        connection->retire();
        leaving_.push_back(std::move(connection));
    }
    slot.connections.clear();
}

void Http2Pool::use(const Compiled& compiled) {
    std::vector<const Endpoint*> wanted(slots_.size(), nullptr);
    for (const CompiledUpstream& upstream : compiled.upstreams()) {
        for (const CompiledUpstream::Member& member : upstream.members) {
            const uint32_t slot = member.endpoint->slot();
            if (slot < wanted.size() && !member.draining) {
                wanted[slot] = member.endpoint.get();
            }
        }
    }
    for (size_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i].endpoint != wanted[i]) {
            retire_all(slots_[i]);
            slots_[i].endpoint = wanted[i];
        }
    }
}

void Http2Pool::sweep() {
    const auto is_over = [](const auto& connection) { return connection->is_over(); };
    std::erase_if(leaving_, is_over);
    for (Slot& slot : slots_) {
        std::erase_if(slot.connections, is_over);
    }
}

size_t Http2Pool::connections() const {
    size_t count = leaving_.size();
    for (const Slot& slot : slots_) {
        count += slot.connections.size();
    }
    return count;
}

void Http2Pool::clear() {
    leaving_.clear();
    slots_.clear();
}

}  // namespace shore::gateway
