#include "cache/cache_control.h"

#include <algorithm>

#include "cache/limits.h"
#include "wire/ascii.h"

namespace shore::cache {

namespace {

/// Takes the next directive off `rest`: its name, and its value with quotes. Commas within quotes
/// do not separate.
bool next_directive(std::string_view& rest, std::string_view& name, std::string_view& value) {
    while (!rest.empty()) {
        size_t end = 0;
        bool quoted = false;
        while (end < rest.size() && (quoted || rest[end] != ',')) {
            if (rest[end] == '\\' && quoted) {
                ++end;
            } else if (rest[end] == '"') {
                quoted = !quoted;
            }
            ++end;
        }
        end = std::min(end, rest.size());
        const std::string_view item = wire::trim_ows(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (item.empty()) {
            continue;
        }
        const size_t equals = item.find('=');
        name = wire::trim_ows(item.substr(0, equals));
        value = equals == std::string_view::npos ? std::string_view()
                                                 : wire::trim_ows(item.substr(equals + 1));
        return true;
    }
    return false;
}

void take_number(std::optional<int64_t>& number, std::string_view value) {
    const int64_t seconds = delta_seconds(value).value_or(0);
    number = number ? std::min(*number, seconds) : seconds;
}

}  // namespace

std::optional<int64_t> delta_seconds(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        text = text.substr(1, text.size() - 2);
    }
    if (text.empty() || !wire::all(wire::kDigit, text)) {
        return std::nullopt;
    }
    int64_t seconds = 0;
    for (const char digit : text) {
        seconds = std::min(seconds * 10 + (digit - '0'), kDeltaSecondsMax);
    }
    return seconds;
}

void CacheControl::add(std::string_view rest) {
    std::string_view name;
    std::string_view value;
    while (next_directive(rest, name, value)) {
        const auto is = [name](std::string_view known) {
            return wire::equals_lower_case(name, known);
        };
        if (is("max-age")) {
            take_number(max_age, value);
        } else if (is("s-maxage")) {
            take_number(s_maxage, value);
        } else if (is("stale-while-revalidate")) {
            take_number(stale_while_revalidate, value);
        } else if (is("stale-if-error")) {
            take_number(stale_if_error, value);
        } else {
            no_store |= is("no-store");
            no_cache |= is("no-cache");
            is_private |= is("private");
            is_public |= is("public");
            must_revalidate |= is("must-revalidate");
            proxy_revalidate |= is("proxy-revalidate");
            must_understand |= is("must-understand");
            only_if_cached |= is("only-if-cached");
            immutable |= is("immutable");
        }
    }
}

}  // namespace shore::cache
