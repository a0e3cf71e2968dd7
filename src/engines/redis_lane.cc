#include "engines/redis_lane.h"

#include <algorithm>
#include <cstring>

#include "engines/redis_session.h"
#include "engines/redis_waiting.h"
#include "net/raw_io.h"

namespace shore::engines {

using async::Task;
using net::IoResult;
using net::IoStatus;
using wire::RespStatus;
using Phase = RedisUpstream::Phase;

class RedisLane::Waiting final : public RedisWaiting {
 public:
    explicit Waiting(RedisLane& lane)
        : RedisWaiting(lane.shard_.loop()),
          lane_(lane),
          read_(lane.upstream_->watch().readable()),
          write_(lane.upstream_->watch().writable()) {}

    void await_suspend(std::coroutine_handle<> handle) {
        begin(handle, lane_.kicked_);
        if (lane_.again_) {
            resume_soon();  // When the sessions of this turn have had theirs.
        }
        const RedisUpstream& upstream = *lane_.upstream_;
        const bool connecting = upstream.phase == Phase::kConnecting;
        const bool to_send = !upstream.setup.empty() || lane_.out_end_ > lane_.sent_;
        want(!connecting && lane_.pause_end_ == SteadyTime::max(), read_);
        want(connecting || to_send, write_);
        want(lane_.next_moment());
    }
    void await_resume() {
        end();
        read_.cancel();
        write_.cancel();
    }

 private:
    RedisLane& lane_;
    async::Watch::Readiness read_;
    async::Watch::Readiness write_;
};

RedisLane::RedisLane(RedisShard& shard, RedisLaneKey key)
    : shard_(shard),
      key_(std::move(key)),
      out_(std::make_unique_for_overwrite<char[]>(kRedisLaneBytes + kRedisWaitText.size())),
      in_(std::make_unique_for_overwrite<char[]>(kRedisLaneBytes)) {
    shard_.add_lane(*this);
}

RedisLane::~RedisLane() {
    shard_.remove_lane(*this);
}

Task<void> RedisLane::serve(RedisShard& shard, RedisLaneKey key) {
    RedisLane lane(shard, std::move(key));
    co_await lane.run();
    shard.lose_lane(lane);
}

Task<void> RedisLane::run() {
    upstream_ = RedisUpstream::connect(shard_.loop(), shard_.server(key_.slot), key_.slot);
    if (!upstream_) {
        co_return;
    }
    while (true) {
        pump();
        if (ended_) {
            co_return;
        }
        co_await Waiting(*this);
    }
}

/// Moves what can be moved.
void RedisLane::pump() {
    again_ = true;
    for (int round = 0; round < kRedisRoundsMax && again_ && !ended_; ++round) {
        bool moved = advance();
        moved |= send();
        moved |= receive();
        again_ = moved;
    }
    look_after();
}

void RedisLane::look_after() {
    const RedisRoute& route = shard_.route();
    const bool serves = key_.slot == route.primary ||
                        std::ranges::find(route.readers, key_.slot) != route.readers.end();
    if (!serves) {
        retire();
    }
    if (members_ > 0) {
        idle_since_ = SteadyTime::max();
    } else if (idle_since_ == SteadyTime::max()) {
        idle_since_ = shard_.loop().now();
    }
    if (members_ == 0 && (retired_ || shard_.loop().now() >= idle_since_ + kRedisLaneIdle)) {
        ended_ = true;
    }
}

SteadyTime RedisLane::next_moment() const {
    const SteadyTime idle =
        idle_since_ == SteadyTime::max() ? SteadyTime::max() : idle_since_ + kRedisLaneIdle;
    return std::min(pause_end_, idle);
}

void RedisLane::kick() {
    if (async::Node* const node = kicked_.pop_front()) {
        shard_.loop().make_ready(*node);
    }
}

/// Whoever has nothing in flight here goes elsewhere.
void RedisLane::retire() {
    if (std::exchange(retired_, true)) {
        return;
    }
    for (RedisSession* const session : std::exchange(enlisted_, {})) {
        session->turn_away();
    }
    shard_.retire_lane(*this);
}

void RedisLane::enlist(RedisSession& session) {
    enlisted_.push_back(&session);
    if (may_gather()) {
        kick();
    }
}

void RedisLane::leave(RedisSession& session) {
    std::erase(enlisted_, &session);
    std::ranges::replace(confirmed_, &session, nullptr);
    for (size_t i = first_; i < parts_.size(); ++i) {
        if (parts_[i].session == &session) {
            parts_[i].session = nullptr;
        }
    }
    if (overdue_ == &session) {
        overdue_ = nullptr;
    }
    --members_;
    if (members_ == 0 || pause_end_ != SteadyTime::max()) {
        kick();
    }
}

/// Connects and logs in.
bool RedisLane::advance() {
    if (upstream_->phase != Phase::kConnecting || !upstream_->watch().writable().await_ready()) {
        return false;
    }
    if (!net::connect_outcome(upstream_->descriptor())) {
        ended_ = true;
        return false;
    }
    upstream_->setup = key_.login;
    upstream_->setup_answers = key_.answers;
    upstream_->phase = Phase::kSettingUp;
    return true;
}

/// Nothing may stand behind a WAIT: the server would not look at it before that is answered.
bool RedisLane::may_gather() const {
    return phase_is(Phase::kReady) && sent_ == out_end_ && !waits_ && runs_ < kRedisLaneRuns;
}

void RedisLane::gather() {
    sent_ = out_end_ = 0;
    size_t taken = 0;
    bool confirms = false;
    for (; taken < enlisted_.size() && kRedisLaneBytes - out_end_ >= kRedisBufferBytes; ++taken) {
        RedisSession& session = *enlisted_[taken];
        const RedisTurn turn =
            session.take_turn({out_.get() + out_end_, kRedisLaneBytes - out_end_}, key_.confirms);
        if (turn.commands == 0) {
            continue;
        }
        out_end_ += turn.bytes;
        parts_.push_back({.session = &session, .answers = turn.commands});
        if (turn.confirms) {
            confirmed_.push_back(&session);
            confirms = true;
        }
    }
    enlisted_.erase(enlisted_.begin(), enlisted_.begin() + static_cast<std::ptrdiff_t>(taken));
    if (out_end_ > 0) {
        parts_.back().last = true;
        ++runs_;
    }
    if (confirms) {
        std::memcpy(out_.get() + out_end_, kRedisWaitText.data(), kRedisWaitText.size());
        out_end_ += kRedisWaitText.size();
        waits_ = true;
        RedisCounters::add(shard_.mutable_counters().waits);
    }
}

bool RedisLane::send() {
    if (upstream_->phase == Phase::kConnecting || !upstream_->watch().writable().await_ready()) {
        return false;
    }
    std::string& setup = upstream_->setup;
    if (may_gather() && !enlisted_.empty()) {
        gather();
    }
    const std::string_view text =
        setup.empty() ? std::string_view(out_.get() + sent_, out_end_ - sent_) : setup;
    if (text.empty()) {
        return false;
    }
    const IoResult sent = net::send_now(upstream_->descriptor(), text);
    if (sent.status == IoStatus::kBroken) {
        ended_ = true;
        return false;
    }
    if (sent.count < text.size()) {
        upstream_->watch().write_full();
    }
    if (setup.empty()) {
        sent_ += sent.count;
    } else {
        setup.erase(0, sent.count);
    }
    return sent.count > 0;
}

/// Whose answer comes next has not taken what it has by now. Others wait behind it: not for ever.
bool RedisLane::is_paused() {
    RedisSession* const session = first_ < parts_.size() ? parts_[first_].session : nullptr;
    const bool pausing = pause_end_ != SteadyTime::max();
    const size_t limit = pausing ? kRedisLaneBacklogMax / 2 : kRedisLaneBacklogMax;
    if (session == nullptr || session->backlog() < limit || session == overdue_) {
        pause_end_ = SteadyTime::max();
        return false;
    }
    const SteadyTime now = shard_.loop().now();
    if (!pausing) {
        pause_end_ = now + kRedisLanePause;
        retire();
    } else if (now >= pause_end_) {
        overdue_ = session;
        pause_end_ = SteadyTime::max();
        return false;
    }
    return true;
}

bool RedisLane::receive() {
    if (ended_ || upstream_->phase == Phase::kConnecting || !upstream_->watch().is_readable() ||
        is_paused()) {
        return false;
    }
    make_room();
    const size_t space = kRedisLaneBytes - end_;
    const IoResult got = net::receive_now(upstream_->descriptor(), in_.get() + end_, space);
    if (got.count < space) {
        upstream_->watch().read_drained();
    }
    if (got.status == IoStatus::kAgain) {
        return false;
    }
    if (got.status != IoStatus::kDone) {
        ended_ = true;
        return false;
    }
    end_ += got.count;
    distribute();
    return true;
}

void RedisLane::make_room() {
    if (begin_ == end_) {
        begin_ = whole_ = fed_ = end_ = 0;
    }
    if (end_ < kRedisLaneBytes) {
        return;
    }
    if (begin_ == 0) {
        hand_out(fed_);  // One answer larger than the buffer: it passes in pieces.
    }
    std::memmove(in_.get(), in_.get() + begin_, end_ - begin_);
    for (size_t* const offset : {&whole_, &fed_, &end_}) {
        *offset -= begin_;
    }
    begin_ = 0;
}

/// Finds the ends of answers and gives them to those who wait for them.
void RedisLane::distribute() {
    while (fed_ < end_ && !ended_) {
        const wire::RespStep step = scanner_.feed(in_.get() + fed_, end_ - fed_);
        fed_ += step.used;
        if (step.status == RespStatus::kMore) {
            break;
        }
        // A push is nobody's here: what comes cannot be told apart any more.
        if (step.status == RespStatus::kBad || scanner_.type() == '>') {
            ended_ = true;
            break;
        }
        on_frame();
    }
    hand_out(whole_);
}

/// An answer ends at fed_.
void RedisLane::on_frame() {
    if (upstream_->phase == Phase::kSettingUp) {
        is_denied_ |= scanner_.type() == '-';
        ended_ |= is_denied_;
        begin_ = whole_ = fed_;
        if (--upstream_->setup_answers == 0) {
            upstream_->phase = Phase::kReady;
        }
        return;
    }
    if (first_ < parts_.size()) {
        whole_ = fed_;
        if (--parts_[first_].answers == 0) {
            hand_out(whole_);
            pop_part();
        }
        return;
    }
    if (!waits_) {
        ended_ = true;  // The server says why it closes the connection.
        return;
    }
    const std::string_view frame(in_.get() + begin_, fed_ - begin_);
    begin_ = whole_ = fed_;
    waits_ = false;
    for (RedisSession* const session : confirmed_) {
        if (session != nullptr) {
            session->take_replies(frame);
        }
    }
    confirmed_.clear();
}

/// [begin_, end) is the first part's.
void RedisLane::hand_out(size_t end) {
    if (end == begin_) {
        return;
    }
    const std::string_view bytes(in_.get() + begin_, end - begin_);
    begin_ = whole_ = end;
    if (first_ < parts_.size() && parts_[first_].session != nullptr) {
        parts_[first_].session->take_replies(bytes);
    }
}

void RedisLane::pop_part() {
    runs_ -= parts_[first_].last ? 1 : 0;
    if (++first_ == parts_.size()) {
        parts_.clear();
        first_ = 0;
    } else if (first_ >= kRedisLanePartsKept) {
        parts_.erase(parts_.begin(), parts_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
    }
}

}  // namespace shore::engines
