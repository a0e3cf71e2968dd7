// Fuzz target: one or several lines of Cache-Control. Whatever they say, numbers stay within their
// bounds, and reading the same lines twice changes nothing.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cache/cache_control.h"
#include "cache/limits.h"

namespace shore::cache {
namespace {

void require(bool condition) {
    if (!condition) {
        std::abort();
    }
}

bool in_bounds(const std::optional<int64_t>& seconds) {
    return !seconds || (*seconds >= 0 && *seconds <= kDeltaSecondsMax);
}

void add_lines(CacheControl& control, std::string_view lines) {
    while (!lines.empty()) {
        const size_t end = lines.find('\n');
        control.add(lines.substr(0, end));
        lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    }
}

}  // namespace
}  // namespace shore::cache

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t size) {
    using namespace shore::cache;  // tidy-allow(banned): a C entry point.
    const std::string_view lines(reinterpret_cast<const char*>(input), size);
    CacheControl once;
    add_lines(once, lines);
    require(in_bounds(once.max_age) && in_bounds(once.s_maxage) &&
            in_bounds(once.stale_while_revalidate) && in_bounds(once.stale_if_error));
    CacheControl twice = once;
    add_lines(twice, lines);
    require(twice.max_age == once.max_age && twice.s_maxage == once.s_maxage &&
            twice.no_store == once.no_store && twice.is_private == once.is_private &&
            twice.no_cache == once.no_cache);
    return 0;
}
