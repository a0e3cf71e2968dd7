// An answer that is compressed on its way: payload out of the upstream's framing, through an
// encoder, into chunks of our own. Nothing is held back: when the app pauses, what it sent so far
// is flushed, so streams stay streams; a body that has arrived whole leaves in one send with its
// head.
#include <cstring>

#include "gateway/connection.h"
#include "gateway/exchange.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;
using wire::Framing;

/// Decides about the answer's content and takes an encoder when its body is to be compressed.
void Exchange::plan_content() {
    content_ = generation_->compiled->content().plan({.request_data = (*request_)->filled(),
                                                      .request = &head_,
                                                      .answer_data = answer_->filled(),
                                                      .answer = &answer_head_,
                                                      .compress = route_->spec->match.compress});
    if (content_.coding == Coding::kIdentity || answer_head_.framing == Framing::kNone) {
        return;
    }
    BodyShape shape;
    if (answer_head_.framing == Framing::kLength) {
        shape.size = answer_head_.content_length;
    }
    encoder_ = shard_.take_encoder();
    if (!encoder_ ||
        !encoder_->start(content_.coding, generation_->compiled->content().level(), shape)) {
        encoder_.reset();
        content_.coding = Coding::kIdentity;
        return;
    }
    ++shard_.mutable_counters().route(route_->slot).encoded;
    answer_filter_.start(wire::ChunkedOutput::kPayload);
    chunk_ourselves_ = false;  // Chunks are made behind the encoder.
}

/// Encodes a piece and sends what comes out; `encoded_` may hold the head, which goes in front.
Task<bool> Exchange::send_encoded(std::string_view piece, Encoder::Operation operation) {
    if (!encoded_) {
        encoded_ = shard_.take_buffer();
        encoded_->clear(0);
    }
    Buffer& out = *encoded_;
    while (true) {
        char* const payload = out.free_space() + wire::kChunkHeadBytesMax;
        const size_t room = out.free_size() - wire::kChunkHeadBytesMax - wire::kChunkEnd.size() -
                            wire::kLastChunk.size();
        const Encoder::Step step = encoder_->run(piece, {payload, room}, operation);
        if (step.failed) {
            co_return false;
        }
        piece.remove_prefix(step.consumed);
        char* begin = payload;
        char* end = payload;
        if (step.produced > 0) {
            begin -= wire::write_chunk_head(payload, step.produced);
            end += step.produced;
            end += wire::kChunkEnd.copy(end, wire::kChunkEnd.size());
        }
        if (step.done && operation == Encoder::Operation::kFinish) {
            end += wire::kLastChunk.copy(end, wire::kLastChunk.size());
        }
        const bool hold_head = operation == Encoder::Operation::kMore && begin == end;
        if (!out.empty() && !hold_head) {
            begin -= out.size();
            std::memmove(begin, out.filled(), out.size());
            out.clear(0);
        }
        if (begin != end && !co_await send_client({begin, static_cast<size_t>(end - begin)})) {
            co_return false;
        }
        if (step.done) {
            break;
        }
    }
    if (out.empty()) {
        encoded_.reset();  // Nobody waits with a buffer in hand.
    }
    co_return true;
}

Task<Exchange::After> Exchange::relay_encoded(size_t head_size) {
    const model::GatewayLimits& limits = generation_->compiled->snapshot().limits;
    const Duration patience = std::max(limits.body_timeout, route_->spec->match.timeout);
    // The head waits there for the first encoded bytes.
    encoded_ = head_size > kHeadRoom ? shard_.take_large_buffer() : shard_.take_buffer();
    encoded_->clear(0);
    std::memcpy(encoded_->data(), shard_.scratch(), head_size);
    encoded_->end = static_cast<uint32_t>(head_size);
    answer_started_ = true;
    bool ended = false;
    while (true) {
        const Piece piece = ended ? Piece{.done = true} : next_piece();
        if (piece.bad) {
            break;
        }
        using enum Encoder::Operation;
        const auto operation = piece.done ? kFinish : upstream_readable() ? kMore : kFlush;
        if (!co_await send_encoded({piece.begin, piece.size}, operation)) {
            break;
        }
        if (piece.done) {
            keep_upstream();
            finish();
            co_return keep_client_ ? After::kKeep : After::kClose;
        }
        make_room();
        if (!upstream_readable() &&
            co_await wait_upstream(Deadline::in(shard_.loop(), patience)) == Woken::kLate) {
            break;
        }
        const Received received = receive_answer();
        ended = received == Received::kEnd && answer_head_.framing == Framing::kUntilClose;
        if (received != Received::kBytes && !ended) {
            break;
        }
    }
    // As in relay_body: the client sees the break by the missing last chunk.
    if (!client_hung_up()) {
        ++shard_.mutable_counters().route(route_->slot).upstream_errors;
    }
    finish();
    co_return After::kClose;
}

}  // namespace shore::gateway
