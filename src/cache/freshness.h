// Judges whether an answer may be stored and for how long it is fresh: RFC 9111 sections 3 and 4.2,
// RFC 5861, for a shared cache that serves an origin's visitors. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "cache/cache_control.h"
#include "wire/http1_head.h"

namespace shore::cache {

/// A head and the bytes it was parsed from.
struct RequestView {
    const char* data = nullptr;
    const wire::RequestHead* head = nullptr;
};
struct ResponseView {
    const char* data = nullptr;
    const wire::ResponseHead* head = nullptr;
};

/// What a route allows beyond what the origin says.
struct Policy {
    Duration negative{};     ///< How long 404, 410 and the like without a word of freshness stay.
    bool heuristic = false;  ///< Guess freshness from Last-Modified.
    bool reload = false;     ///< A client's no-cache or max-age=0 asks the origin.
};

/// Why an answer is not stored; kStore when it is.
enum class Verdict : uint8_t {
    kStore,
    kMethod,         ///< Not the answer to a plain GET.
    kStatus,         ///< A status that is not kept.
    kNoStore,        ///< Cache-Control says no-store or private; or the client says no-store.
    kNoFreshness,    ///< Nothing says how long, and nothing allows asking again.
    kAuthorization,  ///< The request had credentials, and the answer does not allow sharing.
    kSetCookie,      ///< The answer sets a cookie, and does not say public.
    kVary,           ///< "Vary: *", or too many fields.
};

struct Judgement {
    Verdict verdict = Verdict::kStore;
    Duration age{};       ///< When it was received (RFC 9111 section 4.2.3).
    Duration lifetime{};  ///< From the origin's Date on.
    Duration stale_while_revalidate{};
    Duration stale_if_error{};
    bool no_cache = false;         ///< Never used without asking.
    bool must_revalidate = false;  ///< Never used stale.
    bool for_credentials = false;  ///< Also for requests with Authorization (RFC 9111 section 3.5).
};

/// `wall_now` is when the answer came, `waited` how long it took.
Judgement judge(const RequestView& request, const ResponseView& response, const Policy& policy,
                WallTime wall_now, Duration waited);

/// What the client asks of a cache that is honoured (RFC 9111 section 5.2.1 lets a cache choose).
struct Wishes {
    bool only_if_cached = false;
    bool no_store = false;
    bool reload = false;  ///< By the policy: nothing stored is used without asking the origin.
};
Wishes wishes_of(const RequestView& request, const Policy& policy);

/// All lines of Cache-Control of a head together.
CacheControl cache_control_of(const char* data, const wire::Head& head);

}  // namespace shore::cache
