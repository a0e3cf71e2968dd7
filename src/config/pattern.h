// Patterns that a manifest gives are checked while it is read, by the library that will run them
// (RE2), so that a mistake has a place in the file instead of a probe that never passes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shore::config {

/// What is wrong with `pattern` as an RE2 pattern, in RE2's words; nothing when it is one.
std::optional<std::string> pattern_fault(std::string_view pattern);

/// False when no text that begins with a slash can match `pattern` as a whole, as far as RE2 can
/// tell; true in doubt. `pattern` is a valid one.
bool may_begin_with_slash(std::string_view pattern);

}  // namespace shore::config
