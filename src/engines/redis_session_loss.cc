// RedisSession: when the server is lost, refuses, or is not the primary any more.
#include <algorithm>

#include "engines/redis_session.h"
#include "net/raw_io.h"

namespace shore::engines {

namespace {

/// Errors by which a server says that it has not executed a command and why it cannot now.
constexpr std::string_view kRefusals[] = {"-READONLY", "-NOREPLICAS", "-LOADING", "-MASTERDOWN",
                                          "-UNBLOCKED force"};
/// Those of them which a moment may end.
constexpr std::string_view kPassing[] = {"-NOREPLICAS", "-LOADING", "-MASTERDOWN"};

template <size_t count>
bool starts_with_any(std::string_view text, const std::string_view (&words)[count]) {
    return std::ranges::any_of(words,
                               [text](std::string_view word) { return text.starts_with(word); });
}

}  // namespace

bool RedisSession::must_move() const {
    const RedisRoute& route = shard_.route();
    const uint32_t slot = upstream_->slot();
    if (door_ == RedisDoor::kPrimary) {
        return route.primary != 0 && slot != route.primary && !route.hold;
    }
    const bool reads = std::ranges::find(route.readers, slot) != route.readers.end();
    return !reads && (!route.readers.empty() || slot != route.primary);
}

/// Connects, sets up, moves to where the route leads.
bool RedisSession::advance_upstream() {
    if (!upstream_) {
        return connect_upstream();
    }
    if (upstream_->phase == RedisUpstream::Phase::kConnecting) {
        if (!upstream_->watch().writable().await_ready()) {
            return false;
        }
        if (!net::connect_outcome(upstream_->descriptor())) {
            lose_upstream(Loss::kBroken);
            return true;
        }
        begin_setup();
        return true;
    }
    if (!must_move()) {
        return false;
    }
    // The former primary of an orderly change still answers what it has: it is waited for.
    const SteadyTime now = shard_.loop().now();
    if (shard_.route().orderly && in_flight() > 0) {
        if (move_at_ == SteadyTime::max()) {
            move_at_ = now + kRedisMoveGrace;
        }
        if (now < move_at_) {
            return false;
        }
    }
    lose_upstream(Loss::kMoved);
    return true;
}

bool RedisSession::connect_upstream() {
    const RedisRoute& route = shard_.route();
    const SteadyTime now = shard_.loop().now();
    if (closing_ || ended_ || now < retry_at_) {
        return false;
    }
    uint32_t slot = 0;
    if (door_ == RedisDoor::kReads) {
        slot = shard_.pick_reader(lost_slot_);
    } else if (!route.hold && !(must_verify_ && route.serial <= lost_serial_)) {
        slot = route.primary;
    }
    if (slot == 0) {
        return false;
    }
    must_verify_ = false;
    upstream_ = RedisUpstream::connect(shard_.loop(), shard_.server(slot), slot);
    if (!upstream_) {
        retry_at_ = now + kRedisRetry;
        must_verify_ = true;
        lost_serial_ = route.serial;
        lost_slot_ = slot;
        shard_.suspect(lost_serial_);
        return false;
    }
    if (upstream_->watch().writable().await_ready()) {
        begin_setup();
    }
    return true;
}

void RedisSession::begin_setup() {
    upstream_->setup_answers = setup_.append_commands(upstream_->setup);
    upstream_->phase = upstream_->setup_answers > 0 ? RedisUpstream::Phase::kSettingUp
                                                    : RedisUpstream::Phase::kReady;
    bool answers_due = false;
    for (size_t i = 0; i < queue_.size(); ++i) {
        answers_due |= !queue_[i].has(RedisPending::kSilent);
    }
    if (silence_ == Silence::kAll && !answers_due) {
        upstream_->setup += "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n";
    }
}

/// The connection to the server is no more. Everything that waits for its answers is answered here
/// or sent again.
void RedisSession::lose_upstream(Loss loss) {
    const uint32_t slot = upstream_->slot();
    leave_lane();
    lags_lane_ = catching_up_ = false;
    upstream_.reset();
    move_at_ = SteadyTime::max();
    if (raw_ || frame_streamed_ || setup_.unmovable()) {
        ended_ = true;  // It cannot go on as if nothing had happened.
        return;
    }
    // The beginning of a frame is of no use.
    reply_end_ = reply_fed_ = done_;
    reply_ = {};
    if (closing_) {
        return;
    }
    if (withholding_) {
        release_as(text_of(LocalReply::kUnknown, setup_.resp3()));
    }
    run_waits_ = false;
    wait_text_ = {};
    settle_in_flight(loss);
    lost_serial_ = shard_.route().serial;
    lost_slot_ = slot;
    must_verify_ = loss == Loss::kBroken;
    if (must_verify_) {
        shard_.suspect(lost_serial_);
    }
    if (door_ == RedisDoor::kReads && loss != Loss::kMoved) {
        retry_at_ = shard_.loop().now() + kRedisRetry;
    }
    RedisCounters::add(shard_.mutable_counters().moved);
}

/// What becomes of commands that were sent and not answered.
void RedisSession::settle_in_flight(Loss loss) {
    bool multi = server_multi_;
    for (size_t i = 0; i < sent_count_; ++i) {
        RedisPending& pending = queue_[i];
        if (pending.local == LocalReply::kNone) {
            pending.local = settle(pending, loss, multi);
        }
        if (pending.kind == RedisKind::kMulti) {
            multi = true;
        } else if (pending.kind == RedisKind::kExec || pending.kind == RedisKind::kDiscard ||
                   pending.kind == RedisKind::kReset) {
            multi = false;
            server_watch_ = false;
        }
        if (pending.local == LocalReply::kUnknown) {
            RedisCounters::add(shard_.mutable_counters().unknown);
        }
    }
    if (streaming_ || stream_tail_) {
        // What has come of the command is gone; the rest will be thrown away.
        queue_[queue_.size() - 1].local = LocalReply::kNotSent;
        swallow_ = streaming_;
        stream_tail_ = false;
        kept_ = scanned_;
    }
    if (multi) {
        lost_multi_ = server_watch_ ? LocalReply::kExecNil : LocalReply::kExecAborted;
    } else {
        lost_watch_ |= server_watch_;
    }
    for (size_t i = sent_count_; i < queue_.size(); ++i) {
        settle_unsent(queue_[i]);
    }
    server_multi_ = server_watch_ = sent_multi_ = false;
    selected_.clear();
    sent_count_ = answered_ = 0;
    sent_ = run_end_ = kept_;
    if (fed_ > scanned_ || end_ > fed_) {
        scan_requests();
    }
}

/// kNone: it is sent again.
LocalReply RedisSession::settle(const RedisPending& pending, Loss loss, bool in_multi) {
    const bool not_executed = loss == Loss::kRefused;
    if (pending.has(RedisPending::kSilent) && !pending.has(RedisPending::kRepeatable)) {
        return LocalReply::kSilence;
    }
    switch (pending.kind) {
        case RedisKind::kMulti:
        case RedisKind::kDiscard:
        case RedisKind::kQuit:
            return LocalReply::kOk;
        case RedisKind::kExec:
            if (!not_executed) {
                return LocalReply::kUnknown;
            }
            return server_watch_ ? LocalReply::kExecNil : LocalReply::kExecAborted;
        default:
            break;
    }
    if (in_multi && pending.has(RedisPending::kQueued)) {
        return LocalReply::kQueued;
    }
    const bool again = not_executed || pending.has(RedisPending::kRepeatable);
    return again && !pending.has(RedisPending::kForgotten) ? LocalReply::kNone
                                                           : LocalReply::kUnknown;
}

/// What becomes of a command that is not sent yet, behind a transaction or watched keys that were
/// lost.
void RedisSession::settle_unsent(RedisPending& pending) {
    const RedisKind kind = pending.kind;
    if (lost_multi_ == LocalReply::kNone) {
        if (lost_watch_ && kind == RedisKind::kMulti) {
            lost_multi_ = LocalReply::kExecNil;
            pending.local = LocalReply::kOk;
        } else if (kind == RedisKind::kUnwatch || kind == RedisKind::kReset) {
            lost_watch_ = false;
        }
        return;
    }
    switch (kind) {
        case RedisKind::kExec:
            pending.local = lost_multi_;
            lost_multi_ = LocalReply::kNone;
            lost_watch_ = false;
            break;
        case RedisKind::kDiscard:
            pending.local = LocalReply::kOk;
            lost_multi_ = LocalReply::kNone;
            lost_watch_ = false;
            break;
        case RedisKind::kReset:
            lost_multi_ = LocalReply::kNone;
            lost_watch_ = false;
            break;
        case RedisKind::kQuit:
            pending.local = LocalReply::kOk;
            break;
        default:
            pending.local = LocalReply::kQueued;
            break;
    }
}

bool RedisSession::is_refusal(std::string_view frame) const {
    if (!starts_with_any(frame, kRefusals)) {
        return false;
    }
    if (door_ == RedisDoor::kReads && frame.starts_with("-READONLY")) {
        return false;  // As it should.
    }
    const bool again = in_flight() == 0 || !queue_[answered_].has(RedisPending::kForgotten);
    const bool patient =
        held_since_ == SteadyTime{} || shard_.loop().now() < held_since_ + shard_.options().hold;
    return again && patient;
}

/// The server has not executed the first command in flight, nor any behind it: a server that
/// refuses one for its role refuses all that have come by then.
void RedisSession::refuse(std::string_view frame) {
    const bool passing = starts_with_any(frame, kPassing);
    const SteadyTime since = held_since_;
    reply_fed_ = done_;
    lose_upstream(Loss::kRefused);
    const SteadyTime now = shard_.loop().now();
    held_since_ = since == SteadyTime{} ? now : since;
    retry_at_ = now + kRedisRetry;
    if (!passing) {
        must_verify_ = true;
        shard_.suspect(lost_serial_);
    }
}

/// Commands wait that could be sent if there were a server for them.
bool RedisSession::is_held() const {
    if (unsent() == 0 || queue_[sent_count_].local != LocalReply::kNone) {
        return false;
    }
    const bool ready = upstream_ &&
                       (upstream_->phase == RedisUpstream::Phase::kReady || catching_up_) &&
                       !(door_ == RedisDoor::kPrimary && shard_.route().hold);
    return !ready;
}

/// They have waited for long enough.
void RedisSession::expire() {
    for (size_t i = sent_count_; i < queue_.size(); ++i) {
        RedisPending& pending = queue_[i];
        if (pending.local != LocalReply::kNone) {
            continue;
        }
        if (pending.kind == RedisKind::kMulti) {
            // Its parts must not be executed one by one when a primary comes meanwhile.
            lost_multi_ = LocalReply::kExecAborted;
            pending.local = LocalReply::kOk;
            continue;
        }
        settle_unsent(pending);
        if (pending.local == LocalReply::kNone) {
            pending.local = pending.has(RedisPending::kSilent) ? LocalReply::kSilence
                                                               : LocalReply::kUnavailable;
            RedisCounters::add(shard_.mutable_counters().unavailable);
        }
    }
    held_since_ = {};
}

}  // namespace shore::engines
