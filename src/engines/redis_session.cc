#include "engines/redis_session.h"

#include "async/event.h"
#include "async/ready_by.h"
#include "engines/redis_waiting.h"
#include "net/raw_io.h"

namespace shore::engines {

using async::Task;

class RedisSession::Waiting final : public RedisWaiting {
 public:
    explicit Waiting(RedisSession& session)
        : RedisWaiting(session.shard_.loop()),
          session_(session),
          client_read_(session.client_watch_.readable()),
          client_write_(session.client_watch_.writable()),
          server_read_(server_watch().readable()),
          server_write_(server_watch().writable()) {}

    void await_suspend(std::coroutine_handle<> handle) {
        begin(handle, session_.kicked_);
        const RedisSession& s = session_;
        if (s.wants_client() && s.tls_ && s.tls_->has_pending()) {
            resume_soon();
        } else {
            want(s.wants_client(), client_read_);
        }
        want(s.ready_ > s.reply_begin_ || s.has_unsent(), client_write_);
        if (s.upstream_) {
            const bool connecting = s.upstream_->phase == RedisUpstream::Phase::kConnecting;
            const bool to_send =
                !s.upstream_->setup.empty() || s.run_end_ > s.sent_ || !s.wait_text_.empty();
            want(s.wants_upstream(), server_read_);
            want(connecting || to_send, server_write_);
        }
        want(s.next_moment());
    }
    void await_resume() {
        end();
        client_read_.cancel();
        client_write_.cancel();
        server_read_.cancel();
        server_write_.cancel();
    }

 private:
    async::Watch& server_watch() {
        return session_.upstream_ ? session_.upstream_->watch() : session_.client_watch_;
    }

    RedisSession& session_;
    async::Watch::Readiness client_read_;
    async::Watch::Readiness client_write_;
    async::Watch::Readiness server_read_;
    async::Watch::Readiness server_write_;
};

RedisSession::RedisSession(RedisShard& shard, os::Fd socket, RedisDoor door, RedisWire wire)
    : shard_(shard),
      door_(door),
      client_(std::move(socket)),
      wire_(wire),
      client_watch_(shard.loop()) {
    shard_.add(*this);
}

RedisSession::~RedisSession() {
    leave_lane();
    note_busy(false);
    shard_.remove(*this);
    shard_.buffers().give_back(requests_);
    shard_.buffers().give_back(replies_);
}

Task<void> RedisSession::serve(RedisShard& shard, os::Fd socket, RedisDoor door, RedisWire wire) {
    RedisSession session(shard, std::move(socket), door, wire);
    co_await session.run();
}

Task<void> RedisSession::run() {
    net::keep_alive(client_.get());
    if (!client_watch_.start(client_.get())) {
        co_return;
    }
    if (wire_ == RedisWire::kTls && !co_await shake_hands()) {
        co_return;
    }
    while (true) {
        pump();
        if (ended_) {
            co_return;
        }
        if (again_) {
            co_await async::yield(shard_.loop());
        } else {
            co_await Waiting(*this);
        }
    }
}

/// False when the client speaks no TLS, or takes too long for it.
Task<bool> RedisSession::shake_hands() {
    using Handshake = net::TlsStream::Handshake;
    tls_ = shard_.make_tls(client_watch_, client_.get());
    const async::Deadline deadline = async::Deadline::in(shard_.loop(), kRedisHandshakeTime);
    while (tls_) {
        const Handshake state = tls_->handshake_now();
        if (state == Handshake::kDone) {
            co_return true;
        }
        const auto direction =
            state == Handshake::kWantsRead ? async::Direction::kRead : async::Direction::kWrite;
        if (state == Handshake::kFailed ||
            !co_await async::ReadyBy(client_watch_, direction, deadline)) {
            break;
        }
    }
    co_return false;
}

bool RedisSession::client_is_readable() const {
    return client_watch_.is_readable() || (tls_ && tls_->has_pending());
}

/// Moves what can be moved.
void RedisSession::pump() {
    again_ = true;
    for (int round = 0; round < kRedisRoundsMax && again_ && !ended_; ++round) {
        bool moved = read_client();
        moved |= advance_upstream();
        moved |= send_upstream();
        moved |= read_upstream();
        moved |= answer_locally();
        moved |= send_client();
        again_ = moved;
    }
    look_after();
}

/// What no single byte causes: patience that is over, ends, memory that is not needed.
void RedisSession::look_after() {
    note_busy(is_busy());
    const SteadyTime now = shard_.loop().now();
    if (is_held()) {
        if (held_since_ == SteadyTime{}) {
            held_since_ = now;
            RedisCounters::add(shard_.mutable_counters().held);
        }
        if (now >= held_since_ + shard_.options().hold) {
            expire();
            again_ = true;
        }
    } else if (queue_.empty()) {
        held_since_ = {};
    }
    const bool all_said = ready_ == reply_begin_ && !has_unsent();
    if (closing_ && all_said) {
        ended_ = true;
    }
    if (client_ended_) {
        if (farewell_ == SteadyTime::max()) {
            farewell_ = now + kRedisFarewell;
        }
        // One that waits in a blocking command would take an element that nobody gets.
        const bool blocked = in_flight() > 0 && queue_[answered_].has(RedisPending::kWaits);
        ended_ |= (queue_.empty() && all_said) || raw_ || blocked || now >= farewell_;
    }
    if (requests_ && end_ == kept_ && !streaming_ && !stream_tail_) {
        kept_ = sent_ = run_end_ = scanned_ = fed_ = end_ = 0;
        shard_.buffers().give_back(requests_);
    }
    if (replies_ && reply_end_ == reply_begin_) {
        reply_begin_ = ready_ = done_ = reply_fed_ = reply_end_ = 0;
        shard_.buffers().give_back(replies_);
    }
    if (tls_ && !requests_ && !replies_ && !has_unsent()) {
        tls_->release_buffers();
    }
}

SteadyTime RedisSession::next_moment() const {
    SteadyTime moment = std::min(move_at_, farewell_);
    if (!upstream_ && retry_at_ > shard_.loop().now()) {
        moment = std::min(moment, retry_at_);
    }
    if (held_since_ != SteadyTime{} && is_held()) {
        moment = std::min(moment, held_since_ + shard_.options().hold);
    }
    return moment;
}

void RedisSession::kick() {
    if (async::Node* const node = kicked_.pop_front()) {
        shard_.loop().make_ready(*node);
    }
}

void RedisSession::route_changed() {
    kick();
}

void RedisSession::dismiss() {
    client_ended_ = true;
    kick();
}

void RedisSession::note_busy(bool busy) {
    if (busy != noted_busy_) {
        noted_busy_ = busy;
        shard_.note_busy(busy);
    }
}

bool RedisSession::is_busy() const {
    if (in_flight() == 0) {
        return run_waits_;
    }
    return !queue_[answered_].has(RedisPending::kWaits);
}

}  // namespace shore::engines
