// RedisShard: one loop of the endpoint with its thread and its sessions. The route reaches it as a
// message; nothing else is shared.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>

#include "async/list.h"
#include "async/loop.h"
#include "async/scope.h"
#include "engines/redis_queue.h"
#include "net/tls_stream.h"
#include "os/fd.h"

namespace shore::engines {

class RedisLane;
class RedisSession;
struct RedisLaneKey;

/// Where commands go. A value.
struct RedisRoute {
    uint64_t serial = 0;   ///< Grows with each: a server that failed is tried again in a later one.
    uint32_t primary = 0;  ///< Slot; 0: there is none.
    bool hold = true;      ///< New commands wait.
    bool orderly = false;  ///< The former primary still answers what was sent to it.
    std::vector<uint32_t> readers;  ///< Slots of the replicas that serve reads.
};

/// What sessions need to know; the same for the endpoint's life, except by replacement as a whole.
struct RedisSessionOptions {
    bool replicated = false;
    Duration hold{};
};

/// Any thread reads; the loop's thread writes.
struct RedisCounters {
    std::atomic<uint64_t> sessions = 0;
    std::atomic<uint64_t> connections = 0;
    std::atomic<uint64_t> commands = 0;
    std::atomic<uint64_t> held = 0;
    std::atomic<uint64_t> moved = 0;
    std::atomic<uint64_t> unknown = 0;
    std::atomic<uint64_t> unavailable = 0;
    std::atomic<uint64_t> not_replicated = 0;
    std::atomic<uint64_t> waits = 0;
    std::atomic<uint64_t> lanes = 0;
    std::atomic<uint64_t> shared = 0;
    static void add(std::atomic<uint64_t>& counter, uint64_t count = 1) {
        counter.store(counter.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }
};

enum class RedisDoor : uint8_t { kPrimary, kReads };
enum class RedisWire : uint8_t { kPlain, kTls };

class RedisShard final {
 public:
    struct Address {
        sockaddr_storage raw{};
        socklen_t length = 0;
    };
    /// `servers`: addresses by slot, from 1. `suspect` is called, on the shard's thread, when a
    /// session has lost its server: the route's serial then.
    RedisShard(std::vector<Address> servers, RedisSessionOptions options,
               std::move_only_function<void(uint64_t)> suspect);
    ~RedisShard();

    /// With a thread of its own.
    void start(std::unique_ptr<async::Loop> loop);
    /// Without a thread: for tests, which turn the loop.
    void adopt(async::Loop& loop);
    /// Ends all sessions and the thread. May be called twice.
    void stop();

    // Any thread.
    void accept(os::Fd socket, RedisDoor door, RedisWire wire);
    /// For handshakes from now on. A connection that is to speak TLS before is closed.
    void set_tls(std::shared_ptr<const net::TlsServer> server);
    void publish(RedisRoute route);
    void set_options(RedisSessionOptions options);
    /// Ends each session once its client has the answers that are due.
    void dismiss();
    /// Calls back, on the shard's thread, with how many sessions wait for an answer that the server
    /// owes at once.
    void count_busy(std::move_only_function<void(size_t)> answer);
    const RedisCounters& counters() const { return counters_; }

    // The shard's thread.
    async::Loop& loop() { return *loop_; }
    const RedisRoute& route() const { return route_; }
    const RedisSessionOptions& options() const { return options_; }
    const Address& server(uint32_t slot) const { return servers_[slot]; }
    /// A server for reads: replicas in turn, other than `not_this` when there is a choice; the
    /// primary when there is none; 0.
    uint32_t pick_reader(uint32_t not_this);
    RedisBufferPool& buffers() { return buffers_; }
    /// What a connection goes by that speaks TLS; null: there is none.
    std::unique_ptr<net::TlsStream> make_tls(async::Watch& watch, int socket);
    RedisCounters& mutable_counters() { return counters_; }
    void suspect(uint64_t serial) { suspect_(serial); }
    void add(RedisSession& session);
    void remove(RedisSession& session);

    // Connections that sessions share (redis_lane.h).
    /// One that takes commands; null when there is none yet (it is begun then), or none for this.
    RedisLane* find_lane(const RedisLaneKey& key);
    void add_lane(RedisLane& lane);
    void remove_lane(RedisLane& lane);
    /// It takes no more commands.
    void retire_lane(RedisLane& lane);
    /// Its server is lost, for all that have something on it.
    void lose_lane(RedisLane& lane);
    /// A session begins, or ceases, to wait for an answer that the server gives at once.
    void note_busy(bool busy);
    /// So many wait that sharing pays.
    bool is_crowded() const { return busy_ >= kRedisCrowd; }

 private:
    void take_route(RedisRoute route);

    std::vector<Address> servers_;
    RedisSessionOptions options_;
    std::move_only_function<void(uint64_t)> suspect_;
    RedisCounters counters_;
    RedisRoute route_;
    size_t next_reader_ = 0;
    RedisBufferPool buffers_;
    std::shared_ptr<const net::TlsServer> tls_;
    std::optional<net::TlsScratch> scratch_;  // Once there is TLS.
    std::vector<RedisSession*> sessions_;
    std::vector<RedisLane*> lanes_;
    SteadyTime lanes_from_{};  // After one that could not be opened.
    int busy_ = 0;
    std::unique_ptr<async::Loop> owned_loop_;
    async::Loop* loop_ = nullptr;
    std::optional<async::Scope> scope_;
    std::thread thread_;
};

}  // namespace shore::engines
