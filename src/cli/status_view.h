// Status as people see it: a line per stack, tables of services and instances.
#pragma once

#include <string>

#include "base/clock.h"
#include "cli/output.h"
#include "wire/json.h"

namespace shore::cli {

enum class Detail : uint8_t { kServices, kInstances };

/// Stacks of a Status document, each with a headline and a table; "no stack is up" when there is
/// none. `now` is for ages.
std::string status_text(const Output& output, const wire::Json& status, Detail detail,
                        WallTime now);

/// One stack of it.
std::string stack_text(const Output& output, const wire::Json& stack, Detail detail, WallTime now);

/// The colour of a state: green for running, red for failed, …
Color state_color(std::string_view state);

/// "3m": how long ago the RFC 3339 time was; "-" when it cannot be read.
std::string age_text(std::string_view time, WallTime now);

}  // namespace shore::cli
