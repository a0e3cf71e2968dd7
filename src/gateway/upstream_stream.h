// UpstreamStream: one request to an instance that speaks HTTP/2: the upstream's side of an
// Exchange. The exchange writes its request here as HTTP/1.1 and reads an answer in HTTP/1.1,
// trailers included, so that routing, retries, compression and the rest serve both.
//
// Pooled; its connection owns it. The exchange borrows it from begin() to let_go().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "async/task.h"
#include "gateway/buffer.h"
#include "gateway/shard.h"
#include "gateway/signal.h"
#include "net/raw_io.h"
#include "wire/http2.h"
#include "wire/http2_answer.h"

namespace shore::gateway {

class Http2Upstream;

class UpstreamStream final : public wire::Http2Stream {
 public:
    explicit UpstreamStream(Shard& shard);

    /// For the next request on `connection`. `head_only`: its answer has no body whatever it says.
    void begin(Http2Upstream& connection, bool head_only);
    /// Called by the pool.
    void recycle();

    // For the exchange.
    /// The next part of the request; the first holds the whole head. Done when it has been framed.
    /// False when the stream is over, or takes nothing for body_timeout.
    async::Task<bool> send(std::string_view text);
    /// A receive gives something: bytes, or the end.
    bool is_readable() const;
    /// Bytes of the answer; kEnd when no more can come, kAgain when they may.
    net::IoResult receive_now(char* space, size_t size);
    /// Until it is readable. False when the deadline passes first.
    Signal::Wait readable(async::Deadline deadline) { return readable_.wait(deadline); }
    /// It failed before the instance acted on it.
    bool unprocessed() const;
    Http2Upstream& connection() { return *connection_; }
    /// The exchange wants no more of it.
    void cancel(wire::Http2Code code);
    /// The exchange does not touch it any more.
    void let_go();

    // For the connection: what the session reports.
    void on_field(std::string_view name, std::string_view value);
    void on_head(bool end);
    void on_body(std::string_view bytes);
    void on_trailer(std::string_view name, std::string_view value);
    void on_body_end();
    void on_taken() { taken_.notify(); }
    void on_closed();
    /// The connection is gone.
    void on_lost();
    bool is_free() const { return closed && !borrowed_; }

 private:
    void append_head(std::string_view text);
    void append_line(std::string_view name, std::string_view value);
    void keep_trailers();
    net::IoResult take_text(std::string& text, size_t& at, char* space, size_t size);
    net::IoResult take_body(char* space, size_t size);

    Shard& shard_;
    Http2Upstream* connection_ = nullptr;
    wire::Http2AnswerReader request_;
    std::string head_;  // Heads that have come and have not been read.
    size_t head_at_ = 0;
    BufferPointer body_;  // Payload, likewise.
    std::string tail_;    // The last chunk with the trailers.
    size_t tail_at_ = 0;
    uint16_t status_ = 0;
    bool head_only_ = false;
    bool has_length_ = false;
    bool chunked_ = false;
    bool ended_ = false;  // The answer is whole.
    bool borrowed_ = false;
    bool malformed_ = false;
    Signal taken_;
    Signal readable_;
};

}  // namespace shore::gateway
