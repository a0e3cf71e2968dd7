// A window of traffic as people see it: JSON for `shore top`, quantiles for /metrics. Pure.
#pragma once

#include <span>
#include <string>

#include "gateway/traffic.h"
#include "observe/metrics.h"
#include "wire/json.h"

namespace shore::gateway {

/// Schema Traffic of the API; `names` by slot. Routes without requests are left out.
wire::Json traffic_json(const TrafficHistory::Window& window, std::span<const std::string> names);

/// shore_gateway_request_duration_p50_seconds and its like, by route.
void write_quantiles(observe::MetricsText& text, const TrafficHistory::Window& window,
                     std::span<const std::string> names);

}  // namespace shore::gateway
