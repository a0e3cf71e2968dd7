#include "cache/freshness.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "cache/limits.h"
#include "wire/ascii.h"

namespace shore::cache {

using wire::FieldId;

namespace {

enum class StatusKind : uint8_t { kNever, kKept, kNegative };

/// Statuses whose meaning does not depend on who asked. 206 and 304 are parts of another answer.
StatusKind kind_of(uint16_t status) {
    switch (status) {
        case 200:
        case 203:
        case 204:
        case 300:
        case 301:
        case 302:
        case 303:
        case 307:
        case 308:
            return StatusKind::kKept;
        case 404:
        case 405:
        case 410:
        case 414:
        case 451:
        case 501:
            return StatusKind::kNegative;
        default:
            return StatusKind::kNever;
    }
}

std::optional<WallTime> date_at(const ResponseView& response, FieldId id) {
    const wire::Field* const field = response.head->find(id);
    if (field == nullptr) {
        return std::nullopt;
    }
    const auto time = base::parse_http_date(field->value.in(response.data));
    return time ? std::optional(*time) : std::nullopt;
}

/// From one date to the other, which may be of any two centuries: 0 when it is not later, and no
/// more than a header's seconds can say.
Duration span(WallTime from, WallTime to) {
    constexpr Duration kMost = std::chrono::seconds(kDeltaSecondsMax);
    if (to <= from) {
        return {};
    }
    const uint64_t apart = static_cast<uint64_t>(to.time_since_epoch().count()) -
                           static_cast<uint64_t>(from.time_since_epoch().count());
    return apart < static_cast<uint64_t>(kMost.count()) ? Duration(apart) : kMost;
}

/// Nothing when the answer does not say.
std::optional<Duration> explicit_lifetime(const CacheControl& control, const ResponseView& response,
                                          WallTime wall_now) {
    if (control.s_maxage) {
        return std::chrono::seconds(*control.s_maxage);
    }
    if (control.max_age) {
        return std::chrono::seconds(*control.max_age);
    }
    if (response.head->find(FieldId::kExpires) == nullptr) {
        return std::nullopt;
    }
    const auto expires = date_at(response, FieldId::kExpires);
    if (!expires) {
        return Duration{};  // RFC 9111 section 5.3: "0" and the like mean: already expired.
    }
    const WallTime date = date_at(response, FieldId::kDate).value_or(wall_now);
    return span(date, *expires);
}

std::optional<Duration> guessed_lifetime(const ResponseView& response, const Policy& policy,
                                         WallTime wall_now) {
    if (kind_of(response.head->status) == StatusKind::kNegative && policy.negative > Duration{}) {
        return policy.negative;
    }
    if (!policy.heuristic) {
        return std::nullopt;
    }
    const auto modified = date_at(response, FieldId::kLastModified);
    const WallTime date = date_at(response, FieldId::kDate).value_or(wall_now);
    if (!modified || *modified > date) {
        return std::nullopt;
    }
    return std::min(span(*modified, date) / kHeuristicDivisor, Duration(kHeuristicMax));
}

Duration age_of(const ResponseView& response, WallTime wall_now, Duration waited) {
    Duration apparent{};
    if (const auto date = date_at(response, FieldId::kDate)) {
        apparent = span(*date, wall_now);
    }
    // A second of HTTP's clock is not age.
    apparent = apparent < std::chrono::seconds(2) ? Duration{} : apparent;
    Duration told{};
    if (const wire::Field* const field = response.head->find(FieldId::kAge)) {
        told = std::chrono::seconds(delta_seconds(field->value.in(response.data)).value_or(0));
        told += waited;
    }
    return std::max(apparent, told);
}

bool varies_on_all(const ResponseView& response) {
    for (uint32_t i = 0; i < response.head->field_count; ++i) {
        const wire::Field& field = response.head->fields[i];
        if (field.id == FieldId::kVary && wire::list_has(field.value.in(response.data), "*")) {
            return true;
        }
    }
    return false;
}

bool is_for_credentials(const CacheControl& control) {
    return control.is_public || control.s_maxage || control.must_revalidate;
}

Verdict may_store(const RequestView& request, const ResponseView& response,
                  const CacheControl& control) {
    if (request.head->method != wire::Method::kGet || request.head->find(FieldId::kRange)) {
        return Verdict::kMethod;
    }
    if (kind_of(response.head->status) == StatusKind::kNever) {
        return Verdict::kStatus;
    }
    if (control.no_store || control.is_private ||
        cache_control_of(request.data, *request.head).no_store) {
        return Verdict::kNoStore;
    }
    if (request.head->find(FieldId::kAuthorization) && !is_for_credentials(control)) {
        return Verdict::kAuthorization;
    }
    if (response.head->find(FieldId::kSetCookie) && !control.is_public) {
        return Verdict::kSetCookie;
    }
    return varies_on_all(response) ? Verdict::kVary : Verdict::kStore;
}

}  // namespace

CacheControl cache_control_of(const char* data, const wire::Head& head) {
    CacheControl control;
    for (uint32_t i = 0; i < head.field_count; ++i) {
        if (head.fields[i].id == FieldId::kCacheControl) {
            control.add(head.fields[i].value.in(data));
        }
    }
    return control;
}

Wishes wishes_of(const RequestView& request, const Policy& policy) {
    const CacheControl control = cache_control_of(request.data, *request.head);
    return {.only_if_cached = control.only_if_cached,
            .no_store = control.no_store,
            .reload = policy.reload && (control.no_cache || control.max_age == int64_t{0})};
}

Judgement judge(const RequestView& request, const ResponseView& response, const Policy& policy,
                WallTime wall_now, Duration waited) {
    const CacheControl control = cache_control_of(response.data, *response.head);
    Judgement judgement;
    judgement.verdict = may_store(request, response, control);
    if (judgement.verdict != Verdict::kStore) {
        return judgement;
    }
    auto lifetime = explicit_lifetime(control, response, wall_now);
    if (!lifetime && !control.no_cache) {
        lifetime = guessed_lifetime(response, policy, wall_now);
    }
    judgement.age = age_of(response, wall_now, waited);
    judgement.lifetime = lifetime.value_or(Duration{});
    judgement.no_cache = control.no_cache;
    judgement.for_credentials = is_for_credentials(control);
    judgement.must_revalidate =
        control.no_cache || control.must_revalidate || control.proxy_revalidate;
    if (!judgement.must_revalidate) {
        judgement.stale_while_revalidate =
            std::chrono::seconds(control.stale_while_revalidate.value_or(0));
        judgement.stale_if_error = std::chrono::seconds(control.stale_if_error.value_or(0));
    }
    const bool can_ask =
        response.head->find(FieldId::kEtag) || response.head->find(FieldId::kLastModified);
    const bool fresh = !control.no_cache && judgement.lifetime > judgement.age;
    const bool useful_stale =
        judgement.stale_while_revalidate > Duration{} || judgement.stale_if_error > Duration{};
    if (!fresh && !useful_stale && !(can_ask && (lifetime || control.no_cache))) {
        judgement.verdict = Verdict::kNoFreshness;
    }
    return judgement;
}

}  // namespace shore::cache
