// Hosts and paths of request targets (RFC 3986): checking, percent-decoding, normal form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shore::wire {

/// True for what may stand in Host and in a target's authority: a name of letters, digits, '-', '.'
/// and '_', or an IPv6 literal in brackets, and an optional port of 1 to 5 digits up to 65535. No
/// user information, never empty.
bool is_host(std::string_view text);

/// The name part of a checked host, without port and without one trailing dot; "[::1]" keeps its
/// brackets.
std::string_view host_without_port(std::string_view host);

/// Replaces %XX. Nothing when a '%' has no two hexadecimal digits behind it.
std::optional<std::string> percent_decode(std::string_view text);
/// As percent_decode, and '+' becomes a space: the rule of forms and query strings.
std::optional<std::string> form_decode(std::string_view text);
/// Encodes all but letters, digits and "-._~" (RFC 3986 section 2.3); '/' stays when `keep_slash`.
enum class Slash : uint8_t { kKeep, kEncode };
std::string percent_encode(std::string_view text, Slash slash = Slash::kEncode);

/// A path as the file system or a route may see it: begins with '/', percent-decoded once, "." and
/// ".." resolved (RFC 3986 section 5.2.4), empty segments merged. Nothing when the path is unsafe:
/// bad percent-encoding, a NUL or other control byte, an encoded '/' or a '\', or ".." that leaves
/// the root.
std::optional<std::string> normalise_path(std::string_view path);

/// True when the path needs no normalising to be compared with a route's prefix: no '%', no '\', no
/// "//", no segment
/// "." or "..". The common case, decided without allocation.
bool is_plain_path(std::string_view path);

}  // namespace shore::wire
