// Where the client's side of an exchange is an HTTP/2 stream and differs from a connection: bodies
// come in frames instead of chunks, and files cannot go past the session.
#include <algorithm>
#include <charconv>

#include "gateway/client_stream.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "gateway/http2_connection.h"
#include "os/file.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;
using wire::Framing;

void Exchange::begin(ClientStream& stream) {
    begin(stream.connection().connection());
    stream_ = &stream;
    request_ = &stream.buffer;
}

void Exchange::abandon() {
    pump_.reset();
    finish();
}

uint16_t Exchange::prepare_stream_body() {
    const uint64_t limit = generation_->compiled->snapshot().limits.body_bytes.count;
    if (head_.framing == Framing::kNone) {
        body_done_ = true;
        return 0;
    }
    if (head_.content_length > limit) {
        return 413;
    }
    const std::string_view here = stream_->body_view();
    const bool trailers = stream_->has_trailers() && head_.framing == Framing::kChunked;
    if (stream_->body_ended() && !stream_->body_broken() && !trailers) {
        // All of it came with the head: it can be sent again, and its length is known.
        first_body_ = here;
        body_bytes_ = here.size();
        body_done_ = true;
        if (head_.framing == Framing::kChunked) {
            note_length(here.size());
        }
        return body_bytes_ > limit ? 413 : 0;
    }
    continue_awaited_ = head_.expect_continue && here.empty();
    return 0;
}

/// Content-Length for a request that came without.
void Exchange::note_length(uint64_t length) {
    constexpr std::string_view kName = "Content-Length: ";
    constexpr uint32_t kDigitsMax = 20;
    Buffer& buffer = **request_;
    if (buffer.free_size() < kName.size() + kDigitsMax + 2 ||
        head_.field_count == head_.fields.size()) {
        // A full head: the body goes in chunks instead.
        first_body_ = {};
        body_bytes_ = 0;
        body_done_ = false;
        return;
    }
    char* const name = buffer.free_space();
    std::ranges::copy(kName, name);
    char* const digits = name + kName.size();
    char* const end = std::to_chars(digits, digits + kDigitsMax, length).ptr;
    std::ranges::copy(std::string_view("\r\n"), end);
    const auto at = static_cast<uint32_t>(name - buffer.filled());
    const auto value = static_cast<uint32_t>(digits - buffer.filled());
    head_.fields[head_.field_count++] = {.name = {at, static_cast<uint32_t>(kName.size() - 2)},
                                         .value = {value, static_cast<uint32_t>(end - digits)},
                                         .id = wire::FieldId::kContentLength};
    buffer.end += static_cast<uint32_t>(end + 2 - name);
    head_.framing = Framing::kLength;
}

/// Carries the request's body to the upstream, no faster than that takes it; only for what it has
/// taken may the client send more. When it fails, it ends the upstream's connection.
Task<void> Exchange::pump_stream_body() {
    const model::GatewayLimits& limits = generation_->compiled->snapshot().limits;
    const bool chunked = head_.framing == Framing::kChunked;
    while (true) {
        if (!stream_->has_body()) {
            if (stream_->body_broken()) {
                client_gone_ = true;
                break;
            }
            if (stream_->body_ended()) {
                body_done_ = true;
                if (chunked) {
                    co_await send_body(stream_->last_chunk(), {});
                }
                pump_ended_ = shard_.loop().now();
                co_return;
            }
            if (!co_await stream_->body_more(Deadline::in(shard_.loop(), body_patience()))) {
                refusal_ = 408;
                break;
            }
            continue;
        }
        pump_buffer_ = stream_->take_body();
        const size_t size = pump_buffer_->size();
        body_bytes_ += size;
        if (body_bytes_ > limits.body_bytes.count) {
            refusal_ = 413;
            break;
        }
        std::string_view piece = pump_buffer_->view();
        if (chunked) {
            const size_t head = wire::write_chunk_head(pump_buffer_->filled(), size);
            piece = {piece.data() - head, head + size};
        }
        if (!co_await send_body(piece, chunked ? wire::kChunkEnd : std::string_view())) {
            // The upstream wants no more; perhaps it has answered already.
            pump_ended_ = shard_.loop().now();
            co_return;
        }
        pump_buffer_.reset();
        stream_->body_passed(size);
    }
    pump_ended_ = shard_.loop().now();
    break_upstream();
}

Task<bool> Exchange::send_file_pieces(int file, uint64_t first, uint64_t count) {
    const BufferPointer buffer = shard_.take_buffer();
    while (count > 0) {
        const auto wanted = static_cast<size_t>(std::min<uint64_t>(count, buffer->capacity()));
        const auto got = os::read_at_blocking(file, first, {buffer->data(), wanted});
        if (!got || *got == 0 || !co_await send_client({buffer->data(), *got})) {
            co_return false;
        }
        first += *got;
        count -= *got;
    }
    co_return true;
}

}  // namespace shore::gateway
