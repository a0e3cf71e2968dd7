// Bytes: a size in bytes as its own type, so that a count, a port and a size cannot be confused.
// Text form follows Compose: 512, 64k, 512mb, 1GiB; k, m, g and their b/ib forms all mean powers of
// 1024.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace shore::base {

struct Bytes {
    uint64_t count = 0;

    static constexpr Bytes kib(uint64_t n) { return {n << 10}; }
    static constexpr Bytes mib(uint64_t n) { return {n << 20}; }
    static constexpr Bytes gib(uint64_t n) { return {n << 30}; }

    friend constexpr auto operator<=>(const Bytes&, const Bytes&) = default;
};

/// Reads "512mb". kInvalid when the text is no size, is negative or passes 2^63-1.
Result<Bytes> parse_bytes(std::string_view text);
/// Shortest exact form: "512M", "1G", "1500".
std::string to_text(Bytes bytes);
/// Rounded form for people: "12.4 MiB".
std::string to_human(Bytes bytes);

}  // namespace shore::base

namespace shore {
using base::Bytes;
}
