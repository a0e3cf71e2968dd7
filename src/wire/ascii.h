// Character classes of HTTP and ASCII comparison, as tables and inline functions for per-byte
// loops. Classes: RFC 9110 section 5.6.2 (token), section 5.5 (field value); RFC 3986 for targets
// and hosts.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace shore::wire {

enum CharClass : uint8_t {
    kToken = 1,       ///< tchar.
    kFieldValue = 2,  ///< VCHAR, obs-text, SP, HTAB.
    kTarget = 4,      ///< Visible ASCII except '#': what may stand in a request-target.
    kHostName = 8,    ///< Letters, digits, '-', '.', '_'.
    kDigit = 16,
    kHexDigit = 32,
};

namespace detail {

constexpr std::array<uint8_t, 256> make_char_table() {
    std::array<uint8_t, 256> table{};
    for (int c = 0; c < 256; ++c) {
        const bool digit = c >= '0' && c <= '9';
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        uint8_t bits = 0;
        if (digit || letter ||
            (c < 128 && std::string_view("!#$%&'*+-.^_`|~").contains(static_cast<char>(c)))) {
            bits |= c == 0 ? 0 : kToken;
        }
        if (c == '\t' || (c >= 0x20 && c != 0x7f)) {
            bits |= kFieldValue;
        }
        if (c > 0x20 && c < 0x7f && c != '#') {
            bits |= kTarget;
        }
        if (digit || letter || c == '-' || c == '.' || c == '_') {
            bits |= kHostName;
        }
        if (digit) {
            bits |= kDigit;
        }
        if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            bits |= kHexDigit;
        }
        table[static_cast<size_t>(c)] = bits;
    }
    return table;
}

inline constexpr std::array<uint8_t, 256> kCharTable = make_char_table();

}  // namespace detail

constexpr bool is(CharClass wanted, char c) {
    return (detail::kCharTable[static_cast<unsigned char>(c)] & wanted) != 0;
}

/// True when `text` has only characters of the class; true for empty text.
constexpr bool all(CharClass wanted, std::string_view text) {
    for (const char c : text) {
        if (!is(wanted, c)) {
            return false;
        }
    }
    return true;
}

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// ASCII comparison that ignores case on both sides.
constexpr bool equals_lower_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) {
        return false;
    }
    for (size_t i = 0; i < a.size(); ++i) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

/// The value of one hexadecimal digit; 0xff when it is none.
constexpr uint8_t hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<uint8_t>(c - '0');
    }
    const char low = lower(c);
    return low >= 'a' && low <= 'f' ? static_cast<uint8_t>(low - 'a' + 10) : 0xff;
}

/// `text` without optional white space (SP, HTAB) at both ends.
constexpr std::string_view trim_ows(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

/// Takes the next element of a comma-separated list (RFC 9110 section 5.6.1) off `rest`, trimmed;
/// empty elements are skipped. False at the end.
constexpr bool next_list_item(std::string_view& rest, std::string_view& item) {
    while (!rest.empty()) {
        const size_t comma = rest.find(',');
        item = trim_ows(rest.substr(0, comma));
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        if (!item.empty()) {
            return true;
        }
    }
    return false;
}

}  // namespace shore::wire
