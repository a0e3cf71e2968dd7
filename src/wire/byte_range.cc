#include "wire/byte_range.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "wire/ascii.h"

namespace shore::wire {

namespace {

constexpr std::string_view kUnit = "bytes=";

std::optional<uint64_t> number(std::string_view text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

/// "-N": the last N bytes.
ByteRange suffix(uint64_t wanted, uint64_t size) {
    if (wanted == 0 || size == 0) {
        return {.outcome = RangeOutcome::kUnsatisfiable};
    }
    const uint64_t count = std::min(wanted, size);
    return {.outcome = RangeOutcome::kPart, .first = size - count, .count = count};
}

}  // namespace

ByteRange parse_byte_range(std::string_view field, uint64_t size) {
    if (!equals_lower_case(field.substr(0, kUnit.size()), kUnit)) {
        return {};
    }
    const std::string_view text = trim_ows(field.substr(kUnit.size()));
    const size_t dash = text.find('-');
    if (dash == std::string_view::npos) {
        return {};
    }
    const std::string_view last_text = text.substr(dash + 1);
    const auto first = number(text.substr(0, dash));
    const auto last = number(last_text);
    if (dash == 0) {
        return last ? suffix(*last, size) : ByteRange();
    }
    if (!first || (!last_text.empty() && (!last || *last < *first))) {
        return {};
    }
    if (*first >= size) {
        return {.outcome = RangeOutcome::kUnsatisfiable};
    }
    const uint64_t end = last ? std::min(*last, size - 1) : size - 1;
    return {.outcome = RangeOutcome::kPart, .first = *first, .count = end - *first + 1};
}

}  // namespace shore::wire
