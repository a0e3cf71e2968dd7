// Shard: everything that belongs to one loop of the gateway: the snapshot it routes by, listeners,
// client connections, idle upstream connections, buffers, counters. One thread; others reach it
// through its loop's post().
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/event.h"
#include "async/list.h"
#include "async/loop.h"
#include "async/scope.h"
#include "base/random.h"
#include "gateway/balancer.h"
#include "gateway/buffer.h"
#include "gateway/compiled.h"
#include "gateway/counters.h"
#include "gateway/encoder.h"
#include "gateway/file_store.h"
#include "gateway/hand_over.h"
#include "gateway/mirror.h"
#include "gateway/upstream_pool.h"
#include "net/listener.h"
#include "net/tls_stream.h"
#include "wire/http2_answer.h"

namespace shore::cache {
class Cache;
}

namespace shore::gateway {

class ClientStream;
class Connection;
class Exchange;
class Http2Pool;
class UpstreamStream;

/// What all loops share. The functions may be called on any thread.
struct Shared {
    Shared();
    ~Shared();
    uint32_t loops = 1;  ///< How many there are; set before the first.
    std::atomic<uint32_t> connections = 0;
    std::unique_ptr<cache::Cache> cache;  ///< Set before the first loop.
    /// An endpoint has just been ejected: somebody should ask it whether it is back.
    std::function<void(std::shared_ptr<Endpoint>)> on_ejected;
    /// Lines for the access log.
    std::function<void(std::string)> write_access_log;
};

/// A compiled snapshot and how many requests of this loop use it.
struct Generation {
    std::shared_ptr<const Compiled> compiled;
    uint32_t users = 0;
};

class Shard final {
 public:
    /// `loop` and `shared` outlive it. `seed` is for request ids.
    Shard(async::Loop& loop, Shared& shared, uint64_t seed);
    ~Shard();

    /// From now on new requests are routed by `compiled`; open connections stay as they are.
    void use(std::shared_ptr<const Compiled> compiled);
    /// Accepts on `sockets` (one per listener of the current snapshot, empty where it could not be
    /// opened) besides those that stay.
    void listen(const model::ListenAddress& where, os::Fd socket);
    bool listens_on(const model::ListenAddress& where) const { return listeners_.contains(where); }
    /// Port 0 in tests: what the kernel chose.
    uint16_t port_of(const model::ListenAddress& where) const;

    /// Copies of the listening sockets, for the gateway that takes over.
    Inherited copy_listeners() const;
    /// Another gateway accepts now: accepts no more and answers each request with "close", but
    /// closes no connection that is between two requests: its client may be sending the next one.
    void retire();
    /// Accepts no more, closes idle connections, answers what is under way with "close".
    void begin_stop();
    /// Closes everything.
    void stop();
    /// Retired or stopping: every answer is the last one of its connection.
    bool stopping() const { return stopping_; }
    bool retired() const { return retired_; }
    size_t connections() const { return connections_.size(); }
    Counters counters() const;

    // For connections and exchanges.
    async::Loop& loop() { return loop_; }
    Shared& shared() { return shared_; }
    const Compiled& current() const { return *generation_->compiled; }
    Generation& acquire();
    void release(Generation& generation);
    bool is_current(const Generation& generation) const { return &generation == generation_; }
    UpstreamPool& upstreams() { return upstreams_; }
    Counters& mutable_counters() { return counters_; }
    BufferPointer take_buffer() { return buffers_.take(kBufferBytes); }
    BufferPointer take_large_buffer() { return large_buffers_.take(kLargeBufferBytes); }
    FileStore& files() { return files_; }
    bool has_encoder() const { return encoders_.taken() < kEncodersMax; }
    /// Null when kEncodersMax are in use.
    Pool<Encoder>::Pointer take_encoder() {
        return has_encoder() ? encoders_.take() : Pool<Encoder>::Pointer();
    }
    BufferPointer take_head_buffer() { return head_buffers_.take(kHeadBufferBytes); }
    Pool<Exchange>& exchanges() { return *exchanges_; }
    Pool<ClientStream>& client_streams() { return *client_streams_; }
    Pool<UpstreamStream>& upstream_streams() { return *upstream_streams_; }
    Http2Pool& http2_upstreams() { return *http2_upstreams_; }
    wire::Http2AnswerReader::Room& field_room() { return *field_room_; }
    char* scratch() { return scratch_.get(); }
    /// "Sun, 06 Nov 1994 08:49:37 GMT" of this second.
    std::string_view date();
    /// RFC 3339 with milliseconds of this turn.
    std::string_view timestamp();
    /// Writes a fresh id of kRequestIdLength characters.
    static constexpr size_t kRequestIdLength = 26;
    void write_request_id(char* out);
    /// What this loop remembers of the upstream with that slot.
    LocalUpstream& local(uint32_t slot) {
        if (slot >= local_upstreams_.size()) {
            local_upstreams_.resize(slot + 1);
        }
        return local_upstreams_[slot];
    }
    base::Random& random() { return random_; }
    /// Pulsed every kHoldPause while somebody holds a request.
    async::Event& tick();
    size_t held = 0;
    size_t decoding = 0;  ///< Request bodies being decompressed.
    MirrorSender& mirrors() { return mirrors_; }
    /// Runs what no connection owns, until the loop stops.
    void spawn(async::Task<void> task) { background_.spawn(std::move(task)); }
    size_t refreshes = 0;  ///< Of stored answers, under way.
    /// Buffer of access log lines; call access_line_added() behind each.
    std::string& access_lines() { return access_lines_; }
    void access_line_added();
    async::List& idle_connections() { return idle_; }
    net::TlsScratch& tls_scratch() { return tls_scratch_; }

 private:
    class TickTimer;
    struct ListenerEntry;

    async::Task<void> accept_loop(ListenerEntry* entry);
    async::Task<void> housekeeping();
    void use_content_options(const Compiled& compiled);
    void settle_idle();
    void flush_access_log();
    void refresh_clock();

    async::Loop& loop_;
    Shared& shared_;
    base::Random random_;
    std::list<Generation> generations_;
    Generation* generation_ = nullptr;
    UpstreamPool upstreams_;
    Counters counters_;
    BufferPool buffers_;
    BufferPool large_buffers_;
    Pool<Encoder> encoders_;
    FileStore files_;
    BufferPool head_buffers_;
    std::unique_ptr<Pool<Exchange>> exchanges_;
    std::unique_ptr<Pool<ClientStream>> client_streams_;
    std::unique_ptr<Pool<UpstreamStream>> upstream_streams_;
    std::unique_ptr<Http2Pool> http2_upstreams_;
    std::unique_ptr<wire::Http2AnswerReader::Room> field_room_;  // Scratch space of HTTP/2.
    std::unique_ptr<char[]> scratch_;
    std::array<char, 32> date_{};
    std::array<char, 32> timestamp_{};
    int64_t second_ = -1;
    int64_t millisecond_ = -1;
    std::vector<LocalUpstream> local_upstreams_;
    std::string access_lines_;
    bool stopping_ = false;
    bool retired_ = false;
    async::List idle_;
    async::List settled_;  // Idle for so long that they hold no buffers any more.
    net::TlsScratch tls_scratch_;
    async::Event tick_;
    std::unique_ptr<TickTimer> tick_timer_;
    std::multimap<model::ListenAddress, std::unique_ptr<ListenerEntry>> listeners_;
    MirrorSender mirrors_;
    async::Scope connections_;
    async::Scope background_;
};

}  // namespace shore::gateway
