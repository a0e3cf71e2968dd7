#include "gateway/client_stream.h"

#include <algorithm>

#include "gateway/connection.h"
#include "gateway/http2_connection.h"
#include "wire/base64.h"
#include "wire/field.h"
#include "wire/limits.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;
using Kind = wire::Http2AnswerReader::Kind;

ClientStream::ClientStream(Shard& shard)
    : shard_(shard), taken_(shard.loop()), body_signal_(shard.loop()) {
}

void ClientStream::begin(Http2Connection& connection) {
    clear();
    connection_ = &connection;
    exchange_ = shard_.exchanges().take(shard_);
    exchange_->begin(*this);
    buffer = shard_.take_head_buffer();
    buffer->clear(0);
    unpassed_ = 0;
    trailers_.clear();
    head_good_ = body_ended_ = started_ = done_ = false;
    const model::GatewayLimits& limits = shard_.current().snapshot().limits;
    writer_.start(exchange_->head(), buffer->data(), buffer->capacity(),
                  {.bytes_max = static_cast<uint32_t>(
                       std::min<uint64_t>(limits.header_bytes.count, wire::kHeadBytesMax)),
                   .fields_max = limits.headers_max});
}

void ClientStream::recycle() {
    task_.reset();
    exchange_.reset();
    buffer.reset();
    body_.reset();
    connection_ = nullptr;
}

void ClientStream::on_field(std::string_view name, std::string_view value) {
    if (writer_.room_for(name, value) > buffer->capacity() &&
        buffer->capacity() < kLargeBufferBytes) {
        BufferPointer larger = shard_.take_large_buffer();
        larger->clear(0);
        writer_.move_to(larger->data(), larger->capacity());
        buffer = std::move(larger);
    }
    writer_.field(name, value);
}

void ClientStream::on_head(bool end) {
    std::string key;
    if (writer_.wants_tunnel()) {
        std::array<char, Shard::kRequestIdLength> nonce;
        shard_.write_request_id(nonce.data());
        key = wire::base64({nonce.data(), 16});
    }
    head_good_ = writer_.finish(end, key) == wire::ParseStatus::kDone;
    buffer->end = static_cast<uint32_t>(writer_.size());
    body_ended_ = end;
    answer_.start({.head_only = exchange_->head().method == wire::Method::kHead,
                   .tunnel = writer_.is_websocket()});
}

void ClientStream::on_body(std::string_view bytes) {
    unpassed_ += bytes.size();
    if (done_) {
        body_passed(bytes.size());
        return;
    }
    if (!body_) {
        body_ = shard_.take_buffer();
        body_->clear(wire::kChunkHeadBytesMax);
    }
    if (body_->free_size() < bytes.size() && body_->capacity() < kLargeBufferBytes) {
        BufferPointer larger = shard_.take_large_buffer();
        larger->clear(wire::kChunkHeadBytesMax);
        std::ranges::copy(body_->view(), larger->free_space());
        larger->end += body_->size();
        body_ = std::move(larger);
    }
    if (body_->free_size() < bytes.size()) {
        // More than its window, which is smaller than the large buffer.
        connection_->session().reset(*this, wire::Http2Code::kFlowControl);
        body_passed(bytes.size());
        return;
    }
    std::ranges::copy(bytes, body_->free_space());
    body_->end += static_cast<uint32_t>(bytes.size());
    body_signal_.notify();
}

/// Only what may stand behind a body (RFC 9110 section 6.5.1); more than fits is dropped, too.
void ClientStream::on_trailer(std::string_view name, std::string_view value) {
    constexpr std::string_view kEnd = "0\r\n\r\n";
    if (name.starts_with(':') || wire::is_forbidden_in_trailer(wire::field_id(name)) ||
        trailers_.size() + name.size() + value.size() + kEnd.size() > wire::kTrailerBytesMax) {
        return;
    }
    if (trailers_.empty()) {
        trailers_ = kEnd;
    }
    trailers_.insert(trailers_.size() - 2, fmt::format("{}: {}\r\n", name, value));
}

void ClientStream::on_body_end() {
    body_ended_ = true;
    body_signal_.notify();
}

void ClientStream::on_closed() {
    taken_.notify();
    body_signal_.notify();
}

BufferPointer ClientStream::take_body() {
    return std::move(body_);
}

std::string_view ClientStream::body_view() const {
    return body_ ? body_->view() : std::string_view();
}

void ClientStream::body_passed(size_t count) {
    unpassed_ -= count;
    connection_->session().consumed(id, count);
    connection_->touch();
}

void ClientStream::start() {
    started_ = true;
    task_.emplace(shard_.loop());
    task_->spawn(run());
}

Task<void> ClientStream::run() {
    exchange_->started();
    if (head_good_) {
        co_await exchange_->run();
    } else {
        co_await exchange_->refuse_head();
    }
    const wire::Http2Code code = exchange_->reset_code();
    exchange_.reset();
    if (!answer_whole()) {
        connection_->session().reset(*this, code);
    } else if (!body_ended_) {
        connection_->session().drop_rest(*this);
    }
    done_ = true;
    body_.reset();
    body_passed(unpassed_);
}

bool ClientStream::retire() {
    if (started_ && !done_ && answer_whole()) {
        return false;  // Its last steps come in a later turn.
    }
    if (started_ && !done_) {
        task_.reset();
        exchange_->abandon();
    }
    connection_->session().consumed(id, unpassed_);
    return true;
}

Task<bool> ClientStream::send(std::string_view text) {
    wire::Http2Session& session = connection_->session();
    while (!text.empty() && !closed) {
        const wire::Http2AnswerReader::Step step = answer_.next(text, connection_->field_room());
        switch (step.kind) {
            case Kind::kMore:
                break;
            case Kind::kInterim:
                session.interim(*this, answer_.fields());
                break;
            case Kind::kHead:
                session.answer(*this, answer_.fields(), step.end);
                break;
            case Kind::kBody:
                if (!co_await send_body(step.bytes, step.end)) {
                    co_return false;
                }
                break;
            case Kind::kTrailers:
                keep_trailers();
                session.send(*this, {}, true);
                break;
            case Kind::kBad:
                co_return false;
        }
    }
    connection_->pump();
    co_return !closed || answer_whole();
}

/// Done when the session has taken all of it.
Task<bool> ClientStream::send_body(std::string_view bytes, bool end) {
    connection_->session().send(*this, bytes, end);
    connection_->pump();
    const Duration patience = shard_.current().snapshot().limits.body_timeout;
    while (!out.empty()) {
        const size_t before = out.size();
        if (!co_await taken_.wait(Deadline::in(shard_.loop(), patience)) && out.size() == before) {
            connection_->count_cut(wire::Http2Cut::kSlowReader);
            connection_->session().reset(*this, wire::Http2Code::kCancel);
            out = {};
            co_return false;
        }
    }
    co_return !closed || answer_whole();
}

/// The trailers outlive the text they came in.
void ClientStream::keep_trailers() {
    size_t size = 0;
    for (const wire::Http2Field& field : answer_.fields()) {
        size += field.name.size() + field.value.size();
    }
    trailer_text.clear();
    trailer_text.reserve(size);
    const auto keep = [this](std::string_view text) {
        const size_t at = trailer_text.size();
        trailer_text += text;
        return std::string_view(trailer_text).substr(at);
    };
    for (const wire::Http2Field& field : answer_.fields()) {
        trailers.push_back({.name = keep(field.name), .value = keep(field.value)});
    }
}

void ClientStream::end_tunnel() {
    if (answered && !closed && out.empty() && !out_end) {
        connection_->session().send(*this, {}, true);
        connection_->touch();
    }
}

}  // namespace shore::gateway
