#include "base/bytes.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/strings.h"

namespace shore::base {

namespace {

struct Unit {
    std::string_view name;
    int shift;
};
constexpr std::array kUnits = {Unit{"", 0},     Unit{"b", 0},   Unit{"k", 10},   Unit{"kb", 10},
                               Unit{"kib", 10}, Unit{"m", 20},  Unit{"mb", 20},  Unit{"mib", 20},
                               Unit{"g", 30},   Unit{"gb", 30}, Unit{"gib", 30}, Unit{"t", 40},
                               Unit{"tb", 40},  Unit{"tib", 40}};

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) {
    const std::string_view trimmed = trim(text);
    double number = 0;
    const auto [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(),
                                              number, std::chars_format::fixed);
    if (error != std::errc() || number < 0 || !std::isfinite(number)) {
        return fail(ErrorCode::kInvalid, "\"{}\" is not a size; write it like 512k, 64mb or 1GiB",
                    printable(text, 40));
    }
    const std::string unit = to_lower(trim(std::string_view(end, trimmed.data() + trimmed.size())));
    for (const Unit& known : kUnits) {
        if (known.name == unit) {
            const double bytes = std::floor(std::ldexp(number, known.shift));
            if (bytes >= 0x1.0p63) {
                return fail(ErrorCode::kInvalid, "\"{}\" is too large for a size",
                            printable(text, 40));
            }
            return Bytes{static_cast<uint64_t>(bytes)};
        }
    }
    return fail(ErrorCode::kInvalid, "\"{}\" has an unknown unit; use b, k, m, g or t",
                printable(text, 40));
}

std::string to_text(Bytes bytes) {
    constexpr std::array<std::string_view, 5> kNames = {"", "K", "M", "G", "T"};
    size_t unit = 0;
    uint64_t count = bytes.count;
    while (count != 0 && count % 1024 == 0 && unit + 1 < kNames.size()) {
        count /= 1024;
        ++unit;
    }
    return fmt::format("{}{}", count, kNames[unit]);
}

std::string to_human(Bytes bytes) {
    constexpr std::array<std::string_view, 5> kNames = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    auto count = static_cast<double>(bytes.count);
    while (count >= 1024 && unit + 1 < kNames.size()) {
        count /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes.count)
                     : fmt::format("{:.1f} {}", count, kNames[unit]);
}

}  // namespace shore::base
