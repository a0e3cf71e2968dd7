// One try of an exchange where the instance speaks HTTP/2: a stream instead of a connection.
#include <algorithm>

#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "gateway/http2_upstream.h"
#include "gateway/upstream_stream.h"
#include "wire/ascii.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;
using net::IoStatus;
using wire::Http2Code;

/// An upgrade needs a connection of its own, so it is asked for in HTTP/1.1.
bool Exchange::speaks_http2() const {
    return target_->policy().protocol != model::UpstreamProtocol::kHttp1 && !tunnel_wanted_;
}

/// How long a body may pause: long in a call of gRPC or gRPC-Web, which may stream both ways.
Duration Exchange::body_patience() const {
    const bool is_call = upstream_stream_ != nullptr &&
                         sent_field(wire::FieldId::kContentType).starts_with("application/grpc");
    return is_call ? Duration(kTunnelIdle) : generation_->compiled->snapshot().limits.body_timeout;
}

Task<Exchange::Try> Exchange::attempt_http2() {
    Http2Upstream& connection = shard_.http2_upstreams().take(*endpoint_);
    upstream_stream_ = &connection.begin(head_.method == wire::Method::kHead);
    reused_ = connection.is_established();
    reset_code_ = Http2Code::kInternalError;
    if (!co_await send_stream(composed_, first_body_)) {
        co_return lost(Try::kLost);
    }
    if (!body_done_ && !continue_awaited_) {
        start_pump();
    }
    co_return co_await read_answer();
}

/// What a try has come to that ended without an answer: a stream may know that nothing was done.
Exchange::Try Exchange::lost(Try otherwise) {
    if (upstream_stream_ == nullptr || !upstream_stream_->unprocessed()) {
        return otherwise;
    }
    // Refused by an instance that is there, or by nobody.
    reused_ = upstream_stream_->connection().is_established();
    reset_code_ = reused_ ? Http2Code::kRefusedStream : Http2Code::kInternalError;
    return Try::kNotSent;
}

Task<bool> Exchange::send_stream(std::string_view first, std::string_view second) {
    co_return co_await upstream_stream_->send(first) && co_await upstream_stream_->send(second);
}

bool Exchange::upstream_readable() const {
    return upstream_stream_ != nullptr ? upstream_stream_->is_readable()
                                       : upstream_->watch.is_readable();
}

/// As wait_upstream(): a client of HTTP/1.1 that has left is noticed at the next look.
Task<Woken> Exchange::wait_stream(Deadline deadline) {
    const bool watched = stream_ == nullptr && (!pump_started_ || body_done_);
    deadline.at = std::min(deadline.at, end_at_);
    SteadyTime left_at = SteadyTime::max();
    while (!upstream_stream_->is_readable()) {
        Deadline look = deadline;
        if (watched) {
            if (client_hung_up() && left_at == SteadyTime::max()) {
                left_at = shard_.loop().now() + kHalfCloseGrace;
            }
            look.at = std::min({look.at, left_at, shard_.loop().now() + kHalfCloseGrace});
        }
        if (!co_await upstream_stream_->readable(look)) {
            if (shard_.loop().now() >= left_at) {
                client_gone_ = true;
                co_return Woken::kLate;
            }
            if (shard_.loop().now() >= deadline.at) {
                // Perhaps the connection is dead: it gets no new requests.
                upstream_stream_->connection().retire();
                co_return Woken::kLate;
            }
        }
    }
    co_return Woken::kFirst;
}

Exchange::Received Exchange::receive_stream() {
    if (!answer_) {
        answer_ = shard_.take_buffer();
        answer_->clear(kHeadRoom);
    }
    // Two bytes stay free for the end of a chunk that is made here.
    const size_t room = answer_->free_size() - wire::kChunkEnd.size();
    const net::IoResult got = upstream_stream_->receive_now(answer_->free_space(), room);
    answer_->end += static_cast<uint32_t>(got.count);
    if (answer_->empty()) {
        answer_.reset();  // Nobody waits with a buffer in hand.
    }
    if (got.status == IoStatus::kEnd) {
        return Received::kEnd;
    }
    if (got.status == IoStatus::kBroken) {
        // The codes that tell a client something; others are our own trouble.
        const auto code = static_cast<Http2Code>(upstream_stream_->code);
        const bool told = code == Http2Code::kRefusedStream || code == Http2Code::kCancel ||
                          code == Http2Code::kEnhanceYourCalm;
        reset_code_ = told ? code : Http2Code::kInternalError;
        return Received::kFailed;
    }
    return Received::kBytes;
}

/// The request's body has failed: whoever waits for the answer sees the end.
void Exchange::break_upstream() {
    if (upstream_stream_ != nullptr) {
        upstream_stream_->cancel(Http2Code::kCancel);
    } else {
        net::shut_down(upstream_->socket.get(), SHUT_RDWR);
    }
}

void Exchange::leave_stream() {
    if (upstream_stream_ != nullptr) {
        std::exchange(upstream_stream_, nullptr)->let_go();
    }
}

}  // namespace shore::gateway
