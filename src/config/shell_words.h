// A command line as words, as a POSIX shell splits it (quotes and backslashes; no variables, no
// globs): the text form of command and entrypoint. Source: compose-spec, 05-services, command.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shore::config {

/// Nothing when a quote is not closed.
std::optional<std::vector<std::string>> shell_words(std::string_view text);

}  // namespace shore::config
