// Base64 with padding (RFC 4648 section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shore::wire {

std::string base64(std::string_view bytes);
/// Nothing when the text is not canonical base64: length, alphabet, padding, stray bits.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace shore::wire
