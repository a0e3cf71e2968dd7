// Counters of raw TCP routes: plain numbers that only one loop touches, as Counters.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "observe/metrics.h"

namespace shore::gateway {

struct TcpCounters {
    uint64_t connections = 0;
    uint64_t open = 0;
    uint64_t held = 0;     ///< Had to wait for an instance.
    uint64_t refused = 0;  ///< Closed without having reached one.
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;

    void add(const TcpCounters& other);
};

/// Writes the shore_gateway_tcp_* metrics of routes that had a connection; `names` by slot.
void write_tcp(observe::MetricsText& text, std::span<const TcpCounters> counters,
               std::span<const std::string> names);

}  // namespace shore::gateway
