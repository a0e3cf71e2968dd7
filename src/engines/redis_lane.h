// RedisLane: one connection to a server over which ordinary commands of many sessions travel, so
// that one send carries what many clients have sent, and one receive what they are answered. Calls
// of the kernel are most of what a command costs here, and at the server.
//
// A session keeps its own connection all the same. It is where the client logs in and where
// everything goes that concerns the connection (transactions, subscriptions, blocking commands,
// CLIENT …); as long as that lives, commands that would do the same on any connection of the same
// login, protocol and database may go here instead (redis_session_lane.cc has the rules). What is
// in flight of a session is on one of the two, never on both, so its order is the client's.
//
// Sessions enlist; the lane takes their next commands when it sends, in turns: what is not sent
// stays theirs. Answers go back by turn. With durability `replicated` there are two lanes: one for
// runs that change data, of which each is followed by one WAIT whose answer goes to all that had a
// part in the run; one for reads, which wait for nobody.
//
// An answer of any size passes in pieces. A client that does not take its answers makes its session
// leave the lane after this turn; until then they gather in the session's buffer, and from
// kRedisLaneBacklogMax on the lane waits for the client, as long as it goes on reading.
//
// A lane that is lost is a lost server for the sessions that have something in flight on it; the
// others do not notice. It logs in by the very commands that the server has accepted from each of
// its sessions. The shard's scope owns the task, which owns the lane.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/list.h"
#include "async/task.h"
#include "engines/redis_queue.h"
#include "engines/redis_upstream.h"
#include "wire/resp.h"

namespace shore::engines {

class RedisSession;

/// Sessions with the same may share.
struct RedisLaneKey {
    std::string login;      ///< The commands that made the connection what it is.
    size_t answers = 0;     ///< To them.
    uint32_t slot = 0;      ///< Of the server.
    bool confirms = false;  ///< A WAIT stands behind each run.
    bool operator==(const RedisLaneKey&) const = default;
};

/// What a session gives to a run.
struct RedisTurn {
    size_t bytes = 0;
    uint32_t commands = 0;
    bool confirms = false;  ///< Its answers are withheld until WAIT is answered.
};

class RedisLane final {
 public:
    RedisLane(RedisShard& shard, RedisLaneKey key);
    ~RedisLane();

    /// Serves it to its end.
    static async::Task<void> serve(RedisShard& shard, RedisLaneKey key);

    const RedisLaneKey& key() const { return key_; }
    /// It takes commands.
    bool is_open() const { return phase_is(RedisUpstream::Phase::kReady) && !retired_; }
    /// It ends when the last session has left.
    bool is_retired() const { return retired_; }
    bool was_open() const { return phase_is(RedisUpstream::Phase::kReady); }
    /// The server has refused the login that it accepted from the sessions before.
    bool is_denied() const { return is_denied_; }

    void join() { ++members_; }
    /// The session will not use it again; answers that are still to come for it go nowhere.
    void leave(RedisSession& session);
    /// The session has commands for the next run.
    void enlist(RedisSession& session);
    /// Something has changed: it looks again.
    void kick();
    /// A session's client has taken answers.
    void client_took() {
        if (pause_end_ != SteadyTime::max()) {
            kick();
        }
    }

 private:
    struct Part {
        RedisSession* session = nullptr;  // Null: it has left.
        uint32_t answers = 0;             // Still to come.
        bool last = false;                // Of its run.
    };
    class Waiting;

    async::Task<void> run();
    bool phase_is(RedisUpstream::Phase phase) const {
        return upstream_ && upstream_->phase == phase;
    }
    void pump();
    void look_after();
    SteadyTime next_moment() const;
    void retire();
    bool advance();
    bool may_gather() const;
    bool send();
    void gather();
    bool receive();
    bool is_paused();
    void make_room();
    void distribute();
    void on_frame();
    void hand_out(size_t end);
    void pop_part();

    RedisShard& shard_;
    const RedisLaneKey key_;
    std::unique_ptr<RedisUpstream> upstream_;
    std::vector<RedisSession*> enlisted_;
    size_t members_ = 0;

    // To the server: [sent_, out_end_) is being sent.
    std::unique_ptr<char[]> out_;
    size_t sent_ = 0;
    size_t out_end_ = 0;

    // Whose answers come, in order, from first_ on; behind them, when waits_, that of WAIT.
    std::vector<Part> parts_;
    size_t first_ = 0;
    size_t runs_ = 0;
    bool waits_ = false;
    std::vector<RedisSession*> confirmed_;  // Who is told what WAIT has answered.

    // From the server: [begin_, whole_) whole answers of the first part, [whole_, fed_) of one that
    // goes on.
    std::unique_ptr<char[]> in_;
    size_t begin_ = 0;
    size_t whole_ = 0;
    size_t fed_ = 0;
    size_t end_ = 0;
    wire::ReplyScanner scanner_;

    bool retired_ = false;  // Takes no more commands; ends when the last session has left.
    bool is_denied_ = false;
    bool ended_ = false;
    bool again_ = false;
    SteadyTime idle_since_ = SteadyTime::max();  // Without a session.
    SteadyTime pause_end_ = SteadyTime::max();
    const RedisSession* overdue_ = nullptr;  // Has been waited for long enough.
    async::List kicked_;                     // The coroutine, while it waits.
};

}  // namespace shore::engines
