// RedisSession: what goes over a connection that sessions share, and when.
//
// A command fits when it does the same on any connection of the same login (RedisCommand::shared),
// is there as a whole and reads the same to every server. It goes to a lane when nothing of the
// session is in flight on its own connection, where nothing is open that a command would have to
// see there (a transaction, watched keys, subscriptions, tracking), and when enough sessions send
// at the same time for sharing to pay. What does not fit waits until the lane has answered what the
// session has there, and goes to its own connection, as does everything behind it until that is
// answered in turn.
//
// A session whose answers pile up, because they are large or because the client does not read,
// stays on its own connection from then on.
#include <cstring>

#include "engines/redis_lane.h"
#include "engines/redis_session.h"

namespace shore::engines {

/// Nothing but the commands themselves matters to what they do.
bool RedisSession::may_share() const {
    return !alone_ && !raw_ && silence_ == Silence::kNone && !server_multi_ && !server_watch_ &&
           lost_multi_ == LocalReply::kNone && !lost_watch_ && setup_.subscriptions() == 0 &&
           backlog() < kRedisLaneBacklog && may_send() && !upstream_->watch().hung_up();
}

bool RedisSession::is_replicated() const {
    return shard_.options().replicated && door_ == RedisDoor::kPrimary;
}

bool RedisSession::fits_lane(const RedisPending& pending, bool confirms) const {
    const bool keeps_apart = !confirms && is_replicated() && pending.acknowledges();
    return pending.has(RedisPending::kShared) && pending.local == LocalReply::kNone && !keeps_apart;
}

bool RedisSession::next_fits_lane(bool confirms) const {
    return unsent() > 0 && fits_lane(queue_[sent_count_], confirms) && may_share();
}

/// Nothing is in flight: whether what comes next goes to a lane. It is enlisted there then.
bool RedisSession::join_lane() {
    if (!shard_.is_crowded() || reply_end_ != done_ || frame_streamed_ || !next_fits_lane(true)) {
        return false;
    }
    if (lane_login_version_ != setup_.version()) {
        lane_login_version_ = setup_.version();
        lane_key_.answers = setup_.shared_login(lane_key_.login);
        leave_lane();
    }
    if (lane_key_.answers == 0) {
        return false;
    }
    lane_key_.slot = upstream_->slot();
    lane_key_.confirms = false;
    const size_t limit = is_replicated() ? std::min(unsent(), kRedisRunMax) : 0;
    for (size_t i = 0; i < limit && !lane_key_.confirms; ++i) {
        const RedisPending& pending = queue_[sent_count_ + i];
        if (!fits_lane(pending, true)) {
            break;
        }
        lane_key_.confirms = pending.acknowledges();
    }
    RedisLane* const lane = shard_.find_lane(lane_key_);
    if (lane == nullptr) {
        return false;
    }
    if (lane != lane_) {
        leave_lane();
        lane_ = lane;
        lane_->join();
    }
    on_lane_ = enlisted_ = true;
    lane_->enlist(*this);
    return true;
}

/// Whether the session is still on its lane: then only what fits there is sent.
bool RedisSession::stays_on_lane() {
    if (enlisted_) {
        return true;
    }
    if (in_flight() == 0 && !run_waits_) {
        on_lane_ = false;
        lane_retired(*lane_);
        return false;
    }
    if (lane_->is_open() && next_fits_lane(lane_->key().confirms)) {
        enlisted_ = true;
        lane_->enlist(*this);
    }
    return true;
}

/// Called by the lane, which sends: what comes next is put at `place` and counts as sent.
RedisTurn RedisSession::take_turn(std::span<char> place, bool confirms) {
    enlisted_ = false;
    RedisTurn turn;
    if (ended_ || !next_fits_lane(confirms)) {
        kick();
        return turn;
    }
    const size_t limit = std::min(unsent(), kRedisRunMax);
    for (; turn.commands < limit; ++turn.commands) {
        const RedisPending& pending = queue_[sent_count_ + turn.commands];
        if (!fits_lane(pending, confirms) || place.size() - turn.bytes < pending.size) {
            break;
        }
        turn.bytes += pending.size;
        turn.confirms |= confirms && pending.acknowledges();
    }
    std::memcpy(place.data(), requests_.data() + sent_, turn.bytes);
    sent_count_ += turn.commands;
    sent_ += turn.bytes;
    run_end_ = sent_;
    run_waits_ = turn.confirms;
    lags_lane_ = true;
    RedisCounters::add(shard_.mutable_counters().shared, turn.commands);
    return turn;
}

/// WAIT counts the replicas that have what its own connection has written: all that went over a
/// lane must look as if it had come here.
bool RedisSession::must_catch_up() const {
    constexpr uint8_t kWait = RedisPending::kWaits | RedisPending::kRepeatable;
    for (size_t i = sent_count_; lags_lane_ && i < queue_.size(); ++i) {
        if ((queue_[i].flags & kWait) == kWait) {
            return true;
        }
    }
    return false;
}

/// After any command, the server takes everything written so far for this connection's. This one
/// changes nothing and is forbidden to nobody.
bool RedisSession::catch_up() {
    upstream_->setup = "*1\r\n$5\r\nHELLO\r\n";
    upstream_->setup_answers = 1;
    upstream_->phase = RedisUpstream::Phase::kSettingUp;
    lags_lane_ = false;
    catching_up_ = true;
    return true;
}

void RedisSession::turn_away() {
    enlisted_ = false;
    kick();
}

/// Called by the lane: the next answers, whole ones but for the last, of which there may be a part.
void RedisSession::take_replies(std::string_view bytes) {
    if (ended_) {
        return;
    }
    if (!make_room_for(bytes.size())) {
        ended_ = true;
        kick();
        return;
    }
    std::memcpy(replies_.data() + reply_end_, bytes.data(), bytes.size());
    reply_end_ += bytes.size();
    scan_replies();
    if (on_lane_ && !ended_ && reply_fed_ > done_ && !run_waits_) {
        pass_begun_frame();
    }
    alone_ |= backlog() >= kRedisLaneBacklog || frame_streamed_;
    kick();
}

/// False when the client has left more unread than may be.
bool RedisSession::make_room_for(size_t size) {
    if (!replies_) {
        replies_ = shard_.buffers().take();
    }
    if (replies_.capacity() - reply_end_ >= size) {
        return true;
    }
    compact_replies();
    size_t capacity = replies_.capacity();
    while (capacity - reply_end_ < size) {
        capacity *= 2;
    }
    if (capacity > kRedisWithheldBytesMax) {
        return false;
    }
    if (capacity != replies_.capacity()) {
        RedisBufferPool::grow(replies_, capacity, reply_end_);
    }
    return true;
}

void RedisSession::leave_lane() {
    on_lane_ = enlisted_ = false;
    if (lane_ != nullptr) {
        std::exchange(lane_, nullptr)->leave(*this);
    }
}

/// The lane ends without a word: the loop ends.
void RedisSession::forget_lane(const RedisLane& lane) {
    if (lane_ == &lane) {
        lane_ = nullptr;
        on_lane_ = enlisted_ = false;
    }
}

/// It is left when nothing is in flight there.
void RedisSession::lane_retired(const RedisLane& lane) {
    if (lane_ == &lane && lane.is_retired() && !on_lane_) {
        leave_lane();
    }
}

/// What is in flight there is lost, and the server with it, for all that one can know.
void RedisSession::lane_lost(const RedisLane& lane) {
    if (lane.is_denied() && lane.key().login == lane_key_.login) {
        alone_ = true;  // Its password has changed; its own connection lives on.
    }
    if (lane_ != &lane) {
        return;
    }
    const bool is_hit = on_lane_ && (in_flight() > 0 || run_waits_);
    forget_lane(lane);
    if (is_hit) {
        lose_upstream(Loss::kBroken);
    }
    kick();
}

}  // namespace shore::engines
