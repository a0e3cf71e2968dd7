#include "wire/uri.h"

#include <algorithm>

#include "wire/ascii.h"
#include "wire/limits.h"

namespace shore::wire {

namespace {

bool is_port(std::string_view text) {
    if (text.empty() || text.size() > 5 || !all(kDigit, text)) {
        return false;
    }
    uint32_t port = 0;
    for (const char c : text) {
        port = port * 10 + static_cast<uint32_t>(c - '0');
    }
    return port <= 65535;
}

bool decode_into(std::string_view text, bool plus_is_space, std::string& out) {
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size() || !is(kHexDigit, text[i + 1]) ||
                !is(kHexDigit, text[i + 2])) {
                return false;
            }
            out += static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' && plus_is_space ? ' ' : text[i];
        }
    }
    return true;
}

}  // namespace

bool is_host(std::string_view text) {
    if (text.empty() || text.size() > kHostBytesMax) {
        return false;
    }
    size_t end = 0;
    if (text.front() == '[') {
        const size_t close = text.find(']');
        if (close == std::string_view::npos || close < 3) {
            return false;
        }
        for (const char c : text.substr(1, close - 1)) {
            if (!is(kHexDigit, c) && c != ':' && c != '.') {
                return false;
            }
        }
        end = close + 1;
    } else {
        while (end < text.size() && is(kHostName, text[end])) {
            ++end;
        }
        if (end == 0) {
            return false;
        }
    }
    return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

std::string_view host_without_port(std::string_view host) {
    const size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
        host = host.substr(0, colon);
    }
    if (host.size() > 1 && host.back() == '.') {
        host.remove_suffix(1);
    }
    return host;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    return decode_into(text, false, out) ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::string> form_decode(std::string_view text) {
    std::string out;
    return decode_into(text, true, out) ? std::optional(std::move(out)) : std::nullopt;
}

std::string percent_encode(std::string_view text, Slash slash) {
    static constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is(kHostName, c) || c == '~' || (c == '/' && slash == Slash::kKeep)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += kDigits[byte >> 4];
            out += kDigits[byte & 15];
        }
    }
    return out;
}

std::optional<std::string> normalise_path(std::string_view path) {
    if (path.empty() || path.front() != '/') {
        return std::nullopt;
    }
    std::string out;
    out.reserve(path.size());
    bool directory = true;
    for (size_t at = 1; at <= path.size();) {
        const size_t slash = std::min(path.find('/', at), path.size());
        std::string segment;
        if (!decode_into(path.substr(at, slash - at), false, segment)) {
            return std::nullopt;
        }
        at = slash + 1;
        for (const char c : segment) {
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/' || c == '\\') {
                return std::nullopt;
            }
        }
        directory = segment.empty() || segment == "." || segment == "..";
        if (segment == "..") {
            if (out.empty()) {
                return std::nullopt;
            }
            out.resize(out.rfind('/'));
        } else if (!directory) {
            out += '/';
            out += segment;
        }
    }
    if (directory) {
        out += '/';
    }
    return out;
}

bool is_plain_path(std::string_view path) {
    if (path.empty() || path.front() != '/') {
        return false;
    }
    for (size_t i = 0; i < path.size(); ++i) {
        const char c = path[i];
        if (c == '%' || c == '\\') {
            return false;
        }
        if (c == '/' && i + 1 < path.size() && (path[i + 1] == '/' || path[i + 1] == '.')) {
            return false;
        }
    }
    return true;
}

}  // namespace shore::wire
