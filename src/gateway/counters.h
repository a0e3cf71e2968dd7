// Counters of one loop, plain numbers that only the loop touches; the control thread asks each loop
// for a copy and prints the sum as Prometheus text.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "gateway/latency.h"
#include "gateway/tcp_counters.h"
#include "observe/metrics.h"
#include "wire/http2.h"

namespace shore::gateway {

/// Bounds of the latency histogram in seconds.
inline constexpr std::array<double, 12> kLatencyBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                          0.1,   0.25,   0.5,   1.0,  2.5,   10.0};

/// What the cache did for a request of a cached route.
enum class CacheResult : uint8_t {
    kHit,          ///< From memory, fresh.
    kDiskHit,      ///< From disk, fresh.
    kStale,        ///< From memory, too old, as the origin allows.
    kRevalidated,  ///< From memory, after the origin has said that it holds.
    kCollapsed,    ///< From memory, after waiting for another request's fetch.
    kMiss,         ///< From the app.
    kBypass,       ///< From the app: a request that no stored answer may answer.
};
inline constexpr size_t kCacheResults = 7;

struct RouteCounters {
    std::array<uint64_t, 6> responses{};  ///< By status / 100; 0: the client left before one.
    std::array<uint64_t, kLatencyBounds.size() + 1> latency{};
    double latency_sum = 0;
    Latency fine;            ///< The same, for quantiles.
    uint64_t bytes_in = 0;   ///< Request bodies.
    uint64_t bytes_out = 0;  ///< Response heads and bodies.
    uint64_t upstream_errors = 0;
    uint64_t retries = 0;
    uint64_t tunnels = 0;
    uint64_t decoded = 0;  ///< Request bodies decompressed.
    uint64_t mirrored = 0;
    uint64_t mirrors_skipped = 0;  ///< Body too large or not whole, or too many under way.
    uint64_t encoded = 0;          ///< Answers compressed on their way.
    std::array<uint64_t, kCacheResults> cache{};  ///< By CacheResult.

    void count_response(uint32_t status, Duration took);
    void add(const RouteCounters& other);
};

struct Counters {
    std::vector<RouteCounters> routes;  ///< By CompiledRoute::slot.
    RouteCounters unrouted;             ///< Requests that no route wanted, or that were no HTTP.
    uint64_t connections_accepted = 0;
    uint64_t connections_refused = 0;  ///< Above connections_max.
    uint64_t connections_open = 0;
    uint64_t upstream_connects = 0;
    uint64_t upstream_idle = 0;
    uint64_t mirrors_failed = 0;
    uint64_t access_lines_dropped = 0;
    uint64_t http2_connections = 0;
    uint64_t http2_streams = 0;
    uint64_t http2_streams_open = 0;
    std::array<uint64_t, wire::kHttp2CutCount> http2_cut{};  ///< By wire::Http2Cut.
    std::vector<TcpCounters> tcp;                            ///< By the number of the route's name.
    uint64_t proxy_headers_refused = 0;                      ///< Missing, malformed or too slow.
    uint64_t tls_handshakes = 0;                             ///< Completed.
    uint64_t tls_resumptions = 0;                            ///< Of them: by a ticket.
    uint64_t tls_in_library = 0;  ///< Of them: whose records OpenSSL protects (TLS 1.2).
    uint64_t tls_failures = 0;    ///< Refused, garbage or too slow.

    RouteCounters& route(uint32_t slot) {
        if (slot >= routes.size()) {
            routes.resize(slot + 1);
        }
        return routes[slot];
    }
    TcpCounters& tcp_route(uint32_t slot) {
        if (slot >= tcp.size()) {
            tcp.resize(slot + 1);
        }
        return tcp[slot];
    }
    void add(const Counters& other);
    /// Writes the shore_gateway_* metrics; `route_names` by slot.
    void write(observe::MetricsText& text, std::span<const std::string> route_names) const;
};

}  // namespace shore::gateway
