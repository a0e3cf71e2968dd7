// The metrics that every Prometheus client library has: this process's CPU, memory, descriptors and
// start.
#pragma once

#include "base/clock.h"
#include "observe/metrics.h"

namespace shore::observe {

/// Adds process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_max_fds
/// and process_start_time_seconds, read from /proc when asked for. `clock` outlives the registry.
void add_process_metrics(Registry& registry, const base::Clock& clock);

}  // namespace shore::observe
