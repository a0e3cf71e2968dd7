// Completion scripts for shells, made from the command table.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shore::cli {

/// For "bash", "zsh" or "fish"; nothing for another shell.
std::optional<std::string> completion_script(std::string_view shell);

}  // namespace shore::cli
