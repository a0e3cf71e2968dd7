#include "base/strings.h"

#include <algorithm>

#include <fmt/format.h>

namespace shore::base {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// Damerau-Levenshtein (neighbours swapped count once), rows of three.
size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<size_t>> rows(a.size() + 1, std::vector<size_t>(b.size() + 1));
    for (size_t i = 0; i <= a.size(); ++i) {
        rows[i][0] = i;
    }
    for (size_t j = 0; j <= b.size(); ++j) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.size(); ++i) {
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t change = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            rows[i][j] = std::min({change, rows[i - 1][j] + 1, rows[i][j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
            }
        }
    }
    return rows[a.size()][b.size()];
}

}  // namespace

size_t utf8_sequence(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    if (text.empty()) {
        return 0;
    }
    const unsigned char first = byte(0);
    if (first < 0x80) {
        return 1;
    }
    const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) {
        return 0;
    }
    for (size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) {
            return 0;
        }
    }
    const bool overlong = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
    const bool out_of_range =
        (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
    return overlong || out_of_range ? 0 : length;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    size_t start = 0;
    for (size_t end = text.find(separator); end != std::string_view::npos;
         end = text.find(separator, start)) {
        parts.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    parts.push_back(text.substr(start));
    return parts;
}

std::optional<std::pair<std::string_view, std::string_view>> split_once(std::string_view text,
                                                                        char separator) {
    const size_t at = text.find(separator);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    return std::pair(text.substr(0, at), text.substr(at + 1));
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
    std::string joined;
    for (const std::string& part : parts) {
        if (&part != parts.data()) {
            joined += separator;
        }
        joined += part;
    }
    return joined;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n\f\v";
    const size_t start = text.find_first_not_of(kSpace);
    if (start == std::string_view::npos) {
        return {};
    }
    return text.substr(start, text.find_last_not_of(kSpace) - start + 1);
}

std::string to_lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), lower);
    return result;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
    if (from.empty()) {
        return text;
    }
    for (size_t at = text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
    return text;
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
    constexpr size_t kWordLengthMax =
        64;  // Longer words are no slip of the hand, and the cost is quadratic.
    if (word.empty() || word.size() > kWordLengthMax) {
        return std::nullopt;
    }
    const size_t distance_max = std::max<size_t>(1, word.size() / 3);
    std::optional<std::string> best;
    size_t best_distance = distance_max + 1;
    for (const std::string& candidate : candidates) {
        if (candidate.size() > kWordLengthMax) {
            continue;
        }
        const size_t distance = edit_distance(to_lower(word), to_lower(candidate));
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> candidates) {
    const auto match = nearest(word, candidates);
    return match ? fmt::format(", did you mean \"{}\"?", *match) : std::string();
}

std::string printable(std::string_view text, size_t limit) {
    std::string result;
    while (!text.empty()) {
        const size_t length = utf8_sequence(text);
        const auto byte = static_cast<unsigned char>(text[0]);
        const bool plain = length > 1 || (length == 1 && byte >= 0x20 && byte != 0x7F);
        const size_t taken = length == 0 ? 1 : length;
        std::string piece =
            plain ? std::string(text.substr(0, taken)) : fmt::format("\\x{:02x}", byte);
        if (result.size() + piece.size() > limit) {
            return result + "…";
        }
        result += piece;
        text.remove_prefix(taken);
    }
    return result;
}

std::string_view utf8_prefix(std::string_view text, size_t limit) {
    if (text.size() <= limit) {
        return text;
    }
    size_t end = limit;
    // At most three continuation bytes can follow a cut; anything else is not UTF-8 and is cut
    // where it is.
    for (int back = 0; back < 3 && end > 0; ++back) {
        if ((static_cast<unsigned char>(text[end]) & 0xC0) != 0x80) {
            return text.substr(0, end);
        }
        --end;
    }
    return text.substr(0, (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80 ? end : limit);
}

std::string shell_quoted(std::string_view text) {
    constexpr std::string_view kSafe =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=@%+,";
    if (!text.empty() && text.find_first_not_of(kSafe) == std::string_view::npos) {
        return std::string(text);
    }
    return "'" + replace_all(std::string(text), "'", "'\\''") + "'";
}

}  // namespace shore::base
