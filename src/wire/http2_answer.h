// Http2AnswerReader: an answer in HTTP/1.1 as the gateway composes it, taken apart for HTTP/2:
// heads as lists of fields without those of one hop (RFC 9113 section 8.2.2), bodies without
// chunks. Likewise a request for an upstream that speaks HTTP/2.
//
// It trusts its input, which this program wrote or has already checked; what does not fit is kBad.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/http2.h"
#include "wire/limits.h"

namespace shore::wire {

class Http2AnswerReader final {
 public:
    enum class Kind : uint8_t {
        kMore,      ///< All is read; more text must come.
        kInterim,   ///< fields(): a 1xx head.
        kHead,      ///< fields(): the final head; `end`: no body follows.
        kBody,      ///< `bytes`: of the body; `end`: the last.
        kTrailers,  ///< fields(): behind the body, perhaps none. The answer is whole.
        kBad,
    };
    struct Step {
        Kind kind = Kind::kMore;
        std::string_view bytes;
        bool end = false;
    };
    struct Request {
        bool head_only = false;  ///< HEAD.
        bool tunnel = false;     ///< 101 means that the stream is a tunnel from now on.
    };

    /// Where fields are put: the caller's, needed from one call of next() to the use of fields().
    using Room = std::array<Http2Field, kFieldsMax + 8>;

    void start(const Request& request);
    /// The text is a request: a list of fields begins with ":method", ":scheme", ":authority" and
    /// ":path", and says "te: trailers" (which gRPC servers insist on).
    void start_request();
    /// Reads on and takes what it read off `text`. A head must be whole within one text, and so
    /// must the trailers.
    Step next(std::string_view& text, Room& room);
    /// Of the last head or trailers; views the text, the room and this.
    std::span<const Http2Field> fields() const { return {fields_, count_}; }
    /// The answer has ended whole.
    bool done() const { return state_ == State::kDone; }

 private:
    enum class State : uint8_t { kHead, kLength, kSize, kChunk, kChunkEnd, kTrailers, kRaw, kDone };
    Step read_head(std::string_view& text);
    Step read_request_head(std::string_view& text);
    Step begin_body(bool no_body);
    Step read_size(std::string_view& text);
    Step read_trailers(std::string_view& text);
    Step read_bytes(std::string_view& text);
    bool read_fields(std::string_view lines);
    bool take_field(std::string_view name, std::string_view value);

    State state_ = State::kDone;
    Request request_;
    bool chunked_ = false;
    bool has_length_ = false;
    bool upgraded_ = false;
    bool is_request_ = false;
    uint8_t size_digits_ = 0;
    uint64_t left_ = 0;
    uint16_t status_ = 0;
    std::array<char, 3> status_text_{};
    size_t count_ = 0;
    Http2Field* fields_ = nullptr;
};

}  // namespace shore::wire
