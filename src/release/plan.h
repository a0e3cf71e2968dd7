// plan: the heart of deploys. A pure function from what should be and what is to what to do now.
//
// It is called again after every change and after every wake_at; it remembers nothing. What is
// already under way (start_pending, stop_pending, publishing) is not ordered twice. Every rule has
// a sentence in plan_test.cc, and plan_walk_test.cc holds the invariants against random worlds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "release/action.h"
#include "release/desired.h"
#include "release/observed.h"

namespace shore::release {

/// Why a service does not become as desired.
struct Obstacle {
    std::string service;
    std::string instance;  ///< Of this service, when it is one that fails; empty when it waits for
                           ///< another service.
    std::string why;       ///< "service api: api-5 keeps ending: exited with 1".
    Duration patience{};   ///< For so long after Desired::since it does not count.
};

struct Plan {
    /// To be done now, in this order; they do not depend on each other's completion.
    std::vector<Action> actions;
    /// Plan again then at the latest; absent: only a change can make a difference.
    std::optional<SteadyTime> wake_at;
    /// Nothing is to be done or awaited: observed is as desired.
    bool settled = false;
    /// What the rollout waits for, a phrase per service: "api waits for db to be healthy".
    std::vector<std::string> waiting;
    /// Not settled, and nothing is under way that could change it: one for each service in the way.
    /// Empty while anything moves. While a release is deployed they end in a verdict on it
    /// (MarkRelease, BeginRollback) instead.
    std::vector<Obstacle> obstacles;
};

struct PlanOptions {
    /// x-shore.gateway.drain_timeout: requests of a leaving instance may take this long.
    Duration drain_timeout = std::chrono::seconds(30);
};

Plan plan(const Desired& desired, const Observed& observed, const PlanOptions& options,
          SteadyTime now);

}  // namespace shore::release
