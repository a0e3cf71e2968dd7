// ClientStream: one request of an HTTP/2 connection: the client's side of an Exchange. The exchange
// reads a head like HTTP/1's from `buffer` and writes its answer as HTTP/1.1; here that becomes
// fields and DATA, as fast as the client's windows allow.
//
// Pooled. Lives from the request's first field until the stream has closed and its task has ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "async/scope.h"
#include "async/task.h"
#include "gateway/buffer.h"
#include "gateway/exchange.h"
#include "gateway/signal.h"
#include "wire/http1_body.h"
#include "wire/http2.h"
#include "wire/http2_answer.h"
#include "wire/http2_request.h"

namespace shore::gateway {

class Http2Connection;

class ClientStream final : public wire::Http2Stream {
 public:
    explicit ClientStream(Shard& shard);

    /// For the next request on `connection`.
    void begin(Http2Connection& connection);
    /// Lets go of everything. Called by the pool, too.
    void recycle();

    // For the connection: what the session reports.
    void on_field(std::string_view name, std::string_view value);
    void on_head(bool end);
    void on_body(std::string_view bytes);
    void on_trailer(std::string_view name, std::string_view value);
    void on_body_end();
    void on_taken() { taken_.notify(); }
    void on_closed();
    /// Starts to answer; the head is there.
    void start();
    /// The stream has closed. Ends a task that cannot end by itself. True: it can be given back.
    bool retire();

    // For the exchange.
    Http2Connection& connection() { return *connection_; }
    /// The head as HTTP/1.1 lines, and room for the one that is sent on.
    BufferPointer buffer;
    /// Sends a part of the answer; the first one holds the whole head. False when the client is
    /// gone or takes nothing for the snapshot's body_timeout.
    async::Task<bool> send(std::string_view text);
    /// Ends a tunnel's way to the client.
    void end_tunnel();
    /// Body bytes that have come. Null: none.
    BufferPointer take_body();
    /// The end of a chunked body: the last chunk, the trailers that came (RFC 9112 section 7.1).
    std::string_view last_chunk() const { return trailers_.empty() ? wire::kLastChunk : trailers_; }
    bool has_trailers() const { return !trailers_.empty(); }
    bool has_body() const { return body_ != nullptr; }
    std::string_view body_view() const;
    /// Nothing comes behind take_body()'s bytes.
    bool body_ended() const { return body_ended_ || closed; }
    bool body_broken() const { return closed && !body_ended_; }
    /// `count` bytes of take_body() are on their way: the client may send as many more.
    void body_passed(size_t count);
    /// Until body bytes or their end are there; false when the deadline passes first.
    Signal::Wait body_more(async::Deadline deadline) { return body_signal_.wait(deadline); }
    /// Where this stands among the connection's streams.
    size_t slot = 0;

 private:
    async::Task<void> run();
    async::Task<bool> send_body(std::string_view bytes, bool end);
    void keep_trailers();
    /// All of it has been handed to the session.
    bool answer_whole() const { return answer_.done() || out_end; }

    Shard& shard_;
    Http2Connection* connection_ = nullptr;
    Pool<Exchange>::Pointer exchange_;
    wire::Http2RequestWriter writer_;
    wire::Http2AnswerReader answer_;
    BufferPointer body_;
    std::string trailers_;
    size_t unpassed_ = 0;  // Body bytes that the client's window has not got back.
    bool head_good_ = false;
    bool body_ended_ = false;
    bool started_ = false;
    bool done_ = false;
    Signal taken_;
    Signal body_signal_;
    std::optional<async::Scope> task_;
};

}  // namespace shore::gateway
