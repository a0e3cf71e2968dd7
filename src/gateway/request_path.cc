#include "gateway/request_path.h"

#include "wire/ascii.h"
#include "wire/uri.h"

namespace shore::gateway {

namespace {

/// For a path that normalise_path() refuses: true when that is because of an encoded slash alone,
/// and nothing in it could climb.
bool is_harmless(std::string_view path) {
    for (size_t i = 0; i < path.size(); ++i) {
        if (path[i] == '\\' || path.substr(i).starts_with("..")) {
            return false;
        }
        if (path[i] != '%') {
            continue;
        }
        if (i + 2 >= path.size() || !wire::is(wire::kHexDigit, path[i + 1]) ||
            !wire::is(wire::kHexDigit, path[i + 2])) {
            return false;
        }
        const int value = wire::hex_value(path[i + 1]) * 16 + wire::hex_value(path[i + 2]);
        if (value < 0x20 || value == '.' || value == '\\' || value == 0x7f) {
            return false;
        }
    }
    return true;
}

}  // namespace

bool is_routed_as_sent(std::string_view path) {
    return path.empty() || wire::is_plain_path(path);
}

std::optional<std::string> routed_path(std::string_view path) {
    if (auto normal = wire::normalise_path(path)) {
        return normal;
    }
    return is_harmless(path) ? std::optional<std::string>(path) : std::nullopt;
}

}  // namespace shore::gateway
