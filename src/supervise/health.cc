#include "supervise/health.h"

#include <algorithm>

#include "supervise/limits.h"

namespace shore::supervise {

std::string_view to_string(Health health) {
    switch (health) {
        case Health::kNone:
            return "none";
        case Health::kStarting:
            return "starting";
        case Health::kHealthy:
            return "healthy";
        case Health::kUnhealthy:
            return "unhealthy";
    }
    return "none";
}

model::HealthCheck with_listen_timeout(model::HealthCheck check, Duration listen_timeout) {
    const model::HealthCheck usual;
    const bool by_port =
        check.probe == model::HealthProbe::kTcp || check.probe == model::HealthProbe::kHttp;
    const bool times_unsaid = check.interval == usual.interval && check.retries == usual.retries &&
                              check.start_period == usual.start_period;
    if (by_port && times_unsaid) {
        check.start_period =
            std::max(check.start_period, listen_timeout - check.interval * check.retries);
    }
    return check;
}

HealthTracker::HealthTracker(model::HealthCheck check, SteadyTime started)
    : check_(std::move(check)), started_(started) {
    history_.health = Health::kStarting;
}

Health HealthTracker::record(ProbeResult result, SteadyTime now) {
    const bool ok = result.ok;
    history_.results.push_back(std::move(result));
    if (history_.results.size() > kProbeResultsKept) {
        history_.results.pop_front();
    }
    history_.failures = ok ? 0 : history_.failures + 1;
    const uint32_t retries = std::max<uint32_t>(check_.retries, 1);
    if (ok) {
        history_.health = Health::kHealthy;
    } else if (history_.health == Health::kStarting) {
        // Probes come faster while starting; what counts is the time that `retries` probes at the
        // usual pace would take.
        if (now - started_ >= check_.start_period + check_.interval * retries) {
            history_.health = Health::kUnhealthy;
        }
    } else if (history_.failures >= retries) {
        history_.health = Health::kUnhealthy;
    }
    return history_.health;
}

Duration HealthTracker::next_delay(SteadyTime now) const {
    if (history_.health != Health::kStarting) {
        return check_.interval;
    }
    const Duration pace = std::min(check_.start_interval, check_.interval);
    // The first second is probed quickly: most apps are up by then, and a deploy waits for each of
    // them.
    if (now - started_ < std::chrono::seconds(1)) {
        return std::min<Duration>(pace, std::chrono::milliseconds(50));
    }
    return pace;
}

}  // namespace shore::supervise
