// What the daemon itself measures, in Prometheus' text form. Read when asked for; nothing is
// counted in between.
#pragma once

#include <span>
#include <string>

#include "base/clock.h"
#include "model/instance.h"
#include "store/event_log.h"

namespace shore {

/// Instances by service and state, restarts, events, and the process's own memory and CPU time.
std::string daemon_metrics(std::span<const model::Instance> instances,
                           const store::EventLog& events, Duration uptime);

}  // namespace shore
