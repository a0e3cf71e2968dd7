// Bodies of HTTP/1.1 in chunked transfer coding (RFC 9112 section 7.1): a filter that reads it, and
// the few bytes that write it.
//
// ChunkedFilter checks every byte of the framing while it works in place: what it writes back is
// the same body in one canonical form (no extensions, no leading zeros, trailers checked), or the
// payload alone. In the usual case the bytes do not move at all.
#pragma once

#include <cstdint>
#include <string_view>

#include "wire/http1_head.h"
#include "wire/limits.h"

namespace shore::wire {

/// What the filter leaves in the buffer.
enum class ChunkedOutput : uint8_t {
    kFramed,   ///< Chunked coding with its trailers: to be sent on as it is.
    kPayload,  ///< The payload alone; trailers are dropped.
};

class ChunkedFilter final {
 public:
    struct Step {
        ParseStatus status =
            ParseStatus::kMore;  ///< kDone: the body and its trailers ended inside these bytes.
        size_t consumed = 0;     ///< Bytes of the input that are dealt with; the rest must be given
                                 ///< again, with more behind.
        size_t produced = 0;     ///< Bytes of output, at data[0]. Never more than consumed.
    };

    /// Ready for the next body.
    void start(ChunkedOutput output);

    /// Works on data[0, size) in place. On kMore fewer than kTrailerBytesMax bytes are left
    /// unconsumed.
    Step run(char* data, size_t size);

    /// Why run() said kBad.
    Fault fault() const { return fault_; }
    /// Payload bytes so far.
    uint64_t payload_bytes() const { return payload_; }
    /// True when nothing of the body has been consumed yet or it has ended: no chunk is open.
    bool at_boundary() const { return state_ != State::kPayload && state_ != State::kPayloadEnd; }

 private:
    enum class State : uint8_t { kSize, kPayload, kPayloadEnd, kTrailer, kDone };
    struct Cursor;

    bool run_size(Cursor& cursor);
    bool run_payload(Cursor& cursor);
    bool run_payload_end(Cursor& cursor);
    bool run_trailer(Cursor& cursor);
    bool refuse(Fault fault);

    State state_ = State::kDone;
    ChunkedOutput output_ = ChunkedOutput::kFramed;
    Fault fault_ = Fault::kNone;
    uint32_t extension_bytes_ = 0;
    uint32_t trailer_bytes_ = 0;
    uint32_t trailer_fields_ = 0;
    uint64_t remaining_ = 0;
    uint64_t payload_ = 0;
};

/// Room that must be free before a payload for write_chunk_head.
inline constexpr size_t kChunkHeadBytesMax = 18;
inline constexpr std::string_view kChunkEnd = "\r\n";
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// Writes "<size in hex>CRLF" so that it ends right before `payload`; returns its length. `size`
/// must not be 0: that would end the body.
size_t write_chunk_head(char* payload, uint64_t size);

}  // namespace shore::wire
