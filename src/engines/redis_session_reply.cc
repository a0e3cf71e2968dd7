// RedisSession: from the server to the client.
#include <algorithm>
#include <cstring>

#include "engines/redis_session.h"
#include "net/raw_io.h"

namespace shore::engines {

using net::IoResult;
using net::IoStatus;
using wire::RespStatus;

std::string_view text_of(LocalReply reply, bool resp3) {
    switch (reply) {
        case LocalReply::kNone:
        case LocalReply::kSilence:
            break;
        case LocalReply::kOk:
            return "+OK\r\n";
        case LocalReply::kQueued:
            return "+QUEUED\r\n";
        case LocalReply::kExecAborted:
            return "-EXECABORT Transaction discarded because the primary was replaced\r\n";
        case LocalReply::kExecNil:
            return resp3 ? "_\r\n" : "*-1\r\n";
        case LocalReply::kUnknown:
            return "-SHOREUNKNOWN the outcome of this command is unknown: the primary was lost "
                   "before it answered\r\n";
        case LocalReply::kNotSent:
            return "-SHOREUNAVAILABLE the primary was lost while this command was being sent; it "
                   "was not executed\r\n";
        case LocalReply::kUnavailable:
            return "-SHOREUNAVAILABLE no primary takes commands; this one was not executed\r\n";
        case LocalReply::kReadOnly:
            return "-READONLY You can't write here: this address is for reads\r\n";
        case LocalReply::kUnsupported:
            return "-ERR the endpoint does not replicate: connect to a server itself\r\n";
        case LocalReply::kNoProtocol:
            return "-ERR Protocol error\r\n";
    }
    return {};
}

namespace {

constexpr std::string_view kNotReplicated =
    "-SHORENOTREPLICATED the primary has executed this command, but no replica has it yet: it may "
    "be lost with the primary\r\n";

/// The text of the first element of an array or push, which is a bulk string; empty otherwise.
std::string_view first_word(std::string_view frame) {
    const size_t line = frame.find("\r\n");
    if (line == std::string_view::npos || line + 3 > frame.size() || frame[line + 2] != '$') {
        return {};
    }
    const size_t begin = frame.find("\r\n", line + 2);
    if (begin == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = frame.substr(begin + 2);
    return rest.substr(0, std::min(rest.find("\r\n"), rest.size()));
}

struct Confirmation {
    std::string_view word;
    RedisKind kind;
};
constexpr Confirmation kConfirmations[] = {
    {"subscribe", RedisKind::kSubscribe},
    {"psubscribe", RedisKind::kPatternSubscribe},
    {"ssubscribe", RedisKind::kShardSubscribe},
    {"unsubscribe", RedisKind::kUnsubscribe},
    {"punsubscribe", RedisKind::kPatternUnsubscribe},
    {"sunsubscribe", RedisKind::kShardUnsubscribe},
};

bool is_message(std::string_view word) {
    return word == "message" || word == "pmessage" || word == "smessage";
}

}  // namespace

bool RedisSession::wants_upstream() const {
    return upstream_ && upstream_->phase != RedisUpstream::Phase::kConnecting && !on_lane_ &&
           (!replies_ || reply_end_ < replies_.capacity());
}

bool RedisSession::read_upstream() {
    if (replies_ && reply_end_ == replies_.capacity() && !make_reply_room()) {
        return false;
    }
    if (!wants_upstream() || !upstream_->watch().is_readable()) {
        return false;
    }
    if (!replies_) {
        replies_ = shard_.buffers().take();
    }
    const size_t space = replies_.capacity() - reply_end_;
    const IoResult got =
        net::receive_now(upstream_->descriptor(), replies_.data() + reply_end_, space);
    if (got.count < space) {
        upstream_->watch().read_drained();
    }
    if (got.status == IoStatus::kAgain) {
        return false;
    }
    if (got.status != IoStatus::kDone) {
        lose_upstream(Loss::kBroken);
        return true;
    }
    reply_end_ += got.count;
    scan_replies();
    return true;
}

/// The buffer is full. False when nothing can be done about it now.
bool RedisSession::make_reply_room() {
    if (reply_begin_ > 0) {
        compact_replies();
        return true;
    }
    const bool whole_needed =
        run_waits_ || (upstream_ && upstream_->phase != RedisUpstream::Phase::kReady);
    if (!whole_needed && ready_ > 0) {
        return false;  // The client takes its time; so does the server then.
    }
    if (!whole_needed) {
        pass_begun_frame();
        return false;
    }
    if (replies_.capacity() >= kRedisWithheldBytesMax) {
        ended_ = true;
        return false;
    }
    RedisBufferPool::grow(replies_, replies_.capacity() * 2, reply_end_);
    return true;
}

void RedisSession::compact_replies() {
    std::memmove(replies_.data(), replies_.data() + reply_begin_, reply_end_ - reply_begin_);
    for (size_t* const offset : {&ready_, &done_, &reply_fed_, &reply_end_}) {
        *offset -= reply_begin_;
    }
    reply_begin_ = 0;
}

/// One frame larger than the buffer: it passes in pieces.
void RedisSession::pass_begun_frame() {
    if (!frame_streamed_) {
        const std::string_view begun(replies_.data() + done_, reply_fed_ - done_);
        frame_pushed_ =
            reply_.type() == '>' || (setup_.subscriptions() > 0 && is_message(first_word(begun)));
    }
    frame_streamed_ = true;
    ready_ = done_ = reply_fed_;
}

void RedisSession::scan_replies() {
    while (reply_fed_ < reply_end_ && !ended_) {
        const char* const data = replies_.data();
        const size_t left = reply_end_ - reply_fed_;
        if (reply_.at_boundary() && data[reply_fed_] == '-' && left < kRedisErrorLineMax &&
            std::memchr(data + reply_fed_, '\n', left) == nullptr) {
            return;  // Errors are looked at whole.
        }
        const wire::RespStep step = reply_.feed(data + reply_fed_, left);
        reply_fed_ += step.used;
        if (step.status == RespStatus::kBad) {
            ended_ = true;
            return;
        }
        if (step.status == RespStatus::kMore) {
            return;
        }
        if (frame_streamed_) {
            frame_streamed_ = false;
            if (frame_pushed_) {
                pass();
            } else {
                drop_silent();
                complete();
            }
        } else if (!on_frame({data + done_, reply_fed_ - done_})) {
            return;
        }
    }
}

/// The whole frame that ends at reply_fed_ goes to the client, now or when it may.
void RedisSession::pass() {
    done_ = reply_fed_;
    if (!withholding_) {
        ready_ = done_;
    }
}

/// It goes nowhere.
void RedisSession::cut() {
    char* const data = replies_.data();
    std::memmove(data + done_, data + reply_fed_, reply_end_ - reply_fed_);
    reply_end_ -= reply_fed_ - done_;
    reply_fed_ = done_;
}

/// False when the server was lost by it: nothing that follows counts.
bool RedisSession::on_frame(std::string_view frame) {
    if (upstream_->phase == RedisUpstream::Phase::kSettingUp) {
        on_setup_answer(frame);
        return upstream_ != nullptr;
    }
    if (raw_) {
        pass();
        return true;
    }
    const char type = reply_.type();
    const bool may_be_published =
        type == '>' ||
        (type == '*' && (setup_.subscriptions() > 0 ||
                         (in_flight() > 0 && is_subscription(queue_[answered_].kind))));
    if (may_be_published && on_publication(frame)) {
        return true;
    }
    drop_silent();
    if (in_flight() > 0) {
        return on_answer(frame);
    }
    if (run_waits_) {
        on_wait_answer(frame);
        return true;
    }
    // An answer that nobody asked for: the server says why it closes the connection.
    pass();
    closing_ = true;
    return true;
}

void RedisSession::on_setup_answer(std::string_view frame) {
    const std::string_view word = first_word(frame);
    if (is_message(word)) {
        pass();
        return;
    }
    if (reply_.type() == '-') {
        if (is_refusal(frame)) {
            refuse(frame);
            return;
        }
        ended_ = true;  // The user is gone, or its password has changed: it must log in again.
        return;
    }
    const bool invalidation = reply_.type() == '>' && word == "invalidate";
    cut();
    if (!invalidation && --upstream_->setup_answers == 0) {
        upstream_->phase = RedisUpstream::Phase::kReady;
        if (std::exchange(catching_up_, false)) {
            return;
        }
        if (setup_.tracking() && setup_.resp3()) {
            // What the client has cached was tracked by the former server.
            insert_reply(">2\r\n$10\r\ninvalidate\r\n_\r\n");
        }
    }
}

/// False when it is no push after all.
bool RedisSession::on_publication(std::string_view frame) {
    const std::string_view word = first_word(frame);
    const auto* const found = std::ranges::find(kConfirmations, word, &Confirmation::word);
    if (found != std::end(kConfirmations)) {
        on_confirmation(found->kind, frame);
        return true;
    }
    if (reply_.type() != '>' && !is_message(word)) {
        return false;
    }
    pass();
    return true;
}

void RedisSession::on_confirmation(RedisKind kind, std::string_view frame) {
    drop_silent();
    const bool awaited = in_flight() > 0 && queue_[answered_].kind == kind;
    if (awaited && queue_[answered_].expected == 0) {
        queue_[answered_].expected =
            static_cast<uint32_t>(std::max<size_t>(setup_.subscriptions(kind), 1));
    }
    if (const auto value = wire::parse_reply(frame)) {
        setup_.subscribed(kind, value->at(1).text);
    }
    if (awaited && --queue_[answered_].expected == 0) {
        complete();
    } else {
        pass();
    }
}

/// Commands that get no answer have been executed when a later one is answered.
void RedisSession::drop_silent() {
    while (in_flight() > 0 && queue_[answered_].has(RedisPending::kSilent)) {
        kept_ += queue_[answered_].size;
        queue_[answered_].size = 0;
        if (withholding_) {
            ++answered_;
        } else {
            pop_front();
        }
    }
}

void RedisSession::pop_front() {
    if (queue_[0].has(RedisPending::kCandidate)) {
        candidates_.pop_front();
    }
    queue_.pop_front();
    --sent_count_;
}

/// The first command in flight has its answer, which ends at reply_fed_.
void RedisSession::complete() {
    held_since_ = {};
    if (in_flight() == 0) {
        pass();
        return;
    }
    RedisPending& pending = queue_[answered_];
    kept_ += pending.size;
    pending.size = 0;
    withholding_ |= run_waits_ && pending.acknowledges();
    if (withholding_) {
        ++answered_;
    } else {
        pop_front();
    }
    pass();
}

bool RedisSession::on_answer(std::string_view frame) {
    const RedisPending pending = queue_[answered_];
    if (frame.front() == '-' && is_refusal(frame)) {
        refuse(frame);
        return false;
    }
    if (pending.kind != RedisKind::kPlain) {
        on_session_answer(pending, frame);
    }
    complete();
    return true;
}

/// An answer to a command that changes the connection.
void RedisSession::on_session_answer(const RedisPending& pending, std::string_view frame) {
    const bool refused = frame.front() == '-';
    const bool queued = pending.has(RedisPending::kQueued);
    if (pending.has(RedisPending::kCandidate) && !refused) {
        // Those of withheld answers stand before it.
        size_t place = 0;
        for (size_t i = 0; i < answered_; ++i) {
            place += queue_[i].has(RedisPending::kCandidate) ? 1 : 0;
        }
        if (!queued) {
            setup_.succeeded(pending.kind, candidates_[place]);
        } else if (pending.kind == RedisKind::kSelect) {
            selected_.push_back(candidates_[place]);
        }
        return;
    }
    switch (pending.kind) {
        case RedisKind::kMulti:
            server_multi_ |= !refused;
            break;
        case RedisKind::kExec:
            if (frame.starts_with('*') && !frame.starts_with("*-1")) {
                for (std::string& command : selected_) {
                    setup_.succeeded(RedisKind::kSelect, std::move(command));
                }
            }
            [[fallthrough]];
        case RedisKind::kDiscard:
            selected_.clear();
            server_multi_ = server_watch_ = false;
            break;
        case RedisKind::kWatch:
            server_watch_ |= !refused && !queued;
            break;
        case RedisKind::kUnwatch:
            server_watch_ &= queued;
            break;
        case RedisKind::kReset:
            setup_.clear();
            server_multi_ = server_watch_ = false;
            break;
        case RedisKind::kQuit:
            closing_ = true;
            break;
        case RedisKind::kMonitor:
            raw_ = !refused && !queued;
            break;
        default:
            break;
    }
}

/// WAIT says how many replicas have everything before it.
void RedisSession::on_wait_answer(std::string_view frame) {
    const bool replicated = frame.front() == ':' && frame.size() > 1 && frame[1] != '0';
    cut();
    if (replicated || !withholding_) {
        release();
    } else {
        release_as(kNotReplicated);
    }
    run_waits_ = false;
}

/// What was withheld is for the client now.
void RedisSession::release() {
    ready_ = done_;
    while (answered_ > 0) {
        --answered_;
        pop_front();
    }
    withholding_ = false;
}

/// The same, with `error` in the place of each answer that says that something was changed.
void RedisSession::release_as(std::string_view error) {
    std::string text;
    wire::ReplyScanner scanner;
    const std::string_view held(replies_.data() + ready_, done_ - ready_);
    size_t place = 0;
    for (size_t begin = 0; begin < held.size();) {
        const wire::RespStep step = scanner.feed(held.data() + begin, held.size() - begin);
        const std::string_view frame = held.substr(begin, step.used);
        begin += step.used;
        while (place < answered_ && queue_[place].has(RedisPending::kSilent)) {
            ++place;
        }
        const bool pushed = scanner.type() == '>';
        const bool changed =
            !pushed && place < answered_ && queue_[place].acknowledges() && scanner.type() != '-';
        text += changed ? error : frame;
        if (changed) {
            RedisCounters::add(shard_.mutable_counters().not_replicated);
        }
        place += pushed ? 0 : 1;
    }
    // In the place of the old ones: cut them, then put these in.
    std::memmove(replies_.data() + ready_, replies_.data() + done_, reply_end_ - done_);
    const size_t gone = done_ - ready_;
    reply_fed_ -= gone;
    reply_end_ -= gone;
    done_ = ready_;
    release();
    insert_reply(text);
}

/// Puts `text` behind the last whole frame, as an answer that is ready.
void RedisSession::insert_reply(std::string_view text) {
    if (!replies_) {
        replies_ = shard_.buffers().take();
    }
    size_t capacity = replies_.capacity();
    while (capacity - reply_end_ < text.size()) {
        capacity *= 2;
    }
    if (capacity != replies_.capacity()) {
        RedisBufferPool::grow(replies_, capacity, reply_end_);
    }
    char* const data = replies_.data();
    std::memmove(data + done_ + text.size(), data + done_, reply_end_ - done_);
    std::memcpy(data + done_, text.data(), text.size());
    reply_end_ += text.size();
    reply_fed_ += text.size();
    done_ += text.size();
    if (!withholding_) {
        ready_ = done_;
    }
}

/// Answers the commands that the session answers itself, when everything before them is answered.
bool RedisSession::answer_locally() {
    bool answered = false;
    while (in_flight() == 0 && !run_waits_ && unsent() > 0 && reply_fed_ == done_ &&
           !frame_streamed_) {
        const RedisPending pending = queue_[0];
        if (pending.local == LocalReply::kNone) {
            break;
        }
        if (!pending.has(RedisPending::kSilent)) {
            insert_reply(text_of(pending.local, setup_.resp3()));
        }
        closing_ |= pending.local == LocalReply::kNoProtocol || pending.kind == RedisKind::kQuit;
        kept_ += pending.size;
        sent_ = run_end_ = kept_;
        if (pending.has(RedisPending::kCandidate)) {
            candidates_.pop_front();
        }
        queue_.pop_front();
        answered = true;
    }
    return answered;
}

bool RedisSession::send_client() {
    if ((ready_ == reply_begin_ && !has_unsent()) || !client_watch_.writable().await_ready()) {
        return false;
    }
    const std::string_view text(replies_ ? replies_.data() + reply_begin_ : "",
                                ready_ - reply_begin_);
    const IoResult sent = tls_ ? tls_->send_now(text, {}) : net::send_now(client_.get(), text);
    if (sent.status == IoStatus::kBroken) {
        ended_ = true;
        return true;
    }
    reply_begin_ += sent.count;
    if (on_lane_) {
        lane_->client_took();
    }
    if (reply_begin_ < ready_) {
        if (!tls_) {
            client_watch_.write_full();
        }
    } else if (reply_begin_ == reply_end_) {
        reply_begin_ = ready_ = done_ = reply_fed_ = reply_end_ = 0;
    }
    return sent.count > 0;
}

}  // namespace shore::engines
