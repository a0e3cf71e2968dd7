// Recorder: keeps a copy of an answer while it goes to the client: takes the very bytes that are
// sent (a head, then a body with a length or in chunks) and ends with head and plain body.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "wire/http1_body.h"
#include "wire/http1_head.h"

namespace shore::cache {

/// One thread. A few KiB besides the copy.
class Recorder final {
 public:
    /// Gives up on bodies above `body_max`.
    explicit Recorder(size_t body_max) : body_max_(body_max) {}

    /// The next bytes of the answer to a GET.
    void take(std::string_view bytes);
    /// Bytes of memory that the copy takes now.
    size_t held() const { return head_text_.capacity() + body_.capacity() + pending_.capacity(); }
    /// All of it was there.
    bool complete() const { return state_ == State::kComplete; }
    /// It will never be complete: too large, or not what it said it would be.
    bool failed() const { return state_ == State::kFailed; }

    /// With complete(): valid as long as the recorder.
    const char* head_text() const { return head_text_.data(); }
    const wire::ResponseHead& head() const { return head_; }
    std::shared_ptr<const std::string> take_body();

 private:
    enum class State : uint8_t { kHead, kLength, kChunks, kComplete, kFailed };

    std::string_view take_head(std::string_view bytes);
    void take_chunks(std::string_view bytes);
    void add(std::string_view bytes);

    size_t body_max_;
    State state_ = State::kHead;
    std::string head_text_;
    wire::ResponseHead head_;
    std::string body_;
    std::string pending_;  // Of a chunk's line that is not whole yet.
    wire::ChunkedFilter chunks_;
};

}  // namespace shore::cache
