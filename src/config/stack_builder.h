// The settled, checked tree as a StackSpec, with Shore's defaults filled in.
#pragma once

#include <filesystem>
#include <string>

#include "config/node.h"
#include "config/report.h"
#include "model/stack_spec.h"

namespace shore::config {

struct StackContext {
    std::filesystem::path directory;  ///< The project directory, absolute.
    std::string environment;
};

/// Reports what only the whole can show: routes and ports claimed twice, addresses, signals, limits
/// that contradict.
model::StackSpec build_stack(const Node& document, const StackContext& context, Report& report);

}  // namespace shore::config
