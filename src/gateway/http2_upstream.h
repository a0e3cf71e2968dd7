// Http2Upstream: a connection to an instance that speaks HTTP/2, shared by requests as streams.
// Requests may begin before it is connected; what all have to say leaves in one write per turn of
// the loop.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "async/list.h"
#include "async/scope.h"
#include "async/task.h"
#include "async/watch.h"
#include "gateway/buffer.h"
#include "gateway/endpoint.h"
#include "gateway/shard.h"
#include "gateway/upstream_stream.h"
#include "os/fd.h"
#include "wire/http2.h"

namespace shore::gateway {

class Http2Upstream final : private wire::Http2Owner {
 public:
    /// Begins to connect. Neither argument is needed after the call, but for the shard.
    Http2Upstream(Shard& shard, const Endpoint& endpoint);
    ~Http2Upstream() override;

    /// It may take one more request without that one having to wait.
    bool has_room() const;
    /// It takes requests at all.
    bool is_open() const { return !broken_ && !retired_ && session_.takes_requests(); }
    size_t streams() const { return streams_.size(); }
    UpstreamStream& begin(bool head_only);
    /// Takes no more requests; ends when the last one has.
    void retire();
    /// Nobody uses it and nothing can come of it.
    bool is_over() const { return broken_ && streams_.empty(); }

    // For streams.
    wire::Http2Session& session() { return session_; }
    bool is_established() const { return established_; }
    /// Something changed that settle() deals with, when all that is ready now has run.
    void touch() {
        if (!settling_.linked() && !broken_) {
            shard_.loop().make_ready(settling_);
        }
    }
    void stream_is_free();

 private:
    struct Settling final : async::Node {
        explicit Settling(Http2Upstream& of) : Node(&run), owner(of) {}
        static void run(Node& node) { static_cast<Settling&>(node).owner.settle(); }
        Http2Upstream& owner;
    };

    wire::Http2Stream* on_request(int32_t) override { return nullptr; }
    void on_field(wire::Http2Stream& stream, std::string_view name,
                  std::string_view value) override;
    void on_head(wire::Http2Stream& stream, bool end) override;
    void on_body(wire::Http2Stream& stream, std::string_view bytes) override;
    void on_trailer(wire::Http2Stream& stream, std::string_view name,
                    std::string_view value) override;
    void on_body_end(wire::Http2Stream& stream) override;
    void on_taken(wire::Http2Stream& stream) override;
    void on_closed(wire::Http2Stream& stream) override;

    async::Task<void> run();
    async::Task<bool> connect();
    async::Task<void> wait_writable();
    void settle();
    void pump();
    bool flush_now();
    void give_back_free();
    void lose();

    Shard& shard_;
    sockaddr_storage address_{};
    socklen_t address_length_ = 0;
    os::Fd socket_;
    async::Watch watch_;
    wire::Http2Session session_;
    Settling settling_;
    BufferPointer output_;
    bool established_ = false;
    bool blocked_ = false;  // The socket takes no more; wait_writable() waits.
    bool broken_ = false;   // It never will again.
    bool retired_ = false;
    bool any_free_ = false;
    SteadyTime idle_since_{};
    std::vector<Pool<UpstreamStream>::Pointer> streams_;
    async::Scope tasks_;
};

/// A loop's connections to instances that speak HTTP/2.
class Http2Pool final {
 public:
    explicit Http2Pool(Shard& shard) : shard_(shard) {}

    /// The connection for one more request: the fullest with room, else a new one, else, with
    /// kHttp2UpstreamsMax of them, the one with the fewest requests, where this one waits.
    Http2Upstream& take(const Endpoint& endpoint);
    /// As UpstreamPool's.
    void use(const Compiled& compiled);
    void sweep();
    size_t connections() const;
    void clear();

 private:
    struct Slot {
        const Endpoint* endpoint = nullptr;  // Alive while the loop's compiled snapshot names it.
        std::vector<std::unique_ptr<Http2Upstream>> connections;
    };
    void retire_all(Slot& slot);

    Shard& shard_;
    std::vector<Slot> slots_;  // By Endpoint::slot().
    std::vector<std::unique_ptr<Http2Upstream>> leaving_;
};

}  // namespace shore::gateway
