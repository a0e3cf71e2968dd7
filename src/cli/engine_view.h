// How answers about engines look: a line per process, everything about one of them, rows that
// agents give.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/output.h"
#include "wire/json.h"

namespace shore::cli {

/// A line for each of them (EngineProcess, of one engine): what it is to the others, how much it
/// holds, and what is out of order.
std::string engine_status_text(const Output& output, std::span<const wire::Json> processes);

/// All that is known of one process.
std::string engine_process_text(const wire::Json& process);

/// Tables of several processes (EngineTable). Those without rows are left out beside others, and
/// what all of them say is said once.
std::string engine_tables_text(const Output& output, std::span<const wire::Json> tables);

/// An object as lines "name: value"; objects and lists within it indented.
std::string object_text(const wire::Json& object, std::string_view indent);

}  // namespace shore::cli
