// Checks over the whole settled tree: names that must exist, circles of depends_on, keys that need
// something this runtime does not have.
#pragma once

#include "config/node.h"
#include "config/report.h"

namespace shore::config {

/// Services, volumes, networks, configs and secrets that are named must be there; depends_on has no
/// circle; each service is something that can run.
void check_names(const Node& document, Report& report);

/// Notes for every key that does nothing on a host process, and the problems that check_runtime()
/// answers with.
Problems check_process_runtime(const Node& document, Report& report);

}  // namespace shore::config
