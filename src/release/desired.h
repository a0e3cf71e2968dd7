// Desired: what should be running, as one value. The controller makes it from a release's manifest
// and the operator's overrides (goals.h); plan() compares it with Observed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/release.h"
#include "model/service_spec.h"

namespace shore::release {

struct ServiceGoal {
    model::ServiceSpec spec;
    /// config::service_digest and the generation: an instance with another digest is replaced.
    std::string digest;
    /// Override or manifest; 0 when stopped by the operator, for a static service, and while going
    /// down.
    uint32_t replicas = 0;
    /// Not part of the release any more; known only so that it is stopped in the right order.
    bool removed = false;
    /// `shore stop`: replicas is 0 and dependants do not wait for it.
    bool stopped = false;
    /// A one-shot service that need not run (again): the release was active already, or it is the
    /// one that a failure falls back to.
    bool done_before = false;
};

struct Desired {
    uint64_t release = 0;
    /// kDeploying: a rollout is under way and may fail. kActive: keep it so. kFailed: without a
    /// release to go back to, or paused.
    model::ReleaseStatus status = model::ReleaseStatus::kDeploying;
    /// The release that plan() falls back to when this one fails; 0: none (the first release).
    uint64_t previous = 0;
    /// A way back after a failure: rollback_config acts, and nothing is rolled back from here.
    bool rolling_back = false;
    /// After failure_action pause: nothing is started or stopped until the next operation.
    bool paused = false;
    /// When this became what is desired. What failed before then has some time to recover before it
    /// counts against it.
    SteadyTime since{};
    /// Sorted by name; removed services included.
    std::vector<ServiceGoal> services;
};

/// The named goal, or nullptr.
const ServiceGoal* find_goal(const Desired& desired, std::string_view service);

}  // namespace shore::release
