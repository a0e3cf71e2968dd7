// Static files of a route. What is in memory leaves behind its head, small bodies in the same
// piece; from kSendFileMin on files go by sendfile where there is no TLS, large ones in pieces, or
// through an encoder when the client takes a coding and none of the file's own forms has it.
//
// A hot file of 1 KB, per request: one receive, one send, one copy of 1.5 KB, no allocation.
#include <algorithm>

#include "async/event.h"
#include "async/ready_by.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "gateway/static_file.h"
#include "os/file.h"

namespace shore::gateway {

using async::Deadline;
using async::Direction;
using async::ReadyBy;
using async::Task;
using net::IoStatus;

/// Puts the request into the form that answer_file wants. A status when no file can have that name.
uint16_t Exchange::file_request(FileRequest& request) const {
    const char* const data = (*request_)->filled();
    const std::string_view sent = head_.path.in(data);
    // An encoded slash or the like stays as it is for apps; no file is named so.
    if (!normal_path_.empty() && normal_path_ == sent) {
        return 404;
    }
    request.method = head_.method;
    request.outer = !normal_path_.empty() ? std::string_view(normal_path_)
                    : sent.empty()        ? std::string_view("/")
                                          : sent;
    if (request.outer.size() > kFilePathMax) {
        return 404;
    }
    // Prefixes end at a slash or at the path's end.
    request.path =
        request.outer.substr(route_->spec->match.strip_prefix ? route_->prefix.size() : 0);
    if (request.path.empty()) {
        request.path = "/";
    }
    request.query = head_.query.in(data);
    request.take_fields(data, head_);
    if (head_.minor_version == 0) {
        request.accept_encoding = {};  // A client of 1.0 takes no chunks.
    }
    return 0;
}

/// Writes the head of an answer from a file into answer_; returns its length.
size_t Exchange::write_file_head(const FileAnswer& answer) {
    const std::string_view lines = answer.lines();
    answer_ =
        lines.size() + kHeadRoom > kBufferBytes ? shard_.take_large_buffer() : shard_.take_buffer();
    char* const begin = answer_->data();
    char* at = begin;
    const auto put = [&](const auto&... texts) {
        ((at += std::string_view(texts).copy(at, std::string_view(texts).size())), ...);
    };
    if (answer.status == 200) {
        put("HTTP/1.1 200 OK\r\nDate: ");
    } else {
        at = fmt::format_to(at, "HTTP/1.1 {} {}\r\nDate: ", answer.status,
                            file_reason(answer.status));
    }
    char* const fields = at - std::string_view("Date: ").size();
    put(shard_.date(), "\r\nServer: shore\r\nX-Request-Id: ", request_id(), "\r\n", lines,
        added_lines());
    if (const CompiledEdits* const edits = response_edits()) {
        const std::string edited = edits->edited({fields, at}, CompiledEdits::Answer::kGood);
        at = fields;
        put(edited);
    }
    if (answer.status == 200 && answer.body->encode_now && head_.method != wire::Method::kHead) {
        put("Transfer-Encoding: chunked\r\n");
    }
    put(!keep_client_              ? "Connection: close\r\n\r\n"
        : head_.minor_version == 0 ? "Connection: keep-alive\r\n\r\n"
                                   : "\r\n");
    return static_cast<size_t>(at - begin);
}

Task<Exchange::After> Exchange::serve_file() {
    FileRequest request;
    if (const uint16_t status = file_request(request); status != 0) {
        co_return co_await answer_page(status, {});
    }
    const FileAnswer answer =
        answer_file({.store = shard_.files(),
                     .spec = route_->spec->files,
                     .policy = generation_->compiled->content(),
                     .compress = route_->spec->match.compress && shard_.has_encoder(),
                     .now = shard_.loop().now()},
                    request);
    if (answer.status >= 403 && answer.own_lines.empty()) {
        co_return co_await answer_page(answer.status, {});
    }
    status_ = answer.status;
    keep_client_ = head_.keep_alive && body_done_ && !shard_.stopping();
    const size_t size = write_file_head(answer);
    const bool sent = co_await send_file_answer(&answer, size);
    finish();
    co_return sent&& keep_client_ ? After::kKeep : After::kClose;
}

/// Sends the head that stands in answer_, and the body. `answer` outlives the task.
Task<bool> Exchange::send_file_answer(const FileAnswer* answer, size_t head_size) {
    const std::string_view head(answer_->data(), head_size);
    const bool has_body = (answer->status == 200 || answer->status == 206) && answer->length > 0 &&
                          head_.method != wire::Method::kHead;
    if (!has_body) {
        return send_client(head);
    }
    const FileBody& body = *answer->body;
    if (body.encode_now) {
        return send_file_encoded(&body, head_size);
    }
    const bool by_sendfile =
        body.file && stream_ == nullptr && !connection_->transport().is_secure();
    if (by_sendfile || !body.in_memory()) {
        return send_file(head, answer);
    }
    const std::string_view bytes =
        std::string_view(body.bytes).substr(answer->offset, answer->length);
    if (bytes.size() <= kSmallFileMax && head_size + bytes.size() <= answer_->capacity()) {
        bytes.copy(answer_->data() + head_size, bytes.size());
        return send_client({answer_->data(), head_size + bytes.size()});
    }
    sent_ += head_size + bytes.size();
    return deliver(head, bytes);
}

/// A large file through an encoder, in pieces, so that one client does not hold the loop.
Task<bool> Exchange::send_file_encoded(const FileBody* body, size_t head_size) {
    encoder_ = shard_.take_encoder();
    if (!encoder_ || !encoder_->start(body->coding, generation_->compiled->content().level(),
                                      {.size = body->size})) {
        co_return false;
    }
    ++shard_.mutable_counters().route(route_->slot).encoded;
    encoded_ = std::move(answer_);
    encoded_->begin = 0;
    encoded_->end = static_cast<uint32_t>(head_size);
    const BufferPointer room = shard_.take_buffer();
    for (uint64_t at = 0; at < body->size;) {
        const auto count =
            static_cast<size_t>(std::min<uint64_t>(room->capacity(), body->size - at));
        const auto got = os::read_at_blocking(body->file.get(), at, {room->data(), count});
        at += count;
        using enum Encoder::Operation;
        if (!got || *got != count ||
            !co_await send_encoded({room->data(), count}, at == body->size ? kFinish : kMore)) {
            co_return false;
        }
        co_await async::yield(shard_.loop());
    }
    co_return true;
}

/// The head and then `answer`'s part of the file.
Task<bool> Exchange::send_file(std::string_view head, const FileAnswer* answer) {
    const FileBody& body = *answer->body;
    uint64_t first = answer->offset;
    uint64_t count = answer->length;
    if (stream_ != nullptr) {
        co_return co_await send_client(head) &&
            co_await send_file_pieces(body.file.get(), first, count);
    }
    const Duration patience = generation_->compiled->snapshot().limits.body_timeout;
    Transport& client = connection_->transport();
    while (count > 0) {
        const net::IoResult sent =
            client.send_file_now(head, body.file.get(), first,
                                 static_cast<size_t>(std::min<uint64_t>(count, kSendFilePiece)));
        if (sent.status == IoStatus::kEnd && body.in_memory()) {
            // The file was cut short since it was read.
            co_return co_await send_client(std::string_view(body.bytes).substr(first, count));
        }
        if (sent.status == IoStatus::kBroken || sent.status == IoStatus::kEnd) {
            co_return false;  // The client has left, or the file has become shorter.
        }
        const size_t of_head = std::min(sent.count, head.size());
        head.remove_prefix(of_head);
        first += sent.count - of_head;
        count -= sent.count - of_head;
        sent_ += sent.count;
        if (sent.status == IoStatus::kAgain) {
            if (!co_await ReadyBy(client.watch(), Direction::kWrite,
                                  Deadline::in(shard_.loop(), patience))) {
                co_return false;
            }
        } else if (count > 0) {
            co_await async::yield(shard_.loop());
        }
    }
    co_return !client.has_unsent() || co_await deliver({});
}

}  // namespace shore::gateway
