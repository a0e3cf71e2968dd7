// TrafficHistory: what each route did in the last minute, from samples of the loops' counters: the
// rates and quantiles that `shore top` and /metrics show. Keeps differences only, and only of
// routes that had requests. Control thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "base/clock.h"
#include "gateway/counters.h"
#include "gateway/latency.h"

namespace shore::gateway {

struct RouteTraffic {
    uint32_t slot = 0;  ///< CompiledRoute::slot; kUnroutedSlot.
    std::array<uint64_t, 6> responses{};
    uint64_t bytes_in = 0;
    uint64_t bytes_out = 0;
    Latency latency;

    uint64_t requests() const;
    /// Answered 5xx.
    uint64_t errors() const { return responses[5]; }
};

/// Requests that no route wanted.
inline constexpr uint32_t kUnroutedSlot = UINT32_MAX;

class TrafficHistory final {
 public:
    /// Takes a sample; at most one per kTrafficPause is kept.
    void sample(const Counters& now, SteadyTime at);

    struct Window {
        Duration length{};
        std::vector<RouteTraffic> routes;  ///< Those that had requests.
    };
    /// Of about the last `length`, up to the present counters.
    Window window(const Counters& now, SteadyTime at, Duration length) const;

 private:
    struct Sample {
        SteadyTime begin;
        std::vector<RouteTraffic> routes;
    };
    static std::vector<RouteTraffic> difference(const Counters& from, const Counters& to);

    std::deque<Sample> samples_;  // Oldest first; each ends where the next begins.
    Counters last_;
    SteadyTime last_at_{};
};

}  // namespace shore::gateway
