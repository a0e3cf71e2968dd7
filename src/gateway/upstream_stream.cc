#include "gateway/upstream_stream.h"

#include <algorithm>

#include "base/assert.h"
#include "gateway/http2_upstream.h"
#include "wire/ascii.h"
#include "wire/field.h"
#include "wire/http1_body.h"
#include "wire/limits.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;
using net::IoResult;
using net::IoStatus;
using wire::Http2Code;
using Kind = wire::Http2AnswerReader::Kind;

UpstreamStream::UpstreamStream(Shard& shard)
    : shard_(shard), taken_(shard.loop()), readable_(shard.loop()) {
}

void UpstreamStream::begin(Http2Upstream& connection, bool head_only) {
    clear();
    connection_ = &connection;
    request_.start_request();
    head_.clear();
    tail_.clear();
    head_at_ = tail_at_ = 0;
    status_ = 0;
    head_only_ = head_only;
    has_length_ = chunked_ = ended_ = malformed_ = false;
    borrowed_ = true;
}

void UpstreamStream::recycle() {
    body_.reset();
    connection_ = nullptr;
}

Task<bool> UpstreamStream::send(std::string_view text) {
    const Duration patience = shard_.current().snapshot().limits.body_timeout;
    while (!text.empty() && !closed) {
        const auto step = request_.next(text, shard_.field_room());
        switch (step.kind) {
            case Kind::kMore:
                break;
            case Kind::kHead:
                connection_->session().request(*this, request_.fields(), step.end);
                break;
            case Kind::kBody:
                connection_->session().send(*this, step.bytes, step.end);
                break;
            case Kind::kTrailers:
                keep_trailers();
                connection_->session().send(*this, {}, true);
                break;
            case Kind::kInterim:
            case Kind::kBad:
                co_return false;
        }
        connection_->touch();
        while (!out.empty()) {
            const size_t before = out.size();
            if (!co_await taken_.wait(Deadline::in(shard_.loop(), patience)) &&
                out.size() == before) {
                cancel(Http2Code::kCancel);
                co_return false;
            }
        }
    }
    co_return !closed || ended_;
}

/// They outlive the text that they came in.
void UpstreamStream::keep_trailers() {
    size_t size = 0;
    for (const wire::Http2Field& field : request_.fields()) {
        size += field.name.size() + field.value.size();
    }
    trailer_text.clear();
    trailer_text.reserve(size);
    const auto keep = [this](std::string_view text) {
        const size_t at = trailer_text.size();
        trailer_text += text;
        return std::string_view(trailer_text).substr(at);
    };
    for (const wire::Http2Field& field : request_.fields()) {
        trailers.push_back({.name = keep(field.name), .value = keep(field.value)});
    }
}

bool UpstreamStream::is_readable() const {
    return head_at_ < head_.size() || body_ || ended_ || closed;
}

bool UpstreamStream::unprocessed() const {
    return closed && !ended_ && code == static_cast<uint32_t>(Http2Code::kRefusedStream);
}

IoResult UpstreamStream::receive_now(char* space, size_t size) {
    if (head_at_ < head_.size()) {
        return take_text(head_, head_at_, space, size);
    }
    if (body_) {
        return take_body(space, size);
    }
    if (ended_ && tail_at_ < tail_.size()) {
        return take_text(tail_, tail_at_, space, size);
    }
    if (ended_) {
        return {.status = IoStatus::kEnd};
    }
    return {.status = closed ? IoStatus::kBroken : IoStatus::kAgain};
}

IoResult UpstreamStream::take_text(std::string& text, size_t& at, char* space, size_t size) {
    const size_t count = std::min(size, text.size() - at);
    std::copy_n(text.data() + at, count, space);
    at += count;
    return {.status = IoStatus::kDone, .count = count};
}

/// Payload, as a chunk where the answer has no length.
IoResult UpstreamStream::take_body(char* space, size_t size) {
    constexpr size_t kFrame = wire::kChunkHeadBytesMax + wire::kChunkEnd.size();
    const size_t frame = chunked_ ? kFrame : 0;
    if (size <= frame) {
        return {.status = IoStatus::kAgain};
    }
    const size_t count = std::min<size_t>(body_->size(), size - frame);
    size_t written = 0;
    if (chunked_) {
        // The chunk's head is written in front of its payload, which then moves down to it.
        char* const payload = space + wire::kChunkHeadBytesMax;
        std::copy_n(body_->filled(), count, payload);
        const size_t head = wire::write_chunk_head(payload, count);
        std::memmove(space, payload - head, head + count);
        std::ranges::copy(wire::kChunkEnd, space + head + count);
        written = head + count + wire::kChunkEnd.size();
    } else {
        std::copy_n(body_->filled(), count, space);
        written = count;
    }
    body_->begin += static_cast<uint32_t>(count);
    if (body_->empty()) {
        body_.reset();
    }
    connection_->session().consumed(id, count);
    connection_->touch();
    return {.status = IoStatus::kDone, .count = written};
}

void UpstreamStream::cancel(Http2Code why) {
    out = {};
    if (!closed && answered) {
        connection_->session().reset(*this, why);
        connection_->touch();
    } else if (!closed) {
        closed = true;  // The session never heard of it.
    }
    readable_.notify();
}

void UpstreamStream::let_go() {
    if (!closed) {
        // Whole, but the server wants the rest of the request, or the other way round.
        cancel(ended_ ? Http2Code::kNoError : Http2Code::kCancel);
    }
    if (body_) {
        connection_->session().consumed(id, body_->size());
        body_.reset();
    }
    borrowed_ = false;
    connection_->stream_is_free();
}

void UpstreamStream::append_head(std::string_view text) {
    if (malformed_ || head_.size() + text.size() > wire::kHeadBytesMax) {
        malformed_ = true;
        return;
    }
    if (head_at_ == head_.size()) {
        head_.clear();
        head_at_ = 0;
    }
    head_ += text;
}

void UpstreamStream::append_line(std::string_view name, std::string_view value) {
    append_head(name);
    append_head(": ");
    append_head(value);
    append_head("\r\n");
}

void UpstreamStream::on_field(std::string_view name, std::string_view value) {
    if (!borrowed_) {
        return;
    }
    if (name == ":status") {
        status_ = 0;
        for (const char digit : value.substr(0, 3)) {
            status_ = static_cast<uint16_t>(status_ * 10 + (digit - '0'));
        }
        append_head("HTTP/1.1 ");
        append_head(value);
        append_head(" \r\n");
    } else if (!name.starts_with(':')) {
        has_length_ |= wire::field_id(name) == wire::FieldId::kContentLength;
        append_line(name, value);
    }
}

void UpstreamStream::on_head(bool end) {
    if (!interim && !has_length_ && status_ != 204 && status_ != 304 && !head_only_) {
        if (end) {
            append_line("content-length", "0");
        } else {
            append_line("transfer-encoding", "chunked");
            chunked_ = true;
        }
    }
    append_head("\r\n");
    has_length_ &= !interim;
    if (malformed_) {
        connection_->session().reset(*this, Http2Code::kInternalError);
    }
    if (end) {
        on_body_end();
    }
    readable_.notify();
}

void UpstreamStream::on_body(std::string_view bytes) {
    if (!borrowed_) {
        connection_->session().consumed(id, bytes.size());
        return;
    }
    if (!body_) {
        body_ = shard_.take_buffer();
        body_->clear(0);
    }
    body_->compact(0);
    if (body_->free_size() < bytes.size()) {
        // More than its window, which the buffer holds.
        connection_->session().consumed(id, bytes.size());
        connection_->session().reset(*this, Http2Code::kFlowControl);
        return;
    }
    std::ranges::copy(bytes, body_->free_space());
    body_->end += static_cast<uint32_t>(bytes.size());
    readable_.notify();
}

void UpstreamStream::on_trailer(std::string_view name, std::string_view value) {
    if (tail_.size() + name.size() + value.size() > wire::kTrailerBytesMax) {
        connection_->session().reset(*this, Http2Code::kInternalError);
        return;
    }
    tail_ += name;
    tail_ += ": ";
    tail_ += value;
    tail_ += "\r\n";
}

void UpstreamStream::on_body_end() {
    ended_ = !malformed_;
    if (chunked_) {
        tail_.insert(0, "0\r\n");
        tail_ += "\r\n";
    } else {
        tail_.clear();  // With a length there is no place for trailers in HTTP/1.1.
    }
    readable_.notify();
}

void UpstreamStream::on_closed() {
    taken_.notify();
    readable_.notify();
}

void UpstreamStream::on_lost() {
    if (!closed) {
        closed = true;
        out = {};
        // What was never submitted, or to a connection that never came to be, has done nothing.
        code = static_cast<uint32_t>(connection_->is_established() && id > 0
                                         ? Http2Code::kInternalError
                                         : Http2Code::kRefusedStream);
        on_closed();
    }
}

}  // namespace shore::gateway
