#include "cache/recorder.h"

#include "cache/limits.h"

namespace shore::cache {

using wire::Framing;
using wire::ParseStatus;

void Recorder::take(std::string_view bytes) {
    if (state_ == State::kHead) {
        bytes = take_head(bytes);
    }
    if (bytes.empty()) {
        return;
    }
    if (state_ == State::kLength) {
        add(bytes);
        if (state_ == State::kLength && body_.size() == head_.content_length) {
            state_ = State::kComplete;
        } else if (body_.size() > head_.content_length) {
            state_ = State::kFailed;
        }
    } else if (state_ == State::kChunks) {
        take_chunks(bytes);
    } else if (state_ == State::kComplete) {
        state_ = State::kFailed;  // More than it said.
    }
}

/// Returns what is behind the head.
std::string_view Recorder::take_head(std::string_view bytes) {
    const size_t before = head_text_.size();
    head_text_ += bytes;
    const wire::HeadLimits limits{.fields_max = wire::kFieldsMax};
    const ParseStatus status = wire::parse_response(head_text_.data(), head_text_.size(), limits,
                                                    wire::Method::kGet, head_);
    if (status == ParseStatus::kMore && head_text_.size() <= 2 * kHeadBytesMax) {
        return {};
    }
    if (status != ParseStatus::kDone || head_.framing == Framing::kUntilClose ||
        (head_.framing == Framing::kLength && head_.content_length > body_max_)) {
        state_ = State::kFailed;
        return {};
    }
    head_text_.resize(head_.size);
    if (head_.framing == Framing::kChunked) {
        chunks_.start(wire::ChunkedOutput::kPayload);
        state_ = State::kChunks;
    } else if (head_.framing == Framing::kNone || head_.content_length == 0) {
        state_ = State::kComplete;
    } else {
        body_.reserve(head_.content_length);
        state_ = State::kLength;
    }
    return bytes.substr(head_.size - before);
}

void Recorder::take_chunks(std::string_view bytes) {
    pending_ += bytes;
    const auto step = chunks_.run(pending_.data(), pending_.size());
    add({pending_.data(), step.produced});
    pending_.erase(0, step.consumed);
    if (step.status == ParseStatus::kBad) {
        state_ = State::kFailed;
    } else if (step.status == ParseStatus::kDone && state_ == State::kChunks) {
        state_ = pending_.empty() ? State::kComplete : State::kFailed;
    }
}

void Recorder::add(std::string_view bytes) {
    if (body_.size() + bytes.size() > body_max_) {
        state_ = State::kFailed;
        body_ = {};
        return;
    }
    body_ += bytes;
}

std::shared_ptr<const std::string> Recorder::take_body() {
    body_.shrink_to_fit();
    return std::make_shared<const std::string>(std::move(body_));
}

}  // namespace shore::cache
