// The response cache's part in an exchange: answers from memory; what is missing or too old is
// fetched once for all who wait, with the stored answer's validators, and a copy is kept while it
// goes to the client. HTTP's rules are in the room cache.
//
// What is stored is the answer as it is sent, so encoded bodies are encoded once; clients that
// accept other codings get an answer of their own by Vary.
//
// A hit: one look-up under a lock held for a moment, one copy of the head and of a body up to 16
// KiB into a pooled buffer, one send; no allocation.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "cache/reply.h"
#include "gateway/caching.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "wire/ascii.h"

namespace shore::gateway {

using async::Task;
using cache::Boarding;
using cache::Entry;
using cache::Landing;
using cache::Use;
using wire::FieldId;
using wire::Method;

namespace {

static_assert(cache::kHeadBytesMax + 1024 + kSmallAnswerMax <= kBufferBytes);

int64_t seconds(Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

bool is_safe(Method method) {
    return method == Method::kGet || method == Method::kHead || method == Method::kOptions;
}

/// RFC 5861 section 4: what counts as an error.
bool is_error(uint16_t status) {
    return status == 500 || status == 502 || status == 503 || status == 504;
}

/// "shore; hit; ttl=12" (RFC 9211).
std::string_view write_status(std::string_view what, int64_t ttl, std::array<char, 128>& out) {
    char* at = out.data();
    const auto put = [&at](std::string_view text) { at += text.copy(at, text.size()); };
    put("shore; ");
    put(what);
    put("; ttl=");
    at = std::to_chars(at, out.data() + out.size(), ttl).ptr;
    return {out.data(), static_cast<size_t>(at - out.data())};
}

}  // namespace

cache::RequestView Exchange::request_view() const {
    return {.data = (*request_)->filled(), .head = &head_};
}

cache::Policy Exchange::cache_policy() const {
    const model::CachePolicy& policy = route_->spec->match.cache;
    return {.negative = policy.negative, .heuristic = policy.heuristic, .reload = policy.reload};
}

/// The path as the app sees it, and what a trusted proxy tells the app about where clients see it.
std::string_view Exchange::write_inner(std::string& room) const {
    const std::string_view path = inner_path(room);
    if (!generation_->compiled->trusts(connection_->peer_bytes())) {
        return path;
    }
    std::string told;
    for (const FieldId id :
         {FieldId::kXForwardedHost, FieldId::kXForwardedPort, FieldId::kXForwardedPrefix}) {
        if (const wire::Field* const field = head_.find(id)) {
            told += '|';
            told += field->value.in((*request_)->filled());
        }
    }
    if (told.empty()) {
        return path;
    }
    room = std::string(path) + told;
    std::ranges::replace(room, ' ', '+');
    return room;
}

/// As the client's browser sees it.
bool Exchange::is_https() const {
    if (generation_->compiled->trusts(connection_->peer_bytes())) {
        if (const wire::Field* const field = head_.find(FieldId::kXForwardedProto)) {
            return wire::equals_lower_case(field->value.in((*request_)->filled()), "https");
        }
    }
    return connection_->transport().is_secure();
}

/// The text of the key stands in the loop's scratch; empty when it is too long.
cache::Key Exchange::cache_key() {
    if (target_ == nullptr && route_->program && !route_->program->targets.empty()) {
        choose_target();  // The services of a split do not share answers.
    }
    const CompiledUpstream* const owner = target_ != nullptr ? target_ : route_->upstream;
    const char* const data = (*request_)->filled();
    std::string room;
    const std::string_view text =
        cache::write_key({.scheme = is_https() ? "https" : "http",
                          .authority = head_.authority.in(data),
                          .path = head_.path.in(data),
                          .query = head_.query.in(data),
                          .owner = owner != nullptr ? owner->name : std::string_view(),
                          .route = route_->cache_name,
                          .inner = write_inner(room)},
                         shard_.scratch());
    return shard_.shared().cache->key(text);
}

/// Whether a stored answer may answer the request; says otherwise in cache_status_.
bool Exchange::may_use_cache() {
    if (head_.method != Method::kGet && head_.method != Method::kHead) {
        cache_status_ = "fwd=method";
    } else if (head_.framing != wire::Framing::kNone || tunnel_wanted_ ||
               !connection_->client_certificate().empty() ||  // The app may answer by it.
               head_.find(FieldId::kIfMatch) != nullptr ||
               head_.find(FieldId::kIfUnmodifiedSince) != nullptr) {
        cache_status_ = "fwd=bypass";
    } else {
        return true;
    }
    count_cache(CacheResult::kBypass);
    return false;
}

void Exchange::count_cache(CacheResult result) {
    ++shard_.mutable_counters().route(route_->slot).cache[static_cast<size_t>(result)];
}

/// What is stored for the request; see is_ready().
std::shared_ptr<const Entry> Exchange::stored(const cache::Key& key) {
    return key.text.empty() ? nullptr : shard_.shared().cache->find(key, request_view());
}

/// True when it can be sent as it is.
bool Exchange::is_ready(const Entry& entry) const {
    return entry.use(shard_.loop().now()) == Use::kFresh &&
           (!route_->spec->match.cache.reload ||
            !cache::wishes_of(request_view(), cache_policy()).reload);
}

/// Sends a stored answer, or what of it the request asks for.
Task<Exchange::After> Exchange::serve_entry(std::shared_ptr<const Entry> entry,
                                            std::string_view status) {
    if (refreshing()) {
        finish();
        co_return After::kClose;
    }
    const cache::Reply reply = cache::plan_reply(*entry, request_view());
    const SteadyTime now = shard_.loop().now();
    const CompiledEdits* const edits = route_->program ? &route_->program->response : nullptr;
    const auto told = [edits](std::string_view name) {
        return edits == nullptr || !edits->drops(name);
    };
    status_ = reply.status;
    cache_status_ = status;
    keep_client_ = head_.keep_alive && body_done_ && !shard_.stopping();
    std::array<char, 128> room;
    const std::string_view cache_status =
        write_status(status, seconds(entry->time_left(now)), room);
    const cache::ReplyHead with{
        .age_seconds = seconds(entry->age(now)),
        .cache_status = told("cache-status") ? cache_status : std::string_view(),
        .request_id = told("x-request-id") ? request_id() : std::string_view(),
        .connection_line = !keep_client_              ? "Connection: close\r\n"
                           : head_.minor_version == 0 ? "Connection: keep-alive\r\n"
                                                      : ""};
    answer_ = shard_.take_buffer();
    char* const begin = answer_->data();
    size_t size = cache::write_head(*entry, reply, with, begin);
    std::string_view body;
    if (reply.has_body) {
        body = std::string_view(*entry->body).substr(reply.first, reply.count);
    }
    if (body.size() <= kSmallAnswerMax) {
        size += body.copy(begin + size, body.size());
        body = {};
    }
    answer_started_ = true;
    sent_ += size + body.size();
    const bool sent = co_await deliver({begin, size}, body);
    answer_.reset();
    finish();
    co_return sent&& keep_client_ ? After::kKeep : After::kClose;
}

/// Asks the app for what is not stored, or not fresh (`entry`; else null).
Task<Exchange::After> Exchange::fetch_cached(cache::Key key, std::shared_ptr<const Entry> entry) {
    if (key.text.empty()) {
        cache_status_ = "fwd=bypass";
        count_cache(CacheResult::kBypass);
        compose_request();
        begin_mirror();
        co_return co_await proxy();
    }
    cache::Cache& cache = *shard_.shared().cache;
    const cache::Wishes wishes = cache::wishes_of(request_view(), cache_policy());
    caching_ = std::make_unique<Caching>();
    caching_->key = key.text;
    caching_->route = route_->cache_name;
    caching_->hash = key.hash;
    caching_->fills = head_.method == Method::kGet && head_.minor_version == 1 &&
                      head_.find(FieldId::kRange) == nullptr && !wishes.no_store;
    const SteadyTime last = shard_.loop().now() + kFlightWaitMax;
    Boarding boarding = board();
    if (!entry && boarding != Boarding::kFollow && cache.has_tier()) {
        entry = co_await cache.find_behind(shard_.loop(), caching_->stored_under(), request_view());
        if (entry && is_ready(*entry)) {
            count_cache(CacheResult::kDiskHit);
            co_return co_await serve_entry(std::move(entry), "hit; detail=disk");
        }
    }
    if (entry && !wishes.reload && entry->use(shard_.loop().now()) == Use::kRefresh) {
        count_cache(CacheResult::kStale);
        refresh_aside(entry);
        co_return co_await serve_entry(std::move(entry), "hit; detail=stale");
    }
    if (wishes.only_if_cached) {
        cache_status_ = "detail=only-if-cached";
        extra_fields_ = "Cache-Status: shore; detail=only-if-cached\r\n";
        co_return co_await answer_page(
            504, "Nothing fresh is stored, and only-if-cached asks for nothing else.");
    }
    while (boarding == Boarding::kFollow) {
        co_await wait_for_flight(last);
        entry = cache.find(caching_->stored_under(), request_view());
        if (entry && !wishes.reload && entry->use(shard_.loop().now()) != Use::kAsk) {
            count_cache(CacheResult::kCollapsed);
            co_return co_await serve_entry(std::move(entry), "fwd=miss; collapsed");
        }
        boarding = shard_.loop().now() < last && !client_hung_up() ? board() : Boarding::kAlone;
    }
    if (boarding == Boarding::kPassed && has_conditions()) {
        caching_->fills = false;  // The app's 304 is worth more than a copy that cannot be kept.
    }
    cache_status_ = wishes.reload ? "fwd=request" : entry ? "fwd=stale" : "fwd=miss";
    ask_about(std::move(entry));
    compose_request();
    begin_mirror();
    co_return co_await proxy();
}

/// Whether this request fetches for all.
Boarding Exchange::board() {
    if (!caching_->fills) {
        return Boarding::kAlone;
    }
    const Boarding boarding =
        shard_.shared().cache->flights().begin(caching_->hash, shard_.loop().now());
    caching_->leads = boarding == Boarding::kLead;
    return boarding;
}

/// The request to the app will carry the stored answer's validators, if it has some.
void Exchange::ask_about(std::shared_ptr<const Entry> entry) {
    caching_->asks =
        caching_->fills && entry && (!entry->origin_tag.empty() || !entry->last_modified.empty());
    caching_->old = std::move(entry);
    caching_->asked = shard_.loop().now();
    caching_->epoch = shard_.shared().cache->epoch(caching_->hash);
}

bool Exchange::has_conditions() const {
    return head_.find(FieldId::kIfNoneMatch) != nullptr ||
           head_.find(FieldId::kIfModifiedSince) != nullptr;
}

/// Waits until the fetch that others make has ended, or `last`.
Task<void> Exchange::wait_for_flight(SteadyTime last) {
    cache::Flights& flights = shard_.shared().cache->flights();
    while (flights.is_under_way(caching_->hash) && shard_.loop().now() < last &&
           !client_hung_up()) {
        // The leader pulses it when it is of this loop; another loop's end is seen by the tick.
        co_await shard_.tick().wait();
    }
}

/// After a failure: the stored answer, when the origin has allowed it for that (RFC 5861), else the
/// page.
Task<Exchange::After> Exchange::answer_failure(uint16_t status, std::string_view detail) {
    if (caching_) {
        caching_->landing = Landing::kFailed;
        if (caching_->old && !answer_started_ && !refreshing() &&
            caching_->old->covers_errors(shard_.loop().now())) {
            count_cache(CacheResult::kStale);
            return serve_entry(caching_->old, "fwd=stale; detail=stale-if-error");
        }
    }
    return answer_page(status, detail);
}

/// What the stored answer becomes by the app's answer, whose head is there: renewed by a 304, or in
/// place of an error. Null: the app's answer goes to the client.
std::shared_ptr<const Entry> Exchange::settle_by_cache() {
    if (!caching_ || !caching_->old) {
        return nullptr;
    }
    const SteadyTime now = shard_.loop().now();
    if (is_error(answer_head_.status) && caching_->old->covers_errors(now)) {
        caching_->landing = Landing::kFailed;
        upstream_.reset();
        if (!refreshing()) {
            count_cache(CacheResult::kStale);
        }
        cache_status_ = "fwd=stale; detail=stale-if-error";
        return caching_->old;
    }
    if (answer_head_.status != 304 || !caching_->asks) {
        return nullptr;
    }
    caching_->fills = caching_->fills && is_meant_for_key();
    if (!refreshing()) {
        count_cache(CacheResult::kRevalidated);
    }
    cache_status_ = "fwd=stale; fwd-status=304";
    return renewed_by_answer(now);
}

/// The stored answer with the fields of the 304 that is there, as a client would get them.
std::shared_ptr<const Entry> Exchange::renewed_by_answer(SteadyTime now) {
    cache::Cache& cache = *shard_.shared().cache;
    keep_client_ = true;
    plan_content();
    const size_t size = rewrite_answer_head();
    wire::ResponseHead head;
    const wire::HeadLimits limits{.fields_max = wire::kFieldsMax};
    std::shared_ptr<const Entry> renewed;
    if (wire::parse_response(shard_.scratch(), size, limits, head_.method, head) ==
        wire::ParseStatus::kDone) {
        renewed =
            cache::renew(*caching_->old, {.request = request_view(),
                                          .response = {.data = shard_.scratch(), .head = &head},
                                          .policy = cache_policy(),
                                          .wall_now = shard_.loop().wall_now(),
                                          .now = now,
                                          .waited = now - caching_->asked});
    }
    answer_->begin += answer_head_.size;
    answer_left_ = 0;
    keep_upstream();
    if (!renewed) {
        cache.invalidate(caching_->stored_under());
        return caching_->old;  // It holds for this request, and is not kept.
    }
    if (caching_->fills) {
        cache.store(renewed, caching_->epoch);
    }
    return renewed;
}

/// With the head of the app's answer there: decides whether a copy is kept, and drops what a
/// request that changes something has made untrue (RFC 9111 section 4.4).
void Exchange::plan_cache() {
    const uint16_t status = answer_head_.status;
    cache::Cache& cache = *shard_.shared().cache;
    if (!is_safe(head_.method) && status >= 200 && status < 400 && !cache.empty()) {
        if (const cache::Key key = cache_key(); !key.text.empty()) {
            cache.invalidate(key);
        }
    }
    if (!caching_) {
        return;
    }
    if (!refreshing()) {
        count_cache(CacheResult::kMiss);
    }
    if (!caching_->fills) {
        return;
    }
    if (!is_meant_for_key()) {
        end_flight(Landing::kFailed);  // Those who wait ask by the newer snapshot.
        return;
    }
    caching_->answered = shard_.loop().now();
    const cache::ResponseView answer{.data = answer_->filled(), .head = &answer_head_};
    caching_->judgement =
        cache::judge(request_view(), answer, cache_policy(), shard_.loop().wall_now(),
                     caching_->answered - caching_->asked);
    const uint64_t body_max = generation_->compiled->snapshot().content.cache.object.count;
    const bool with_length = answer_head_.framing == wire::Framing::kLength && !encoder_;
    const size_t size = with_length ? answer_head_.content_length : kRecordStep;
    if (caching_->judgement.verdict != cache::Verdict::kStore || (with_length && size > body_max) ||
        !cache.reserve(size)) {
        end_flight(is_error(status) ? Landing::kFailed : Landing::kNotStorable);
        return;
    }
    caching_->reserved = size;
    if (const wire::Field* const tag = answer_head_.find(FieldId::kEtag)) {
        caching_->origin_tag = tag->value.in(answer.data);
    }
    caching_->recorder = std::make_unique<cache::Recorder>(body_max);
    cache_status_ = caching_->old ? "fwd=stale; stored" : "fwd=miss; stored";
}

/// A newer snapshot may have sent the request elsewhere since its key was written.
bool Exchange::is_meant_for_key() const {
    const CompiledUpstream* const owner = target_ != nullptr ? target_ : route_->upstream;
    return route_->cache_name == caching_->route && owner != nullptr &&
           owner->name == cache::owner_of(caching_->key);
}

/// Takes bytes that are on their way to the client.
void Exchange::record(std::string_view bytes) {
    cache::Recorder& recorder = *caching_->recorder;
    recorder.take(bytes);
    const size_t held = recorder.held();
    bool fits = true;
    if (held > caching_->reserved + cache::kHeadBytesMax) {
        const size_t more = held - caching_->reserved + kRecordStep;
        fits = shard_.shared().cache->reserve(more);
        caching_->reserved += fits ? more : 0;
    }
    if (!fits || recorder.failed()) {
        drop_copy();
        end_flight(Landing::kNotStorable);
    }
}

void Exchange::drop_copy() {
    if (caching_->recorder) {
        caching_->recorder.reset();
        shard_.shared().cache->give_back(std::exchange(caching_->reserved, 0));
    }
}

/// Stores what was recorded whole, and lets go of those who wait.
void Exchange::end_caching() {
    if (caching_->recorder && caching_->recorder->complete()) {
        cache::Recorder& recorder = *caching_->recorder;
        auto entry =
            cache::make_entry({.key = caching_->key,
                               .hash = caching_->hash,
                               .request = request_view(),
                               .response = {.data = recorder.head_text(), .head = &recorder.head()},
                               .judgement = caching_->judgement,
                               .origin_tag = caching_->origin_tag,
                               .now = caching_->answered},
                              recorder.take_body());
        drop_copy();
        if (entry) {
            shard_.shared().cache->store(std::move(entry), caching_->epoch);
        } else {
            caching_->landing = Landing::kNotStorable;
        }
    }
    clear_caching();
}

void Exchange::end_flight(Landing landing) {
    if (std::exchange(caching_->leads, false)) {
        shard_.shared().cache->flights().end(caching_->hash, landing, shard_.loop().now());
        shard_.tick().pulse();
    }
}

/// Lets go of everything, without storing.
void Exchange::clear_caching() {
    drop_copy();
    end_flight(caching_->landing);
    caching_.reset();
}

}  // namespace shore::gateway
