#include "gateway/http2_connection.h"

#include <algorithm>

#include "async/ready_by.h"
#include "gateway/connection.h"

namespace shore::gateway {

using async::Deadline;
using async::Direction;
using async::ReadyBy;
using async::Task;
using net::IoStatus;
using wire::Http2Cut;

namespace {

ClientStream& of(wire::Http2Stream& stream) {
    return static_cast<ClientStream&>(stream);
}

wire::Http2Limits session_limits(const model::GatewayLimits& limits) {
    return {.streams_max = kHttp2StreamsMax,
            .head_bytes = static_cast<uint32_t>(
                std::min<uint64_t>(limits.header_bytes.count, wire::kHeadBytesMax)),
            .stream_window = kHttp2StreamWindow,
            .connection_window = kHttp2ConnectionWindow};
}

}  // namespace

Http2Connection::Http2Connection(Shard& shard, Connection& connection)
    : shard_(shard),
      connection_(connection),
      session_(*this, session_limits(shard.current().snapshot().limits)),
      settling_(*this),
      writer_(shard.loop()) {
    ++shard_.mutable_counters().http2_connections;
}

Http2Connection::~Http2Connection() {
    if (session_.cut() != Http2Cut::kNone) {
        count_cut(session_.cut());
    }
    // Their tasks use this.
    for (Pool<ClientStream>::Pointer& stream : streams_) {
        stream->retire();
        stream.reset();
    }
    shard_.mutable_counters().http2_streams_open -= streams_.size();
}

void Http2Connection::count_cut(Http2Cut reason) {
    ++shard_.mutable_counters().http2_cut[static_cast<size_t>(reason)];
}

void Http2Connection::begin_stop() {
    session_.begin_shutdown();
    touch();
}

bool Http2Connection::receive(std::string_view bytes) {
    const bool open = session_.receive(bytes, shard_.loop().now());
    for (size_t i = 0; i < fresh_.size(); ++i) {
        // Starting one may close others.
        if (ClientStream* const stream = std::exchange(fresh_[i], nullptr)) {
            stream->start();
        }
    }
    fresh_.clear();
    touch();
    return open;
}

/// Until when the client must have said something.
Deadline Http2Connection::patience() const {
    const model::GatewayLimits& limits = shard_.current().snapshot().limits;
    if (head_since_ != SteadyTime{}) {
        return {head_since_ + limits.header_timeout};
    }
    return session_.open_streams() > 0 ? Deadline::in(shard_.loop(), limits.idle_timeout)
                                       : Deadline{active_at_ + limits.idle_timeout};
}

Task<void> Http2Connection::run(BufferPointer received) {
    Transport& client = connection_.transport();
    active_at_ = shard_.loop().now();
    shard_.idle_connections().push_back(connection_);  // So that a stop finds it.
    if (shard_.stopping()) {
        begin_stop();
    }
    bool open = receive(received ? received->view() : std::string_view());
    received.reset();
    while (open && !ended_) {
        if (!client.is_readable() &&
            !co_await ReadyBy(connection_.watch(), Direction::kRead, patience())) {
            if (head_since_ != SteadyTime{} && shard_.loop().now() >= patience().at) {
                session_.cut_off(Http2Cut::kSlowHead);
                break;
            }
            if (session_.open_streams() == 0 && shard_.loop().now() >= patience().at) {
                break;  // Idle for long enough.
            }
            continue;
        }
        BufferPointer buffer = shard_.take_buffer();
        const net::IoResult got = client.receive_now(buffer->data(), buffer->capacity());
        if (got.status == IoStatus::kEnd || got.status == IoStatus::kBroken) {
            broken_ = broken_ || (got.status == IoStatus::kBroken);
            break;
        }
        open = got.count == 0 || receive({buffer->data(), got.count});
    }
    connection_.unlink();
    co_await finish_writing();
}

/// What is still to be said, a GOAWAY perhaps, to a client that may not listen.
Task<void> Http2Connection::finish_writing() {
    session_.begin_shutdown();
    writer_.stop();
    const Deadline deadline = Deadline::in(shard_.loop(), kLastWriteTime);
    blocked_ = false;
    pump();
    while (!flush_now() && !broken_) {
        if (!co_await ReadyBy(connection_.watch(), Direction::kWrite, deadline)) {
            break;
        }
    }
    settling_.unlink();
    ended_ = true;
}

wire::Http2Stream* Http2Connection::on_request(int32_t) {
    if (ended_) {
        return nullptr;
    }
    auto stream = shard_.client_streams().take(shard_);
    stream->begin(*this);
    stream->slot = streams_.size();
    head_since_ = shard_.loop().now();
    ++shard_.mutable_counters().http2_streams;
    ++shard_.mutable_counters().http2_streams_open;
    streams_.push_back(std::move(stream));
    return streams_.back().get();
}

void Http2Connection::on_field(wire::Http2Stream& stream, std::string_view name,
                               std::string_view value) {
    of(stream).on_field(name, value);
}

void Http2Connection::on_head(wire::Http2Stream& stream, bool end) {
    head_since_ = {};
    of(stream).on_head(end);
    fresh_.push_back(&of(stream));
}

void Http2Connection::on_body(wire::Http2Stream& stream, std::string_view bytes) {
    of(stream).on_body(bytes);
}

void Http2Connection::on_trailer(wire::Http2Stream& stream, std::string_view name,
                                 std::string_view value) {
    of(stream).on_trailer(name, value);
}

void Http2Connection::on_body_end(wire::Http2Stream& stream) {
    of(stream).on_body_end();
}

void Http2Connection::on_taken(wire::Http2Stream& stream) {
    of(stream).on_taken();
}

void Http2Connection::on_closed(wire::Http2Stream& stream) {
    head_since_ = {};
    std::ranges::replace(fresh_, &of(stream), nullptr);
    of(stream).on_closed();
    any_closed_ = true;
    touch();
}

void Http2Connection::pump() {
    while (!blocked_ && !broken_) {
        if (!output_) {
            output_ = shard_.take_buffer();
            output_->clear(0);
        }
        if (output_->free_size() < wire::kHttp2RoomMin) {
            if (output_->capacity() < kLargeBufferBytes) {
                BufferPointer larger = shard_.take_large_buffer();
                larger->clear(0);
                std::ranges::copy(output_->view(), larger->free_space());
                larger->end += output_->size();
                output_ = std::move(larger);
            } else if (!flush_now()) {
                return;
            } else {
                continue;
            }
        }
        const size_t count = session_.produce(output_->free_space(), output_->free_size());
        output_->end += static_cast<uint32_t>(count);
        if (count == 0) {
            break;
        }
    }
    touch();
}

/// Writes what has been framed. True when all of it is gone.
bool Http2Connection::flush_now() {
    Transport& client = connection_.transport();
    while (!broken_ && ((output_ && !output_->empty()) || client.has_unsent())) {
        const net::IoResult sent = client.send_now(output_ ? output_->view() : std::string_view());
        if (output_) {
            output_->begin += static_cast<uint32_t>(sent.count);
        }
        if (sent.status == IoStatus::kBroken || sent.status == IoStatus::kEnd) {
            broken_ = true;
        } else if (sent.status == IoStatus::kAgain) {
            blocked_ = true;
            return false;
        }
    }
    output_.reset();
    return !broken_;
}

void Http2Connection::settle() {
    retire_closed();
    pump();
    settling_.unlink();
    if (!blocked_) {
        flush_now();
    }
    if (blocked_ && !broken_ && writer_.size() == 0) {
        writer_.spawn(wait_writable());
    }
    active_at_ = shard_.loop().now();
    if (!ended_) {
        shard_.idle_connections().push_back(connection_);  // From now on, perhaps.
    }
    retire_closed();
    if (broken_ || session_.finished()) {
        end_reading();
    }
}

void Http2Connection::retire_closed() {
    if (!std::exchange(any_closed_, false)) {
        return;
    }
    for (size_t i = 0; i < streams_.size();) {
        if (!streams_[i]->closed) {
            ++i;
        } else if (streams_[i]->retire()) {
            --shard_.mutable_counters().http2_streams_open;
            std::swap(streams_[i], streams_.back());
            streams_.pop_back();
        } else {
            any_closed_ = true;
            ++i;
        }
    }
}

/// Until the client takes bytes again. One that takes none is not waited for longer than for a
/// body.
Task<void> Http2Connection::wait_writable() {
    while (blocked_) {
        const Duration limit = shard_.current().snapshot().limits.body_timeout;
        if (!co_await ReadyBy(connection_.watch(), Direction::kWrite,
                              Deadline::in(shard_.loop(), limit))) {
            count_cut(Http2Cut::kSlowReader);
            broken_ = true;
            end_reading();
            co_return;
        }
        blocked_ = false;
        flush_now();
        pump();
    }
    touch();
}

/// Makes run() see the end.
void Http2Connection::end_reading() {
    ended_ = true;
    connection_.transport().shut_down(SHUT_RD);
}

}  // namespace shore::gateway
