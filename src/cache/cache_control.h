// CacheControl: the directives of Cache-Control (RFC 9111 section 5.2, RFC 5861), of responses and
// of requests, as plain numbers and flags. Pure; allocates nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace shore::cache {

/// Unknown directives are skipped. A directive with field names ("private=\"x\"") counts as the one
/// without, which is stricter. A number that is none counts as 0: stale rather than fresh for ever.
struct CacheControl {
    bool no_store = false;
    bool no_cache = false;
    bool is_private = false;
    bool is_public = false;
    bool must_revalidate = false;
    bool proxy_revalidate = false;
    bool must_understand = false;
    bool only_if_cached = false;
    bool immutable = false;
    std::optional<int64_t> max_age;  ///< Seconds, 0 to kDeltaSecondsMax.
    std::optional<int64_t> s_maxage;
    std::optional<int64_t> stale_while_revalidate;
    std::optional<int64_t> stale_if_error;

    /// Adds the directives of one field line. Of two different numbers the smaller one holds.
    void add(std::string_view value);
};

/// 1*DIGIT with or without quotes; nothing for anything else. Values above kDeltaSecondsMax are
/// that.
std::optional<int64_t> delta_seconds(std::string_view text);

}  // namespace shore::cache
