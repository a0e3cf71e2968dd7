#include "wire/http2_answer.h"

#include <algorithm>

#include "wire/ascii.h"
#include "wire/field.h"

namespace shore::wire {

namespace {

constexpr uint8_t kSizeDigitsMax = 16;

/// Fields of one hop, or that only mean something to HTTP/1.1.
bool is_dropped(FieldId id, bool upgraded) {
    return is_hop_by_hop(id) || (upgraded && id == FieldId::kContentLength);
}

}  // namespace

void Http2AnswerReader::start(const Request& request) {
    request_ = request;
    state_ = State::kHead;
    is_request_ = false;
    count_ = 0;
}

void Http2AnswerReader::start_request() {
    start({});
    is_request_ = true;
}

Http2AnswerReader::Step Http2AnswerReader::next(std::string_view& text, Room& room) {
    fields_ = room.data();
    if (text.empty()) {
        return {};
    }
    switch (state_) {
        case State::kHead:
            return is_request_ ? read_request_head(text) : read_head(text);
        case State::kSize:
        case State::kChunkEnd:
            return read_size(text);
        case State::kTrailers:
            return read_trailers(text);
        case State::kLength:
        case State::kChunk:
        case State::kRaw:
            return read_bytes(text);
        case State::kDone:
            break;
    }
    return {.kind = Kind::kBad};
}

Http2AnswerReader::Step Http2AnswerReader::read_head(std::string_view& text) {
    // "HTTP/1.1 200 OK\r\n" and lines up to an empty one.
    const size_t line_end = text.find("\r\n");
    const size_t end = text.find("\r\n\r\n", line_end == std::string_view::npos ? 0 : line_end);
    if (end == std::string_view::npos || line_end < 12 || !all(kDigit, text.substr(9, 3))) {
        return {.kind = Kind::kBad};
    }
    std::copy_n(text.data() + 9, 3, status_text_.data());
    status_ = static_cast<uint16_t>((text[9] - '0') * 100 + (text[10] - '0') * 10 + text[11] - '0');
    upgraded_ = status_ == 101;
    if (upgraded_) {
        if (!request_.tunnel) {
            return {.kind = Kind::kBad};
        }
        status_text_ = {'2', '0', '0'};  // RFC 8441 section 5.
    }
    count_ = 0;
    fields_[count_++] = {.name = ":status", .value = {status_text_.data(), 3}};
    chunked_ = has_length_ = false;
    left_ = 0;
    if (!read_fields(text.substr(line_end + 2, end - line_end))) {
        return {.kind = Kind::kBad};
    }
    text.remove_prefix(end + 4);
    if (status_ < 200 && !upgraded_) {
        return {.kind = Kind::kInterim};
    }
    return begin_body(request_.head_only || status_ == 204 || status_ == 304);
}

Http2AnswerReader::Step Http2AnswerReader::read_request_head(std::string_view& text) {
    // "POST /a?b HTTP/1.1\r\n" and lines up to an empty one.
    const size_t line_end = text.find("\r\n");
    const size_t end = text.find("\r\n\r\n", line_end == std::string_view::npos ? 0 : line_end);
    const std::string_view line = text.substr(0, std::min(line_end, text.size()));
    const size_t method_end = line.find(' ');
    const size_t target_end = line.rfind(' ');
    if (end == std::string_view::npos || method_end == std::string_view::npos ||
        target_end <= method_end) {
        return {.kind = Kind::kBad};
    }
    fields_[0] = {.name = ":method", .value = line.substr(0, method_end)};
    fields_[1] = {.name = ":scheme", .value = "http"};
    fields_[2] = {.name = ":authority"};
    fields_[3] = {.name = ":path",
                  .value = line.substr(method_end + 1, target_end - method_end - 1)};
    count_ = 4;
    upgraded_ = chunked_ = has_length_ = false;
    left_ = 0;
    if (!read_fields(text.substr(line_end + 2, end - line_end)) || fields_[2].value.empty()) {
        return {.kind = Kind::kBad};
    }
    fields_[count_++] = {.name = "te", .value = "trailers"};
    text.remove_prefix(end + 4);
    return begin_body(!chunked_ && !has_length_);
}

/// Behind a head.
Http2AnswerReader::Step Http2AnswerReader::begin_body(bool no_body) {
    if (upgraded_ || (!no_body && !chunked_ && !has_length_)) {
        state_ = State::kRaw;
    } else if (no_body || (!chunked_ && left_ == 0)) {
        state_ = State::kDone;
    } else {
        state_ = chunked_ ? State::kSize : State::kLength;
        size_digits_ = 0;
        left_ = chunked_ ? 0 : left_;
    }
    return {.kind = Kind::kHead, .bytes = {}, .end = state_ == State::kDone};
}

bool Http2AnswerReader::read_fields(std::string_view lines) {
    while (!lines.empty()) {
        const size_t end = lines.find("\r\n");
        const size_t colon = lines.find(':');
        if (end == std::string_view::npos || colon == std::string_view::npos || colon > end ||
            !take_field(lines.substr(0, colon),
                        trim_ows(lines.substr(colon + 1, end - colon - 1)))) {
            return false;
        }
        lines.remove_prefix(end + 2);
    }
    return true;
}

bool Http2AnswerReader::take_field(std::string_view name, std::string_view value) {
    const FieldId id = field_id(name);
    if (id == FieldId::kTransferEncoding) {
        chunked_ = true;
    } else if (id == FieldId::kContentLength && !upgraded_) {
        has_length_ = true;
        left_ = 0;
        if (value.empty() || value.size() > 18 || !all(kDigit, value)) {
            return false;
        }
        for (const char digit : value) {
            left_ = left_ * 10 + static_cast<uint64_t>(digit - '0');
        }
    }
    if (is_dropped(id, upgraded_) ||
        (upgraded_ && equals_lower_case(name, "sec-websocket-accept"))) {
        return true;
    }
    if (is_request_ && id == FieldId::kHost && state_ == State::kHead) {
        fields_[2].value = value;
        return true;
    }
    if (count_ + 1 >= std::tuple_size_v<Room>) {
        return false;
    }
    fields_[count_++] = {.name = name, .value = value, .fresh = id == FieldId::kXRequestId};
    return true;
}

/// The line in front of a chunk, or the line end behind one.
Http2AnswerReader::Step Http2AnswerReader::read_size(std::string_view& text) {
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (state_ == State::kChunkEnd) {
            if (c == '\n') {
                state_ = State::kSize;
                size_digits_ = 0;
                left_ = 0;
            } else if (c != '\r') {
                return {.kind = Kind::kBad};
            }
        } else if (is(kHexDigit, c) && size_digits_ < kSizeDigitsMax) {
            left_ = left_ * 16 + hex_value(c);
            ++size_digits_;
        } else if (c == '\n' && size_digits_ > 0) {
            state_ = left_ == 0 ? State::kTrailers : State::kChunk;
            return state_ == State::kTrailers ? read_trailers(text) : read_bytes(text);
        } else if (c != '\r') {
            return {.kind = Kind::kBad};
        }
    }
    return {};
}

Http2AnswerReader::Step Http2AnswerReader::read_trailers(std::string_view& text) {
    count_ = 0;
    if (text.empty()) {
        return {};
    }
    const size_t end = text.starts_with("\r\n") ? 0 : text.find("\r\n\r\n");
    if (end == std::string_view::npos || (end > 0 && !read_fields(text.substr(0, end + 2)))) {
        return {.kind = Kind::kBad};
    }
    text.remove_prefix(end == 0 ? 2 : end + 4);
    state_ = State::kDone;
    return {.kind = Kind::kTrailers, .bytes = {}, .end = true};
}

Http2AnswerReader::Step Http2AnswerReader::read_bytes(std::string_view& text) {
    Step step{.kind = Kind::kBody, .bytes = text};
    if (text.empty()) {
        return {};
    }
    if (state_ != State::kRaw) {
        step.bytes = text.substr(0, static_cast<size_t>(std::min<uint64_t>(left_, text.size())));
        left_ -= step.bytes.size();
        if (left_ == 0) {
            step.end = state_ == State::kLength;
            state_ = step.end ? State::kDone : State::kChunkEnd;
        }
    }
    text.remove_prefix(step.bytes.size());
    return step;
}

}  // namespace shore::wire
