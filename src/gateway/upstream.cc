// One try of an exchange: a connection, the request on it, the head of the answer.
#include <algorithm>

#include "async/ready_by.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "gateway/proxy_header.h"
#include "gateway/rewrite.h"
#include "gateway/wait.h"
#include "net/raw_io.h"

namespace shore::gateway {

using async::Deadline;
using async::Direction;
using async::ReadyBy;
using async::Task;
using net::IoStatus;
using wire::Framing;
using wire::ParseStatus;

Task<Exchange::Try> Exchange::attempt() {
    if (speaks_http2()) {
        co_return co_await attempt_http2();
    }
    const bool shared = target_->policy().proxy_protocol == 0;
    upstream_ = shared ? shard_.upstreams().take(*endpoint_) : nullptr;
    // What must not be sent twice goes only to a connection that is open for sure.
    while (upstream_ && !wire::is_idempotent(head_.method) &&
           !net::is_quiet(upstream_->socket.get())) {
        upstream_ = shard_.upstreams().take(*endpoint_);
    }
    reused_ = upstream_ != nullptr;
    if (!reused_ && !co_await connect()) {
        co_return Try::kNotSent;
    }
    const net::IoResult sent = net::send_now(upstream_->socket.get(), composed_, first_body_);
    if (sent.status == IoStatus::kBroken) {
        co_return reused_ ? Try::kNotSent : Try::kLost;
    }
    if (sent.count < composed_.size() + first_body_.size()) {
        const size_t of_head = std::min(sent.count, composed_.size());
        if (!co_await send_upstream(composed_.substr(of_head),
                                    first_body_.substr(sent.count - of_head))) {
            co_return Try::kLost;
        }
    }
    if (!body_done_ && !continue_awaited_) {
        start_pump();
    }
    co_return co_await read_answer();
}

Task<bool> Exchange::connect() {
    ++shard_.mutable_counters().upstream_connects;
    auto begun = net::begin_connect(endpoint_->raw(), endpoint_->raw_length());
    if (!begun) {
        co_return false;
    }
    upstream_ = std::make_unique<UpstreamConnection>(shard_.loop(), std::move(begun->socket));
    if (!upstream_->watch.start(upstream_->socket.get())) {
        co_return false;
    }
    upstream_->watch.read_drained();
    if (!begun->connected) {
        upstream_->watch.write_full();
        const Duration patience = generation_->compiled->snapshot().limits.connect_timeout;
        if (!co_await ReadyBy(upstream_->watch, Direction::kWrite,
                              Deadline::in(shard_.loop(), patience))) {
            co_return false;
        }
    }
    if (!begun->connected && !net::connect_outcome(upstream_->socket.get())) {
        co_return false;
    }
    const uint8_t version = target_->policy().proxy_protocol;
    co_return version == 0 ||
        send_proxy_header(version, connection_->client(), connection_->transport().descriptor(),
                          upstream_->socket.get());
}

Task<bool> Exchange::send_upstream(std::string_view first, std::string_view second) {
    return upstream_stream_ != nullptr ? send_stream(first, second)
                                       : send_all(shard_, *upstream_, first, second);
}

/// Waits for the upstream; a client that ends its side shortens the wait.
Task<Woken> Exchange::wait_upstream(Deadline deadline) {
    if (upstream_stream_ != nullptr) {
        co_return co_await wait_stream(deadline);
    }
    // A stream that is reset ends its exchange itself.
    const bool watched = stream_ == nullptr && !refreshing() && (!pump_started_ || body_done_);
    async::Watch* client = watched ? &connection_->watch() : nullptr;
    bool shortened = false;
    deadline.at = std::min(deadline.at, end_at_);
    while (true) {
        if (client != nullptr && client->hung_up() && !std::exchange(shortened, true)) {
            deadline.at = std::min(deadline.at, shard_.loop().now() + kHalfCloseGrace);
        }
        const Woken woken = co_await EitherReadable(upstream_->watch, client, deadline);
        if (woken == Woken::kLate && shortened) {
            client_gone_ = true;
        }
        if (woken != Woken::kSecond) {
            co_return woken;
        }
    }
}

Task<Exchange::Try> Exchange::read_answer() {
    const Duration patience = try_patience();
    Deadline last = Deadline::in(shard_.loop(), patience);
    answer_head_.clear();
    while (true) {
        if (!upstream_readable()) {
            const Deadline deadline =
                continue_awaited_ ? Deadline{std::min(last.at, shard_.loop().now() + kContinueWait)}
                                  : last;
            if (co_await wait_upstream(deadline) == Woken::kLate) {
                if (client_gone_) {
                    co_return Try::kClientGone;
                }
                // The time for the answer begins when the request is through; until then it is
                // watched by the body's own timeout.
                const SteadyTime begin = pump_running() ? shard_.loop().now() : pump_ended_;
                if (pump_started_ && begin + patience > last.at && shard_.loop().now() < end_at_) {
                    last.at = begin + patience;
                    continue;
                }
                if (!continue_awaited_ || shard_.loop().now() >= std::min(last.at, end_at_)) {
                    co_return Try::kLate;
                }
                if (!co_await deliver("HTTP/1.1 100 Continue\r\n\r\n")) {
                    co_return Try::kClientGone;
                }
                continue_awaited_ = false;
                start_pump();
                continue;
            }
        }
        switch (receive_answer()) {
            case Received::kBytes:
                break;
            case Received::kEnd:
            case Received::kFailed:
                if (refusal_ != 0 || client_gone_) {
                    co_return Try::kClientGone;
                }
                co_return lost(answer_ && !answer_->empty() ? Try::kBroken : Try::kLost);
        }
        if (!answer_ || answer_->empty()) {
            continue;
        }
        while (true) {
            const ParseStatus status = wire::parse_response(
                answer_->filled(), answer_->size(), wire::HeadLimits{}, head_.method, answer_head_);
            if (status == ParseStatus::kBad ||
                (status == ParseStatus::kMore && answer_->free_size() < kHeadRoom)) {
                co_return Try::kMalformed;
            }
            if (status == ParseStatus::kMore) {
                break;
            }
            if (answer_head_.status >= 200 || (answer_head_.status == 101 && tunnel_wanted_)) {
                co_return Try::kAnswered;
            }
            if (const Try outcome = co_await on_interim(); outcome != Try::kAnswered) {
                co_return outcome;
            }
        }
    }
}

/// Passes a 1xx on and goes behind it. kAnswered: go on reading.
Task<Exchange::Try> Exchange::on_interim() {
    const uint16_t status = answer_head_.status;
    if (status == 101 || ++interims_ > kInterimResponsesMax) {
        co_return Try::kMalformed;
    }
    const bool wanted = status != 100 || continue_awaited_;
    if (wanted && head_.minor_version == 1) {
        const size_t length =
            rewrite_response({.data = answer_->filled(), .head = &answer_head_}, shard_.scratch());
        if (!co_await deliver({shard_.scratch(), length})) {
            co_return Try::kClientGone;
        }
    }
    if (status == 100 && std::exchange(continue_awaited_, false)) {
        start_pump();
    }
    answer_->begin += answer_head_.size;
    answer_head_.clear();
    co_return Try::kAnswered;
}

void Exchange::start_pump() {
    pump_started_ = true;
    pump_ended_ = {};
    pump_.emplace(shard_.loop());
    if (stream_ != nullptr || (decoder_ && decoder_->received_all)) {
        pump_->spawn(decoder_ ? pump_decoded() : pump_stream_body());
        return;
    }
    Buffer& buffer = **request_;
    pump_buffer_ = body_left_ > kBufferBytes ? shard_.take_large_buffer() : shard_.take_buffer();
    pump_buffer_->clear(0);
    // Of a chunked body: the part of a line that could not be judged yet.
    const std::string_view rest(buffer.data() + next_request_, buffer.end - next_request_);
    if (head_.framing == Framing::kChunked) {
        std::ranges::copy(rest, pump_buffer_->free_space());
        pump_buffer_->end += static_cast<uint32_t>(rest.size());
        buffer.end = next_request_;
    }
    pump_->spawn(decoder_ ? pump_decoded() : pump_body());
}

/// What of the received bytes can be sent on. False when the body is refused (refusal_).
bool Exchange::next_body_piece(std::string_view& piece) {
    Buffer& buffer = *pump_buffer_;
    if (head_.framing == Framing::kLength) {
        piece = buffer.view();
        body_left_ -= piece.size();
        body_bytes_ += piece.size();
        body_done_ = body_left_ == 0;
        buffer.clear(0);
        return true;
    }
    const auto step = body_filter_.run(buffer.filled(), buffer.size());
    if (step.status == ParseStatus::kBad) {
        refusal_ = wire::status_for(body_filter_.fault());
        return false;
    }
    piece = {buffer.filled(), step.produced};
    body_bytes_ = body_filter_.payload_bytes();
    if (body_bytes_ > generation_->compiled->snapshot().limits.body_bytes.count) {
        refusal_ = 413;
        return false;
    }
    body_done_ = step.status == ParseStatus::kDone;
    buffer.begin += static_cast<uint32_t>(step.consumed);
    return true;
}

/// Carries the rest of the request's body to the upstream, no faster than that takes it. When it
/// fails, it ends the upstream's connection, which wakes who waits for the answer.
Task<void> Exchange::pump_body() {
    const Duration patience = generation_->compiled->snapshot().limits.body_timeout;
    Buffer& buffer = *pump_buffer_;
    while (!body_done_) {
        std::string_view piece;
        if (!next_body_piece(piece)) {
            break;
        }
        if (!piece.empty() && !co_await send_body(piece, {})) {
            // The upstream wants no more; perhaps it has answered already.
            pump_ended_ = shard_.loop().now();
            co_return;
        }
        if (body_done_) {
            pump_ended_ = shard_.loop().now();
            co_return;
        }
        buffer.compact(0);
        Transport& client = connection_->transport();
        if (!client.is_readable() && !co_await ReadyBy(client.watch(), Direction::kRead,
                                                       Deadline::in(shard_.loop(), patience))) {
            refusal_ = 408;
            break;
        }
        size_t room = buffer.free_size();
        if (head_.framing == Framing::kLength) {
            room = static_cast<size_t>(std::min<uint64_t>(room, body_left_));
        }
        const net::IoResult got = client.receive_now(buffer.free_space(), room);
        if (got.status == IoStatus::kEnd || got.status == IoStatus::kBroken) {
            client_gone_ = true;
            break;
        }
        buffer.end += static_cast<uint32_t>(got.count);
    }
    pump_ended_ = shard_.loop().now();
    break_upstream();
}

}  // namespace shore::gateway
