// Health: what probes said, and what follows from it. HealthTracker is a pure state machine over
// probe results and times; probe.h asks the instance.
//
//   starting  -> running     at the first success
//   starting  -> unhealthy   when the start period is over and `retries` intervals passed without a
//   success running   -> unhealthy   after `retries` failures in a row unhealthy -> running     at
//   the next success
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "base/clock.h"
#include "model/service_spec.h"

namespace shore::supervise {

enum class Health : uint8_t { kNone = 1, kStarting = 2, kHealthy = 3, kUnhealthy = 4 };

/// "none", "starting", "healthy", "unhealthy".
std::string_view to_string(Health health);

struct ProbeResult {
    bool ok = false;
    std::string message;  ///< "200 OK", "connection refused", "exit 1: …"; printable, at most
                          ///< kProbeMessageMax bytes.
    WallTime at{};
    Duration took{};
    friend bool operator==(const ProbeResult&, const ProbeResult&) = default;
};

struct HealthHistory {
    Health health = Health::kNone;
    uint32_t failures = 0;            ///< In a row.
    std::deque<ProbeResult> results;  ///< The last kProbeResultsKept, oldest first.
};

/// The check with enough time for an app to begin to listen: where it goes by the port and the
/// manifest says nothing about times, `listen_timeout` passes before it counts as failed. Pure.
model::HealthCheck with_listen_timeout(model::HealthCheck check, Duration listen_timeout);

class HealthTracker final {
 public:
    /// A process began at `started`.
    HealthTracker(model::HealthCheck check, SteadyTime started);

    /// Takes in a result; returns the health it leads to.
    Health record(ProbeResult result, SteadyTime now);
    /// How long to wait before the next probe.
    Duration next_delay(SteadyTime now) const;
    const HealthHistory& history() const { return history_; }

 private:
    model::HealthCheck check_;
    SteadyTime started_;
    HealthHistory history_;
};

}  // namespace shore::supervise
