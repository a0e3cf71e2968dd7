// Http2Connection: what a client connection becomes when it speaks HTTP/2: feeds a session with
// what arrives, gives each stream to an exchange, and writes what the session produces: once per
// turn of the loop, however many streams had something to say.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "async/list.h"
#include "async/scope.h"
#include "async/task.h"
#include "gateway/buffer.h"
#include "gateway/client_stream.h"
#include "gateway/shard.h"
#include "wire/http2.h"
#include "wire/http2_answer.h"

namespace shore::gateway {

class Connection;

class Http2Connection final : private wire::Http2Owner {
 public:
    /// `connection` outlives it.
    Http2Connection(Shard& shard, Connection& connection);
    ~Http2Connection() override;

    /// Serves it to its end. `received`: what came before it was known to be HTTP/2; may be null.
    async::Task<void> run(BufferPointer received);
    /// Announces the end; streams under way end first.
    void begin_stop();

    // For streams.
    Connection& connection() { return connection_; }
    wire::Http2Session& session() { return session_; }
    /// Frames what is due, as far as there is room; it is written when all that was ready with it
    /// has run.
    void pump();
    /// Something changed that settle() deals with, when all that is ready now has run.
    void touch() {
        if (!settling_.linked()) {
            shard_.loop().make_ready(settling_);
        }
    }
    void count_cut(wire::Http2Cut reason);
    /// Scratch space for fields; nobody keeps anything there.
    wire::Http2AnswerReader::Room& field_room() { return shard_.field_room(); }

 private:
    struct Settling final : async::Node {
        explicit Settling(Http2Connection& of) : Node(&run), owner(of) {}
        static void run(Node& node) { static_cast<Settling&>(node).owner.settle(); }
        Http2Connection& owner;
    };

    wire::Http2Stream* on_request(int32_t id) override;
    void on_field(wire::Http2Stream& stream, std::string_view name,
                  std::string_view value) override;
    void on_head(wire::Http2Stream& stream, bool end) override;
    void on_body(wire::Http2Stream& stream, std::string_view bytes) override;
    void on_trailer(wire::Http2Stream& stream, std::string_view name,
                    std::string_view value) override;
    void on_body_end(wire::Http2Stream& stream) override;
    void on_taken(wire::Http2Stream& stream) override;
    void on_closed(wire::Http2Stream& stream) override;

    bool receive(std::string_view bytes);
    async::Deadline patience() const;
    void settle();
    void retire_closed();
    bool flush_now();
    async::Task<void> wait_writable();
    async::Task<void> finish_writing();
    void end_reading();

    Shard& shard_;
    Connection& connection_;
    wire::Http2Session session_;
    Settling settling_;
    BufferPointer output_;
    bool blocked_ = false;  // The socket takes no more; wait_writable() waits.
    bool broken_ = false;   // It never will.
    bool ended_ = false;
    bool any_closed_ = false;
    SteadyTime active_at_{};
    SteadyTime head_since_{};  // Since when a head has been incomplete; zero: none is.
    std::vector<ClientStream*> fresh_;
    std::vector<Pool<ClientStream>::Pointer> streams_;
    async::Scope writer_;
};

}  // namespace shore::gateway
