// The answer's way to the client: its head rewritten in front of its body, the body in pieces as it
// arrives, no faster than the client takes it.
#include <algorithm>
#include <cstring>

#include "gateway/caching.h"
#include "gateway/client_stream.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "gateway/rewrite.h"
#include "gateway/tunnel.h"
#include "gateway/wait.h"
#include "net/raw_io.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;
using net::IoStatus;
using wire::Framing;
using wire::ParseStatus;

namespace {

/// What one receive into a buffer of the usual size takes.
constexpr size_t kSmallAnswer = kBufferBytes - kHeadRoom - wire::kChunkEnd.size();

}  // namespace

/// Before the next receive: waiting needs no buffer, and a long rest wants a larger one.
void Exchange::make_room() {
    if (answer_ && answer_->empty()) {
        answer_.reset();
    } else if (answer_) {
        answer_->compact(kHeadRoom);
    }
}

/// One receive from the upstream; kBytes with nothing new when it would wait.
Exchange::Received Exchange::receive_answer() {
    if (upstream_stream_ != nullptr) {
        return receive_stream();
    }
    if (!answer_) {
        // What does not fit into the small one would end in further receives and sends. How long
        // the first piece is, nobody knows yet: as long as that service's last answer. A wrong
        // guess costs nothing while the client takes bytes; many streams may wait for one client.
        const bool expected = answer_head_.size == 0 && shard_.local(target_->slot).sends_large;
        const bool large = (expected || answer_left_ > kSmallAnswer) && stream_ == nullptr;
        answer_ = large ? shard_.take_large_buffer() : shard_.take_buffer();
        answer_->clear(kHeadRoom);
    }
    // Two bytes stay free for the end of a chunk that is made here.
    const size_t room = answer_->free_size() - wire::kChunkEnd.size();
    const net::IoResult got =
        net::receive_now(upstream_->socket.get(), answer_->free_space(), room);
    answer_->end += static_cast<uint32_t>(got.count);
    if (got.count < room) {
        upstream_->watch.read_drained();
    }
    if (answer_->empty()) {
        answer_.reset();  // Nobody waits with a buffer in hand.
    }
    return got.status == IoStatus::kEnd      ? Received::kEnd
           : got.status == IoStatus::kBroken ? Received::kFailed
                                             : Received::kBytes;
}

/// How the answer's body is delimited on both sides, and whether the client's connection stays.
void Exchange::settle_framing() {
    const bool old_client = head_.minor_version == 0;
    keep_client_ = head_.keep_alive && body_done_ && !shard_.stopping();
    switch (answer_head_.framing) {
        case Framing::kNone:
            answer_left_ = 0;
            break;
        case Framing::kLength:
            answer_left_ = answer_head_.content_length;
            shard_.local(target_->slot).sends_large =
                answer_head_.size + answer_left_ > kSmallAnswer;
            break;
        case Framing::kChunked:
            strip_chunks_ = old_client;
            answer_filter_.start(old_client ? wire::ChunkedOutput::kPayload
                                            : wire::ChunkedOutput::kFramed);
            keep_client_ &= !old_client;
            break;
        case Framing::kUntilClose:
            chunk_ourselves_ = !old_client;
            keep_client_ &= !old_client;
            break;
    }
}

/// What of the received bytes can be sent on now; takes it off the buffer.
Exchange::Piece Exchange::next_piece() {
    Piece piece;
    if (!answer_) {
        piece.done = answer_head_.framing == Framing::kNone ||
                     (answer_head_.framing == Framing::kLength && answer_left_ == 0);
        return piece;
    }
    Buffer& buffer = *answer_;
    piece.begin = buffer.filled();
    switch (answer_head_.framing) {
        case Framing::kNone:
            piece.done = true;
            break;
        case Framing::kLength:
            piece.size = static_cast<size_t>(std::min<uint64_t>(buffer.size(), answer_left_));
            answer_left_ -= piece.size;
            piece.done = answer_left_ == 0;
            buffer.begin += static_cast<uint32_t>(piece.size);
            break;
        case Framing::kChunked: {
            const auto step = answer_filter_.run(buffer.filled(), buffer.size());
            piece.size = step.produced;
            piece.done = step.status == ParseStatus::kDone;
            piece.bad = step.status == ParseStatus::kBad;
            buffer.begin += static_cast<uint32_t>(step.consumed);
            break;
        }
        case Framing::kUntilClose:
            return piece_until_close();
    }
    return piece;
}

Exchange::Piece Exchange::piece_until_close() {
    Buffer& buffer = *answer_;
    Piece piece{.begin = buffer.filled(), .size = buffer.size()};
    if (chunk_ourselves_ && piece.size > 0) {
        const size_t head = wire::write_chunk_head(piece.begin, piece.size);
        std::memcpy(piece.begin + piece.size, wire::kChunkEnd.data(), wire::kChunkEnd.size());
        piece.begin -= head;
        piece.size += head + wire::kChunkEnd.size();
    }
    buffer.begin = buffer.end;
    return piece;
}

/// Rewrites the head at the front of the answer into the loop's scratch; returns its length.
size_t Exchange::rewrite_answer_head() {
    const bool upgrade = answer_head_.status == 101;
    return rewrite_response(
        {.data = answer_->filled(),
         .head = &answer_head_,
         .date = shard_.date(),
         .request_id = request_id(),
         .cache_status = cache_status_,
         .content = content_,
         .added = added_lines(),
         .chunked = encoder_ || chunk_ourselves_ ||
                    (answer_head_.framing == Framing::kChunked && !strip_chunks_),
         .upgrade = upgrade,
         .close = !keep_client_ && !upgrade,
         .keep_alive_told = keep_client_ && head_.minor_version == 0,
         .edits = response_edits(),
         .extra_fields = extra_fields_},
        shard_.scratch());
}

Task<Exchange::After> Exchange::relay() {
    status_ = answer_head_.status;
    settle_framing();
    plan_content();
    if (caching_ || head_.method != wire::Method::kGet) {
        plan_cache();
    }
    const size_t head_size = rewrite_answer_head();
    answer_->begin += answer_head_.size;
    if (status_ == 101) {
        co_return co_await tunnel(head_size);
    }
    if (encoder_) {
        co_return co_await relay_encoded(head_size);
    }
    Piece piece = next_piece();
    if (piece.bad) {
        co_return co_await answer_page(502, {});
    }
    std::memcpy(piece.begin - head_size, shard_.scratch(), head_size);
    answer_started_ = true;
    if (!co_await send_client({piece.begin - head_size, head_size + piece.size})) {
        finish();
        co_return After::kClose;
    }
    if (piece.done) {
        keep_upstream();
        finish();
        co_return keep_client_ ? After::kKeep : After::kClose;
    }
    co_return co_await relay_body();
}

Task<bool> Exchange::send_client(std::string_view bytes) {
    if (caching_ && caching_->recorder) {
        record(bytes);
    }
    sent_ += bytes.size();
    return deliver(bytes);
}

Task<bool> Exchange::deliver(std::string_view bytes, std::string_view more) {
    if (refreshing()) {
        return send_nowhere();
    }
    if (stream_ == nullptr) {
        return connection_->send(bytes, more);
    }
    return more.empty() ? stream_->send(bytes) : deliver_in_turn(bytes, more);
}

Task<bool> Exchange::deliver_in_turn(std::string_view bytes, std::string_view more) {
    co_return co_await stream_->send(bytes) && co_await stream_->send(more);
}

bool Exchange::client_hung_up() {
    return stream_ != nullptr ? stream_->closed
                              : !refreshing() && connection_->transport().hung_up();
}

Task<Exchange::After> Exchange::relay_body() {
    const model::GatewayLimits& limits = generation_->compiled->snapshot().limits;
    const Duration patience =
        std::max({limits.body_timeout, body_patience(), route_->spec->match.timeout});
    Piece piece;
    while (!piece.done) {
        make_room();
        if (!upstream_readable() &&
            co_await wait_upstream(Deadline::in(shard_.loop(), patience)) == Woken::kLate) {
            break;
        }
        const Received received = receive_answer();
        if (received == Received::kEnd && answer_head_.framing == Framing::kUntilClose) {
            if (!chunk_ourselves_ || co_await send_client(wire::kLastChunk)) {
                finish();
                co_return keep_client_ ? After::kKeep : After::kClose;
            }
            break;
        }
        if (received != Received::kBytes) {
            break;
        }
        piece = next_piece();
        if (piece.bad || (piece.size > 0 && !co_await send_client({piece.begin, piece.size}))) {
            break;
        }
    }
    if (piece.done) {
        keep_upstream();
        finish();
        co_return keep_client_ ? After::kKeep : After::kClose;
    }
    // The client sees the break by the missing end of the body.
    if (!client_hung_up()) {
        ++shard_.mutable_counters().route(route_->slot).upstream_errors;
    }
    finish();
    co_return After::kClose;
}

/// The upstream's connection goes back to the pool when nothing is left over on it.
void Exchange::keep_upstream() {
    if (upstream_stream_ != nullptr) {
        leave_stream();
        return;
    }
    const bool clean = !answer_ || answer_->empty();
    if (target_->policy().proxy_protocol == 0 && answer_head_.keep_alive &&
        answer_head_.framing != Framing::kUntilClose && body_done_ && clean) {
        shard_.upstreams().give(*endpoint_, std::move(upstream_));
    }
    upstream_.reset();
}

Task<Exchange::After> Exchange::tunnel(size_t head_size) {
    ++shard_.mutable_counters().route(route_->slot).tunnels;
    char* const first = answer_->filled();
    std::memcpy(first - head_size, shard_.scratch(), head_size);
    answer_started_ = true;
    Buffer& sent_early = **request_;
    const std::string_view early(sent_early.data() + next_request_, sent_early.end - next_request_);
    body_bytes_ += early.size();
    if (co_await send_client({first - head_size, head_size + answer_->size()}) &&
        (early.empty() || co_await send_upstream(early, {}))) {
        answer_.reset();
        keep_log_request();
        request_->reset();
        Tunnel tunnel(shard_, *connection_, stream_, *upstream_,
                      {.to_client = sent_, .to_app = body_bytes_});
        co_await tunnel.run();
    }
    finish();
    co_return After::kClose;
}

}  // namespace shore::gateway
