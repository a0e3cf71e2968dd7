// RedisSession: one client connection of the endpoint, with one connection to a server behind it,
// so that everything a connection is at a server (login, database, MULTI, WATCH, subscriptions) is
// the server's own business as long as that server lives. Where many sessions send at once, their
// ordinary commands go over a connection that they share (redis_lane.h, redis_session_lane.cc).
//
// Bytes pass as they come: a command is scanned for its end and its name, a reply for its end. Both
// stay where they were received until they are sent. Per turn with a small command: one receive and
// one send each way, no copy, no allocation.
//
// When the server is lost or another becomes primary, what was sent and not answered is answered by
// the session or sent again, the setup is repeated at the next server, and what the client sends
// meanwhile waits (redis_session_loss.cc; docs/operating/redis.md has the table).
//
// With durability `replicated`, commands that change data are sent in runs with one WAIT behind
// each, and their answers are withheld until the server has answered that.
//
// A plain state machine: pump() moves what can be moved; the coroutine only waits in between.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "async/list.h"
#include "async/task.h"
#include "async/watch.h"
#include "engines/redis_lane.h"
#include "engines/redis_queue.h"
#include "engines/redis_setup.h"
#include "engines/redis_shard.h"
#include "engines/redis_upstream.h"
#include "wire/resp.h"

namespace shore::engines {

class RedisSession final {
 public:
    RedisSession(RedisShard& shard, os::Fd socket, RedisDoor door, RedisWire wire);
    ~RedisSession();

    /// Serves it to its end. A shard's scope owns the task; it owns the session.
    static async::Task<void> serve(RedisShard& shard, os::Fd socket, RedisDoor door,
                                   RedisWire wire);

    /// The shard has a new route.
    void route_changed();
    /// The endpoint ends: the client gets the answers that are due, nothing more is taken from it.
    void dismiss();
    /// The server owes an answer that it gives at once.
    bool is_busy() const;

    // For the lane (redis_session_lane.cc).
    RedisTurn take_turn(std::span<char> place, bool confirms);
    void turn_away();
    void take_replies(std::string_view bytes);
    /// Answers that the client has not taken.
    size_t backlog() const { return reply_end_ - reply_begin_; }
    void forget_lane(const RedisLane& lane);
    void lane_retired(const RedisLane& lane);
    void lane_lost(const RedisLane& lane);

 private:
    enum class Loss : uint8_t {
        kBroken,   ///< The connection ended.
        kMoved,    ///< The route leads elsewhere.
        kRefused,  ///< The server has said that it did not execute the first command that waits.
    };
    enum class Silence : uint8_t { kNone, kNext, kAll };
    class Waiting;

    async::Task<void> run();
    async::Task<bool> shake_hands();
    bool client_is_readable() const;
    bool has_unsent() const { return tls_ && tls_->has_unsent(); }
    void pump();
    void look_after();
    SteadyTime next_moment() const;
    void kick();
    void note_busy(bool busy);

    // From the client to the server (redis_session_request.cc).
    bool read_client();
    bool make_request_room();
    void compact_requests();
    void forget_sent();
    void scan_requests();
    void scan_stream(bool done);
    void take_command(std::string_view bytes);
    void take_client_command(RedisPending& pending);
    std::string_view argument(std::string_view bytes, size_t index) const;
    void begin_stream();
    bool send_upstream();
    bool send_setup();
    bool may_send() const;
    void build_run();
    size_t unsent() const { return queue_.size() - sent_count_; }
    size_t in_flight() const { return sent_count_ - answered_; }
    bool wants_client() const;

    // By a connection that sessions share (redis_session_lane.cc).
    bool is_replicated() const;
    bool may_share() const;
    bool fits_lane(const RedisPending& pending, bool confirms) const;
    bool next_fits_lane(bool confirms) const;
    bool join_lane();
    bool stays_on_lane();
    bool make_room_for(size_t size);
    void leave_lane();
    bool must_catch_up() const;
    bool catch_up();

    // From the server to the client (redis_session_reply.cc).
    bool read_upstream();
    bool make_reply_room();
    void compact_replies();
    void pass_begun_frame();
    void scan_replies();
    bool on_frame(std::string_view frame);
    void on_setup_answer(std::string_view frame);
    bool on_publication(std::string_view frame);
    void on_confirmation(RedisKind kind, std::string_view frame);
    void on_wait_answer(std::string_view frame);
    bool on_answer(std::string_view frame);
    void on_session_answer(const RedisPending& pending, std::string_view frame);
    void pass();
    void cut();
    void complete();
    void drop_silent();
    void pop_front();
    void release();
    void release_as(std::string_view error);
    bool answer_locally();
    void insert_reply(std::string_view text);
    bool send_client();
    bool wants_upstream() const;

    // When the server is lost (redis_session_loss.cc).
    bool advance_upstream();
    bool connect_upstream();
    bool must_move() const;
    void begin_setup();
    void lose_upstream(Loss loss);
    void settle_in_flight(Loss loss);
    LocalReply settle(const RedisPending& pending, Loss loss, bool in_multi);
    void settle_unsent(RedisPending& pending);
    bool is_refusal(std::string_view frame) const;
    void refuse(std::string_view frame);
    bool is_held() const;
    void expire();

    RedisShard& shard_;
    RedisDoor door_;
    os::Fd client_;
    RedisWire wire_;
    async::Watch client_watch_;
    std::unique_ptr<net::TlsStream> tls_;  // Null: plain.
    std::unique_ptr<RedisUpstream> upstream_;
    RedisLane* lane_ = nullptr;  // Joined; it tells when it ends.
    RedisLaneKey lane_key_;
    uint32_t lane_login_version_ = UINT32_MAX;
    bool on_lane_ = false;    // What is in flight is there.
    bool enlisted_ = false;   // And it will take what comes next.
    bool alone_ = false;      // The session shares no more.
    bool lags_lane_ = false;  // Its own connection knows nothing of what was written there.
    bool catching_up_ = false;

    // Requests: [kept_, sent_) sent and not answered, [sent_, run_end_) being sent,
    // [run_end_, scanned_) to be sent, [scanned_, fed_) of a command that goes on.
    RedisBuffer requests_;
    size_t kept_ = 0;
    size_t sent_ = 0;
    size_t run_end_ = 0;
    size_t scanned_ = 0;
    size_t fed_ = 0;
    size_t end_ = 0;
    std::string_view wait_text_;  // Of WAIT, still to be sent.
    wire::RequestScanner request_;
    bool streaming_ = false;    // A command larger than the buffer passes in pieces.
    bool stream_tail_ = false;  // Its end is in the buffer and not sent yet.
    bool swallow_ = false;      // Its pieces are thrown away.

    // Commands: [0, answered_) answered and withheld, [answered_, sent_count_) in flight.
    RedisQueue queue_;
    size_t answered_ = 0;
    size_t sent_count_ = 0;
    std::deque<std::string> candidates_;  // Commands with kCandidate, in order.

    // Replies: [reply_begin_, ready_) for the client, [ready_, done_) withheld,
    // [done_, reply_fed_) of a frame that goes on.
    RedisBuffer replies_;
    size_t reply_begin_ = 0;
    size_t ready_ = 0;
    size_t done_ = 0;
    size_t reply_fed_ = 0;
    size_t reply_end_ = 0;
    wire::ReplyScanner reply_;
    bool frame_streamed_ = false;  // The client has the beginning of this frame already.
    bool frame_pushed_ = false;    // And it is a push.
    bool run_waits_ = false;       // A WAIT stands, or will stand, behind what is in flight.
    bool withholding_ = false;     // An answer that needs it has come.

    RedisSetup setup_;
    std::vector<std::string> selected_;  // SELECT inside of MULTI, until EXEC.
    bool scan_multi_ = false;            // MULTI without its end: as the client sees it,
    bool sent_multi_ = false;            // as it was sent,
    bool server_multi_ = false;          // as the server has confirmed it.
    bool server_watch_ = false;
    LocalReply lost_multi_ = LocalReply::kNone;  // What EXEC of a lost transaction gets.
    bool lost_watch_ = false;
    Silence silence_ = Silence::kNone;
    bool raw_ = false;  // MONITOR: everything passes.

    bool client_ended_ = false;
    bool bad_ = false;      // What the client sends is no RESP: nothing more is read.
    bool closing_ = false;  // The client gets what is ready, then the end.
    bool ended_ = false;
    bool noted_busy_ = false;   // As the shard has been told.
    bool again_ = false;        // There is more to do at once.
    bool must_verify_ = false;  // The server was lost: a route newer than lost_serial_ is needed.
    uint64_t lost_serial_ = 0;
    uint32_t lost_slot_ = 0;
    SteadyTime retry_at_{};
    SteadyTime held_since_{};
    SteadyTime move_at_ = SteadyTime::max();
    SteadyTime farewell_ = SteadyTime::max();
    async::List kicked_;  // The coroutine, while it waits.
};

}  // namespace shore::engines
