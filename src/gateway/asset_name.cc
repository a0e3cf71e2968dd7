#include "gateway/asset_name.h"

#include "wire/ascii.h"

namespace shore::gateway {

namespace {

constexpr size_t kDigestMin = 8;
constexpr size_t kDigestMax = 64;

enum class Kind : uint8_t { kDigit, kUpper, kLower, kOther };

Kind kind_of(char c) {
    if (c >= '0' && c <= '9') {
        return Kind::kDigit;
    }
    if (c >= 'A' && c <= 'Z') {
        return Kind::kUpper;
    }
    return c >= 'a' && c <= 'z' ? Kind::kLower : Kind::kOther;
}

bool is_digest(std::string_view text) {
    if (text.size() < kDigestMin || text.size() > kDigestMax) {
        return false;
    }
    bool seen[4] = {};
    bool hexadecimal = true;
    size_t changes = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const Kind kind = kind_of(text[i]);
        seen[static_cast<size_t>(kind)] = true;
        hexadecimal &= wire::is(wire::kHexDigit, text[i]);
        changes += i > 0 && kind != kind_of(text[i - 1]) ? 1 : 0;
    }
    const auto has = [&](Kind kind) { return seen[static_cast<size_t>(kind)]; };
    if (has(Kind::kOther) || !has(Kind::kDigit)) {
        return false;
    }
    if (hexadecimal && has(Kind::kUpper) != has(Kind::kLower)) {
        return true;  // Letters and digits of one case; "20261121" is a date.
    }
    // base32 and base64: digits and letters change places more often than in a word with a number.
    return changes >= 3;
}

}  // namespace

bool names_a_digest(std::string_view path) {
    std::string_view name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0.
    // The first part is the name, the last one the ending; in between, any part may be the digest.
    const size_t first = name.find_first_of(".-_");
    const size_t last = name.rfind('.');
    if (first == std::string_view::npos || last == std::string_view::npos || last <= first) {
        return false;
    }
    std::string_view middle = name.substr(first + 1, last - first - 1);
    while (!middle.empty()) {
        const size_t end = middle.find_first_of(".-_");
        if (is_digest(middle.substr(0, end))) {
            return true;
        }
        middle = end == std::string_view::npos ? std::string_view() : middle.substr(end + 1);
    }
    return false;
}

}  // namespace shore::gateway
