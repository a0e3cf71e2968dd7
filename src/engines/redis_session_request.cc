// RedisSession: from the client to the server.
#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "engines/redis_session.h"
#include "net/raw_io.h"

namespace shore::engines {

using net::IoResult;
using net::IoStatus;
using wire::RespStatus;

bool RedisSession::wants_client() const {
    const bool room = !requests_ || end_ < requests_.capacity();
    return !client_ended_ && !bad_ && !closing_ && room && queue_.size() < kRedisInFlightMax;
}

bool RedisSession::read_client() {
    if (requests_ && end_ == requests_.capacity() && !make_request_room()) {
        return false;
    }
    if (!wants_client() || !client_is_readable()) {
        return false;
    }
    if (!requests_) {
        requests_ = shard_.buffers().take();
    }
    const size_t space = requests_.capacity() - end_;
    char* const place = requests_.data() + end_;
    const IoResult got =
        tls_ ? tls_->receive_now(place, space) : net::receive_now(client_.get(), place, space);
    if (got.count < space && !tls_) {
        client_watch_.read_drained();
    }
    if (got.status == IoStatus::kAgain) {
        return false;
    }
    if (got.status != IoStatus::kDone) {
        client_ended_ = true;
        ended_ |= got.status == IoStatus::kBroken;
        return false;
    }
    end_ += got.count;
    scan_requests();
    return true;
}

void RedisSession::compact_requests() {
    std::memmove(requests_.data(), requests_.data() + kept_, end_ - kept_);
    for (size_t* const offset : {&sent_, &run_end_, &scanned_, &fed_, &end_}) {
        *offset -= kept_;
    }
    kept_ = 0;
}

/// The buffer is full. False when nothing can be done about it now.
bool RedisSession::make_request_room() {
    if (kept_ == 0 && sent_ == scanned_ && sent_ > 0) {
        // All of it is at the server. A client that sends without reading must not be stopped
        // here, or it never reads: what was sent cannot be sent again then.
        forget_sent();
    }
    if (kept_ > 0) {
        compact_requests();
        return true;
    }
    if (scanned_ == 0 && !streaming_ && may_send() && request_.name_known()) {
        begin_stream();
        return swallow_;
    }
    return false;
}

void RedisSession::forget_sent() {
    for (size_t i = answered_; i < sent_count_; ++i) {
        queue_[i].flags |= RedisPending::kForgotten;
        queue_[i].size = 0;
    }
    kept_ = sent_;
}

/// The buffer is full of one command that goes on: it is sent as it comes.
void RedisSession::begin_stream() {
    streaming_ = true;
    take_command({});
    RedisPending& pending = queue_[queue_.size() - 1];
    pending.flags |= RedisPending::kForgotten;
    swallow_ = pending.local != LocalReply::kNone;
    scanned_ = fed_;
    if (swallow_) {
        kept_ = sent_ = run_end_ = scanned_;
        compact_requests();
    }
}

void RedisSession::scan_requests() {
    while (fed_ < end_ && !bad_ && !stream_tail_) {
        const wire::RespStep step = request_.feed(requests_.data() + fed_, end_ - fed_);
        fed_ += step.used;
        if (step.status == RespStatus::kBad) {
            bad_ = true;
            queue_.push_back({.local = LocalReply::kNoProtocol});
            return;
        }
        const bool done = step.status == RespStatus::kDone;
        if (streaming_) {
            scan_stream(done);
            continue;
        }
        if (!done) {
            return;
        }
        take_command({requests_.data() + scanned_, fed_ - scanned_});
        scanned_ = fed_;
    }
}

void RedisSession::scan_stream(bool done) {
    scanned_ = fed_;
    if (swallow_) {
        kept_ = sent_ = run_end_ = scanned_;
        swallow_ = !done;
        streaming_ = !done;
    } else if (done) {
        streaming_ = false;
        stream_tail_ = true;  // What follows is looked at when this is on its way.
        if (run_waits_ && unsent() == 0) {
            wait_text_ = kRedisWaitText;
        }
    }
}

std::string_view RedisSession::argument(std::string_view bytes, size_t index) const {
    const auto& kept = request_.kept()[index];
    return size_t{kept.offset} + kept.size <= bytes.size() ? bytes.substr(kept.offset, kept.size)
                                                           : std::string_view();
}

/// Notes a command whose end has been found. `bytes` is empty for one that passes in pieces.
void RedisSession::take_command(std::string_view bytes) {
    const RedisCommand command = find_redis_command(request_.name());
    RedisPending pending{.size = static_cast<uint32_t>(bytes.size()), .kind = command.kind};
    pending.flags |= command.writes ? RedisPending::kWrites : 0;
    pending.flags |= command.repeatable ? RedisPending::kRepeatable : 0;
    pending.flags |= command.waits ? RedisPending::kWaits : 0;
    if (silence_ == Silence::kAll) {
        pending.flags |= RedisPending::kSilent;
    } else if (silence_ == Silence::kNext) {
        pending.flags |= RedisPending::kSilent;
        silence_ = Silence::kNone;
    }
    if (request_.arguments() == 0) {
        pending.flags |= RedisPending::kSilent | RedisPending::kRepeatable;
    }
    if (door_ == RedisDoor::kReads && command.writes) {
        pending.local = LocalReply::kReadOnly;
    }
    RedisCounters::add(shard_.mutable_counters().commands);
    if (command.kind != RedisKind::kPlain) {
        switch (command.kind) {
            case RedisKind::kMulti:
                scan_multi_ = true;
                break;
            case RedisKind::kExec:
            case RedisKind::kDiscard:
            case RedisKind::kReset:
                scan_multi_ = false;
                break;
            case RedisKind::kAuth:
            case RedisKind::kHello:
            case RedisKind::kSelect:
                pending.flags |= RedisPending::kCandidate;
                break;
            case RedisKind::kClient:
                if (request_.is_inline()) {
                    alone_ = true;  // Who knows what the connection is now.
                    break;
                }
                take_client_command(pending);
                break;
            case RedisKind::kReplication:
                pending.local = LocalReply::kUnsupported;
                break;
            default:
                if (is_subscription(command.kind)) {
                    pending.expected = request_.arguments() - 1;
                }
                break;
        }
    }
    if (scan_multi_ && command.kind != RedisKind::kMulti) {
        pending.flags |= RedisPending::kQueued;
    }
    if (pending.has(RedisPending::kCandidate)) {
        candidates_.emplace_back(bytes);
    }
    constexpr uint8_t kApart = RedisPending::kQueued | RedisPending::kSilent;
    if (command.kind != RedisKind::kPlain) {
        // What it has made of the connection is not seen: there is no answer, or EXEC's hides it.
        alone_ |= pending.has(RedisPending::kSilent) ||
                  (pending.has(RedisPending::kQueued) && command.kind != RedisKind::kSelect);
    }
    if (command.shared && (pending.flags & kApart) == 0 && !bytes.empty() &&
        wire::is_canonical_command(bytes)) {
        pending.flags |= RedisPending::kShared;
    }
    settle_unsent(pending);
    queue_.push_back(pending);
}

/// CLIENT REPLY decides what is answered from here on; others set up the session.
void RedisSession::take_client_command(RedisPending& pending) {
    const std::string_view bytes(requests_.data() + scanned_, fed_ - scanned_);
    const std::string_view what = argument(bytes, 0);
    const auto is = [](std::string_view text, std::string_view word) {
        return base::equals_ignoring_case(text, word);
    };
    if (is(what, "REPLY")) {
        const std::string_view how = argument(bytes, 1);
        if (is(how, "OFF")) {
            silence_ = Silence::kAll;
            pending.flags |= RedisPending::kSilent;
        } else if (is(how, "SKIP")) {
            silence_ = silence_ == Silence::kAll ? silence_ : Silence::kNext;
            pending.flags |= RedisPending::kSilent;
        } else if (is(how, "ON")) {
            silence_ = Silence::kNone;
            pending.flags &= static_cast<uint8_t>(~RedisPending::kSilent);
        }
        return;
    }
    for (const std::string_view word : {"SETNAME", "SETINFO", "TRACKING", "NO-EVICT", "NO-TOUCH"}) {
        if (is(what, word)) {
            pending.flags |= RedisPending::kCandidate;
        }
    }
}

bool RedisSession::may_send() const {
    return upstream_ && upstream_->phase == RedisUpstream::Phase::kReady && !run_waits_ &&
           move_at_ == SteadyTime::max() && !(door_ == RedisDoor::kPrimary && shard_.route().hold);
}

/// Chooses what is sent next: all commands up to one that is answered here; at most one WAIT's
/// worth. A WAIT inside of an open transaction would only be queued, and after a subscription it
/// would be refused: a run that needs one ends before these.
void RedisSession::build_run() {
    const bool replicated = is_replicated();
    size_t bytes = 0;
    size_t count = 0;
    bool waits = false;
    bool multi = sent_multi_;
    bool begun_here = false;
    size_t multi_bytes = 0;  // The run as it was before a transaction that is still open.
    size_t multi_count = 0;
    bool multi_waits = false;
    const size_t limit = std::min(unsent(), replicated ? kRedisRunMax : SIZE_MAX);
    for (; count < limit; ++count) {
        const RedisPending& pending = queue_[sent_count_ + count];
        if (pending.local != LocalReply::kNone) {
            break;
        }
        if (pending.kind != RedisKind::kPlain) {
            if (waits && is_subscription(pending.kind)) {
                break;
            }
            if (pending.kind == RedisKind::kMulti && !multi) {
                multi = begun_here = true;
                multi_bytes = bytes;
                multi_count = count;
                multi_waits = waits;
            } else if (pending.kind == RedisKind::kExec || pending.kind == RedisKind::kDiscard ||
                       pending.kind == RedisKind::kReset) {
                multi = begun_here = false;
            }
        }
        waits |= replicated && pending.acknowledges();
        bytes += pending.size;
    }
    if (begun_here && multi_waits) {
        multi = false;
        bytes = multi_bytes;
        count = multi_count;
    }
    sent_multi_ = multi;
    sent_count_ += count;
    run_end_ = streaming_ || stream_tail_ ? scanned_ : sent_ + bytes;
    run_waits_ = waits;
    if (waits) {
        RedisCounters::add(shard_.mutable_counters().waits);
        wait_text_ = streaming_ ? std::string_view() : kRedisWaitText;
    }
}

bool RedisSession::send_setup() {
    std::string& setup = upstream_->setup;
    if (setup.empty()) {
        return false;
    }
    const IoResult sent = net::send_now(upstream_->descriptor(), setup);
    if (sent.status == IoStatus::kBroken) {
        lose_upstream(Loss::kBroken);
        return true;
    }
    if (sent.status == IoStatus::kAgain || sent.count < setup.size()) {
        upstream_->watch().write_full();
    }
    setup.erase(0, sent.count);
    return sent.count > 0;
}

bool RedisSession::send_upstream() {
    if (on_lane_ && stays_on_lane()) {
        return false;
    }
    if (!upstream_ || upstream_->phase == RedisUpstream::Phase::kConnecting ||
        !upstream_->watch().writable().await_ready()) {
        return false;
    }
    const bool set_up = send_setup();
    if (!upstream_ || !upstream_->setup.empty() ||
        upstream_->phase != RedisUpstream::Phase::kReady) {
        return set_up;
    }
    if ((streaming_ || stream_tail_) && !swallow_ && unsent() == 0) {
        run_end_ = scanned_;
    } else if (run_end_ == sent_ && wait_text_.empty() && may_send() && unsent() > 0) {
        if (in_flight() == 0 && join_lane()) {
            return true;
        }
        if (must_catch_up()) {
            return in_flight() == 0 ? catch_up() : set_up;
        }
        build_run();
    }
    const size_t size = run_end_ - sent_;
    if (size == 0 && wait_text_.empty()) {
        return set_up;
    }
    const IoResult sent =
        net::send_now(upstream_->descriptor(), {requests_.data() + sent_, size}, wait_text_);
    if (sent.status == IoStatus::kBroken) {
        lose_upstream(Loss::kBroken);
        return true;
    }
    const size_t of_run = std::min(sent.count, size);
    sent_ += of_run;
    wait_text_.remove_prefix(sent.count - of_run);
    if (sent_ < run_end_ || !wait_text_.empty()) {
        upstream_->watch().write_full();
        return sent.count > 0;
    }
    drop_silent();
    if (streaming_ || stream_tail_) {
        forget_sent();
        compact_requests();
        if (stream_tail_) {
            stream_tail_ = false;
            scan_requests();
        }
    }
    return true;
}

}  // namespace shore::engines
