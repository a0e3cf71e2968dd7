// Help, made from the command table.
#pragma once

#include <string>

#include "cli/command.h"

namespace shore::cli {

/// All verbs by group, and the options of every verb.
std::string overview_text();
/// One verb: usage, description, arguments, options, examples.
std::string help_text(const Command& command);
/// "shore logs [options] [SERVICE...]".
std::string usage_line(const Command& command);
/// "-f, --file FILE".
std::string option_text(const Option& option);

/// The manual page shore(1), as roff with man(7) macros.
std::string manual_page(std::string_view version);
/// docs/reference/cli.md.
std::string cli_reference_page();

}  // namespace shore::cli
