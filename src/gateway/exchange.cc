// Routing of a request and its tries; one try is in upstream.cc, the answer's way back in relay.cc.
#include "gateway/exchange.h"

#include <algorithm>

#include "async/deadline.h"
#include "gateway/caching.h"
#include "gateway/connection.h"
#include "gateway/request_path.h"
#include "gateway/rewrite.h"
#include "wire/uri.h"

namespace shore::gateway {

using async::Task;
using wire::Framing;

namespace {

/// Counts a request as held for as long as it lives, cancelled or not.
class Held final {
 public:
    explicit Held(size_t& count) : count_(count) { ++count_; }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { --count_; }

 private:
    size_t& count_;
};

}  // namespace

Exchange::Exchange(Shard& shard) : shard_(shard) {
}

Exchange::~Exchange() = default;

void Exchange::begin(Connection& connection) {
    begin_anew();
    connection_ = &connection;
    request_ = &connection.buffer;
}

void Exchange::begin_anew() {
    stream_ = nullptr;
    head_.clear();
    body_bytes_ = 0;
    body_done_ = pump_started_ = continue_awaited_ = tunnel_wanted_ = client_gone_ = false;
    refusal_ = 0;
    tries_ = 0;
    tried_ = 0;
    interims_ = 0;
    hold_until_ = {};
    target_ = nullptr;
    session_member_ = SIZE_MAX;
    client_.reset();
    end_at_ = SteadyTime::max();
    trace_.clear();
    decoder_.reset();
    mirror_.reset();
    extra_fields_.clear();
    log_head_.clear();
    cache_status_ = {};
    answer_started_ = false;
    chunk_ourselves_ = strip_chunks_ = false;
    keep_client_ = false;
    answer_left_ = 0;
    reset_code_ = wire::Http2Code::kInternalError;
    status_ = 0;
    sent_ = 0;
    started_ = shard_.loop().now();
    normal_path_.clear();
    first_body_ = {};
    composed_ = {};
    next_request_ = 0;
}

void Exchange::started() {
    started_ = shard_.loop().now();
}

void Exchange::recycle() {
    if (caching_) {
        clear_caching();
    }
    pump_.reset();
    upstream_.reset();
    leave_stream();
    leave_endpoint();
    leave_upstream();
    answer_.reset();
    encoder_.reset();
    encoded_.reset();
    decoder_.reset();
    mirror_.reset();
    content_ = {};
    composed_room_.reset();
    pump_buffer_.reset();
    route_ = nullptr;
    if (generation_ != nullptr) {
        shard_.release(*std::exchange(generation_, nullptr));
    }
    connection_ = nullptr;
    own_request_.reset();
}

void Exchange::leave_endpoint() {
    if (endpoint_) {
        endpoint_->end_request();
        endpoint_.reset();
    }
}

/// Finds the route by the newest snapshot; a status when there is none.
uint16_t Exchange::route() {
    if (generation_ != nullptr) {
        shard_.release(*generation_);
    }
    generation_ = &shard_.acquire();
    route_ = nullptr;
    target_ = nullptr;
    const Compiled& compiled = *generation_->compiled;
    if (head_.method == wire::Method::kConnect || head_.method == wire::Method::kTrace) {
        return 405;
    }
    if (!normalise()) {
        return 400;
    }
    const auto& listeners = compiled.snapshot().listeners;
    const auto listener = std::ranges::find(listeners, connection_->listener());
    route_ = compiled.router().find(static_cast<uint32_t>(listener - listeners.begin()), view());
    return route_ == nullptr ? 404 : 0;
}

/// Sets normal_path_ for a path that is not plain. False when the path is unsafe.
bool Exchange::normalise() {
    const std::string_view path = head_.path.in((*request_)->filled());
    normal_path_.clear();
    if (is_routed_as_sent(path)) {
        return true;
    }
    auto routed = routed_path(path);
    if (routed) {
        normal_path_ = std::move(*routed);
    }
    return routed.has_value();
}

/// The id that a trusted proxy gave the request, else a fresh one.
void Exchange::choose_request_id() {
    if (head_.size > 0 && shard_.current().trusts(connection_->peer_bytes())) {
        const std::string_view given = believable_request_id((*request_)->filled(), head_);
        request_id_size_ = given.copy(request_id_.data(), request_id_.size());
        if (request_id_size_ > 0) {
            return;
        }
    }
    shard_.write_request_id(request_id_.data());
    request_id_size_ = Shard::kRequestIdLength;
}

/// Settles what of the body came with the head, and checks it. A status when it is refused.
uint16_t Exchange::prepare_body() {
    Buffer& buffer = **request_;
    const uint32_t body = buffer.begin + head_.size;
    const uint32_t available = buffer.end - body;
    const uint64_t limit = generation_->compiled->snapshot().limits.body_bytes.count;
    next_request_ = body;
    if (stream_ != nullptr) {
        return prepare_stream_body();
    }
    if (head_.framing == Framing::kNone) {
        body_done_ = true;
        return 0;
    }
    if (head_.framing == Framing::kLength) {
        if (head_.content_length > limit) {
            return 413;
        }
        const auto first =
            static_cast<uint32_t>(std::min<uint64_t>(available, head_.content_length));
        first_body_ = {buffer.data() + body, first};
        body_bytes_ = first;
        body_left_ = head_.content_length - first;
        body_done_ = body_left_ == 0;
        next_request_ = body + first;
    } else {
        body_filter_.start(decoder_ ? wire::ChunkedOutput::kPayload : wire::ChunkedOutput::kFramed);
        const auto step = body_filter_.run(buffer.data() + body, available);
        if (step.status == wire::ParseStatus::kBad) {
            return wire::status_for(body_filter_.fault());
        }
        first_body_ = {buffer.data() + body, step.produced};
        body_bytes_ = body_filter_.payload_bytes();
        body_done_ = step.status == wire::ParseStatus::kDone;
        next_request_ = body + static_cast<uint32_t>(step.consumed);
    }
    continue_awaited_ = head_.expect_continue && !body_done_ && first_body_.empty();
    return body_bytes_ > limit ? 413 : 0;
}

/// The path as the app sees it, without the query; one that is made here stands in `room`.
std::string_view Exchange::inner_path(std::string& room) const {
    if (route_->program && route_->program->rewrite) {
        room = rewritten_path();
        return room;
    }
    std::string_view path =
        head_.path.empty() ? std::string_view("/") : head_.path.in((*request_)->filled());
    if (!route_->spec->match.strip_prefix || route_->prefix.empty()) {
        return path;
    }
    if (normal_path_.empty() || normal_path_ == path) {
        path.remove_prefix(route_->prefix.size());
    } else {
        room = wire::percent_encode(std::string_view(normal_path_).substr(route_->prefix.size()),
                                    wire::Slash::kKeep);
        path = room;
    }
    return path.empty() ? std::string_view("/") : path;
}

void Exchange::compose_request() {
    Buffer& buffer = **request_;
    const char* const data = buffer.filled();
    const Compiled& compiled = *generation_->compiled;
    RequestRewrite from{.data = data, .head = &head_};
    from.client = connection_->peer();
    from.client_is_ipv6 = connection_->peer_is_ipv6();
    from.secure = connection_->transport().is_secure();
    from.trusted = compiled.trusts(connection_->peer_bytes());
    from.request_id = request_id();
    from.client_certificate = connection_->client_certificate();
    from.traceparent = trace_.text();
    from.trace_continued = trace_.continued();
    from.decoded = decoder_ != nullptr;
    if (decoder_ && decoder_->whole) {
        from.decoded_length = first_body_.size();
    }
    from.fallback_host = "localhost";
    from.upgrade = tunnel_wanted_;
    from.expect_continue = continue_awaited_;
    if (caching_ && caching_->fills) {
        from.unconditional = true;
        from.if_none_match =
            caching_->asks ? std::string_view(caching_->old->origin_tag) : std::string_view();
        from.if_modified_since =
            caching_->asks ? std::string_view(caching_->old->last_modified) : std::string_view();
    }
    std::string made;
    from.path = inner_path(made);
    size_t edit_bytes = 0;
    if (const RouteProgram* const program = route_->program.get()) {
        from.edits = &program->request;
        edit_bytes = program->request.lines().size() + program->request.host().size();
    }
    // In front of nothing and behind everything received: the original stays for another try.
    char* out = buffer.free_space();
    const size_t needed =
        head_.size + made.size() + edit_bytes + from.client_certificate.size() + kHeadGrowthMax;
    if (buffer.free_size() < needed) {
        composed_room_ = shard_.take_large_buffer();
        out = composed_room_->data();
    }
    composed_ = {out, rewrite_request(from, out)};
}

Task<Exchange::After> Exchange::run() {
    choose_request_id();
    if (shard_.current().snapshot().trace) {
        trace_.choose((*request_)->filled(), head_, shard_.random());
    }
    if (const uint16_t status = route(); status != 0) {
        co_return co_await answer_page(status, {});
    }
    if (const uint16_t status = begin_decoding(); status != 0) {
        co_return co_await answer_page(status, {});
    }
    if (const uint16_t status = prepare_body(); status != 0) {
        co_return co_await answer_page(status, {});
    }
    if (decoder_) {
        if (const uint16_t status = decode_first(); status != 0) {
            co_return co_await answer_page(status, {});
        }
        ++shard_.mutable_counters().route(route_->slot).decoded;
    }
    tunnel_wanted_ =
        head_.connection_upgrade && head_.has_upgrade && body_done_ && head_.minor_version == 1;
    if (route_->spec->https_port != 0 && !connection_->transport().is_secure()) {
        co_return co_await redirect_to_https();
    }
    if (route_->spec->match.client_certificate && connection_->client_certificate().empty()) {
        co_return co_await answer_page(403, "This needs a client certificate.");
    }
    if (const auto& refusal = route_->spec->match.actions.refusal; refusal.status != 0) {
        co_return co_await answer_page(refusal.status, refusal.detail);
    }
    if (route_->program && route_->program->redirect) {
        co_return co_await answer_redirect();
    }
    if (route_->upstream == nullptr) {
        co_return co_await serve_file();
    }
    set_deadline();
    if (!route_->cache_name.empty() && may_use_cache()) {
        const cache::Key key = cache_key();
        std::shared_ptr<const cache::Entry> entry = stored(key);
        if (entry && is_ready(*entry)) {
            count_cache(CacheResult::kHit);
            co_return co_await serve_entry(std::move(entry), "hit");
        }
        co_return co_await fetch_cached(key, std::move(entry));
    }
    compose_request();
    begin_mirror();
    co_return co_await proxy();
}

Task<Exchange::After> Exchange::proxy() {
    while (true) {
        if (!shard_.is_current(*generation_)) {
            if (refreshing()) {
                finish();
                co_return After::kClose;  // The next request of a client does it.
            }
            // A newer snapshot: its endpoints, and its route for this request.
            if (const uint16_t status = route(); status != 0) {
                co_return co_await answer_page(status, {});
            }
            tried_ = 0;
            if (route_->upstream == nullptr) {
                co_return co_await answer_page(503, {});
            }
        }
        if (const uint16_t status = co_await admit(); status != 0) {
            co_return co_await answer_failure(status,
                                              "The service has as many requests as it takes.");
        }
        if (!shard_.is_current(*generation_)) {
            continue;  // Another snapshot while it waited.
        }
        Endpoint* const chosen = choose();
        if (chosen == nullptr) {
            if (!co_await hold()) {
                co_return co_await answer_failure(503, "No instance of this service is available.");
            }
            continue;
        }
        chosen->begin_request();
        ++tries_;
        const Try outcome = co_await attempt();
        if (outcome == Try::kAnswered) {
            endpoint_->succeeded();
            if (std::shared_ptr<const cache::Entry> entry = settle_by_cache()) {
                co_return co_await serve_entry(std::move(entry), cache_status_);
            }
            co_return co_await relay();
        }
        after_failure(outcome);
        if (outcome == Try::kClientGone) {
            if (refusal_ != 0) {
                co_return co_await answer_page(refusal_, {});
            }
            finish();
            co_return After::kClose;
        }
        if (!may_retry(outcome)) {
            if (stream_ != nullptr && pump_started_ && !answer_started_ &&
                reset_code_ == wire::Http2Code::kRefusedStream) {
                status_ = 503;  // Nothing has been done: the client may ask again by itself.
                finish();
                co_return After::kClose;
            }
            co_return co_await answer_failure(outcome == Try::kLate ? 504 : 502, {});
        }
        ++shard_.mutable_counters().route(route_->slot).retries;
    }
}

/// Waits a little for an endpoint to come back. False when that has taken too long.
Task<bool> Exchange::hold() {
    async::Loop& loop = shard_.loop();
    if (hold_until_ == SteadyTime{}) {
        hold_until_ = loop.now() + kHoldMax;
    }
    if (loop.now() >= std::min(hold_until_, end_at_) || shard_.held >= kHeldMax ||
        client_hung_up()) {
        co_return false;
    }
    const Held counted(shard_.held);
    co_await shard_.tick().wait();
    co_return true;
}

bool Exchange::may_retry(Try outcome) {
    if (shard_.loop().now() >= end_at_) {
        return false;
    }
    if (pump_started_ || tries_ >= kTriesMax) {
        // A refused connect costs nothing: while holding it may be tried until the hold ends.
        return outcome == Try::kNotSent && !pump_started_ &&
               reset_code_ != wire::Http2Code::kRefusedStream &&
               (hold_until_ == SteadyTime{} || shard_.loop().now() < hold_until_);
    }
    switch (outcome) {
        case Try::kNotSent:
            return true;
        case Try::kLost:
            return wire::is_idempotent(head_.method) && !tunnel_wanted_ && take_retry();
        case Try::kLate:
            // Only this try was late: another instance may still answer in time.
            return wire::is_idempotent(head_.method) && !tunnel_wanted_ &&
                   shard_.loop().now() < started_ + route_->spec->match.timeout &&
                   route_->spec->match.actions.try_timeout > Duration::zero() && take_retry();
        default:
            return false;
    }
}

void Exchange::after_failure(Try outcome) {
    pump_.reset();
    upstream_.reset();
    leave_stream();
    answer_.reset();
    if (outcome != Try::kClientGone) {
        ++shard_.mutable_counters().route(route_->slot).upstream_errors;
        // A kept connection that died says little; a refused one says that nobody is there.
        const bool certain = outcome == Try::kNotSent && !reused_;
        const bool counts = certain || !reused_;
        judge_endpoint(certain, counts);
    }
    leave_endpoint();
}

}  // namespace shore::gateway
