// Request bodies that reach the app decompressed (x-shore.http.decompress). One that came whole
// with its head and is small is decoded at once: its length is known and it can be sent again.
// Others are decoded on their way and go in chunks.
#include "async/ready_by.h"
#include "base/strings.h"
#include "gateway/client_stream.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "net/raw_io.h"

namespace shore::gateway {

using async::Deadline;
using async::Direction;
using async::ReadyBy;
using async::Task;
using wire::Framing;

namespace {

/// The one coding of a body; nothing for several, or one that is not known. Identity: none.
std::optional<Coding> body_coding(const char* data, const wire::RequestHead& head) {
    Coding coding = Coding::kIdentity;
    for (uint32_t i = 0; i < head.field_count; ++i) {
        if (head.fields[i].id != wire::FieldId::kContentEncoding) {
            continue;
        }
        const std::string_view name = base::trim(head.fields[i].value.in(data));
        if (name.empty() || base::equals_ignoring_case(name, "identity")) {
            continue;
        }
        if (coding != Coding::kIdentity || coding_of(name) == Coding::kIdentity) {
            return std::nullopt;
        }
        coding = coding_of(name);
    }
    return coding;
}

}  // namespace

/// Takes a decoder when the body needs one. A status when it is refused.
uint16_t Exchange::begin_decoding() {
    const model::HttpRoute& match = route_->spec->match;
    if (!match.decompress || head_.framing == Framing::kNone || route_->upstream == nullptr) {
        return 0;
    }
    const auto coding = body_coding((*request_)->filled(), head_);
    if (!coding) {
        extra_fields_ = "Accept-Encoding: gzip, br, zstd\r\n";  // RFC 9110 section 15.5.16.
        return 415;
    }
    if (*coding == Coding::kIdentity) {
        return 0;
    }
    if (shard_.decoding >= kDecodersMax) {
        return 503;
    }
    decoder_ = std::make_unique<Decoding>(shard_.decoding);
    return decoder_->decoder.start(*coding, {.size_max = match.decompressed_max.count,
                                             .ratio_max = match.decompress_ratio_max})
               ? uint16_t{0}
               : uint16_t{503};
}

/// Behind prepare_body(): decodes a body that is there, or leaves it to the pump.
uint16_t Exchange::decode_first() {
    if (!body_done_) {
        decoder_->pending = std::exchange(first_body_, {});
        return 0;
    }
    decoder_->room = shard_.take_large_buffer();
    Buffer& room = *decoder_->room;
    room.clear(0);
    std::string_view input = first_body_;
    while (room.free_size() > 0) {
        const auto step = decoder_->decoder.run(input, {room.free_space(), room.free_size()});
        if (step.status != Decoder::Status::kGood) {
            return step.status == Decoder::Status::kBad ? 400 : 413;
        }
        input.remove_prefix(step.consumed);
        room.end += static_cast<uint32_t>(step.produced);
        if (input.empty() && room.free_size() > 0) {
            if (!decoder_->decoder.finished()) {
                return 400;
            }
            first_body_ = room.view();
            decoder_->whole = true;
            return 0;
        }
        if (step.consumed == 0 && step.produced == 0) {
            return 400;
        }
    }
    // More than the room holds: what is decoded goes first, the rest on its way.
    decoder_->received_all = true;
    decoder_->pending = input;
    first_body_ = {};
    body_done_ = false;
    return 0;
}

/// Sends what a piece decodes to. False when the upstream wants no more, or it was refused.
Task<bool> Exchange::send_decoded(std::string_view piece) {
    if (!decoder_->room) {
        decoder_->room = shard_.take_buffer();
        decoder_->room->clear(wire::kChunkHeadBytesMax);
    }
    Buffer& room = *decoder_->room;
    while (true) {
        const size_t free = room.free_size();
        if (free > 0) {
            const auto step = decoder_->decoder.run(piece, {room.free_space(), free});
            if (step.status != Decoder::Status::kGood) {
                refusal_ = step.status == Decoder::Status::kBad ? 400 : 413;
                co_return false;
            }
            piece.remove_prefix(step.consumed);
            room.end += static_cast<uint32_t>(step.produced);
        }
        const bool full = room.free_size() == 0;
        if (!room.empty()) {
            std::array<char, wire::kChunkHeadBytesMax> head;
            const size_t length = wire::write_chunk_head(head.data() + head.size(), room.size());
            const std::string_view chunk_head(head.data() + head.size() - length, length);
            if (!co_await send_upstream(chunk_head, room.view()) ||
                !co_await send_upstream(wire::kChunkEnd, {})) {
                co_return false;
            }
            room.clear(0);
        }
        if (piece.empty() && !full) {
            co_return true;
        }
    }
}

/// The next compressed bytes from the client. False when there will be none (refusal_,
/// client_gone_); an empty piece with body_done_: the end.
Task<bool> Exchange::receive_encoded(std::string_view* piece) {
    const Deadline deadline =
        Deadline::in(shard_.loop(), generation_->compiled->snapshot().limits.body_timeout);
    if (stream_ != nullptr) {
        while (!stream_->has_body()) {
            if (stream_->body_broken()) {
                client_gone_ = true;
                co_return false;
            }
            if (stream_->body_ended()) {
                body_done_ = true;
                co_return true;
            }
            if (!co_await stream_->body_more(deadline)) {
                refusal_ = 408;
                co_return false;
            }
        }
        pump_buffer_ = stream_->take_body();
        *piece = pump_buffer_->view();
        body_bytes_ += piece->size();
        if (body_bytes_ > generation_->compiled->snapshot().limits.body_bytes.count) {
            refusal_ = 413;
            co_return false;
        }
        co_return true;
    }
    Buffer& buffer = *pump_buffer_;
    while (next_body_piece(*piece)) {
        if (!piece->empty() || body_done_) {
            co_return true;
        }
        buffer.compact(0);
        Transport& client = connection_->transport();
        if (!client.is_readable() &&
            !co_await ReadyBy(client.watch(), Direction::kRead, deadline)) {
            refusal_ = 408;
            co_return false;
        }
        size_t room = buffer.free_size();
        if (head_.framing == Framing::kLength) {
            room = static_cast<size_t>(std::min<uint64_t>(room, body_left_));
        }
        const net::IoResult got = client.receive_now(buffer.free_space(), room);
        if (got.status == net::IoStatus::kEnd || got.status == net::IoStatus::kBroken) {
            client_gone_ = true;
            co_return false;
        }
        buffer.end += static_cast<uint32_t>(got.count);
    }
    co_return false;
}

/// As pump_body and pump_stream_body, through the decoder.
Task<void> Exchange::pump_decoded() {
    bool good = co_await send_decoded(std::exchange(decoder_->pending, {}));
    bool ended = decoder_->received_all;
    while (good && !ended) {
        std::string_view piece;
        good = co_await receive_encoded(&piece);
        ended = body_done_;
        if (good && !piece.empty()) {
            good = co_await send_decoded(piece);
            if (stream_ != nullptr) {
                pump_buffer_.reset();
                stream_->body_passed(piece.size());
            }
        }
    }
    body_done_ |= ended;
    if (good && !decoder_->decoder.finished()) {
        refusal_ = 400;
        good = false;
    }
    if (good) {
        co_await send_upstream(wire::kLastChunk, {});
    }
    pump_ended_ = shard_.loop().now();
    if (!good && (refusal_ != 0 || client_gone_)) {
        break_upstream();
    }
}

}  // namespace shore::gateway
