// shore certs: its row, beside those of verbs.h.
#pragma once

#include "cli/command.h"

namespace shore::cli {

Command certs_command();

}  // namespace shore::cli
