// Differences of manifests as people see them: a line per change, in colours.
#pragma once

#include <string>

#include "cli/output.h"
#include "wire/json.h"

namespace shore::cli {

/// One line per Change document, each ended.
std::string changes_text(const Output& output, const wire::Json& changes);

}  // namespace shore::cli
