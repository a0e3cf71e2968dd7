// Numbers as people give them on the command line.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace shore::cli {

/// A whole number of digits only, up to 2^53 (what JSON readers keep exactly); nothing otherwise.
inline std::optional<int64_t> number(std::string_view text) {
    int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < 0 ||
        value > (int64_t{1} << 53)) {
        return std::nullopt;
    }
    return value;
}

/// The same above 0.
inline std::optional<int64_t> positive_number(std::string_view text) {
    const auto value = number(text);
    return value && *value > 0 ? value : std::nullopt;
}

}  // namespace shore::cli
