// Rules: the small judgements about one instance or service that plan() is made of.
#pragma once

#include <optional>
#include <string>

#include "release/desired.h"
#include "release/observed.h"

namespace shore::release {

/// Told to stop, or stopping: it will not come back.
bool is_leaving(const ObservedInstance& instance);
/// Has or will have a process.
bool is_live(const ObservedInstance& instance);
/// Healthy now (or alive without a health check), and staying.
bool is_running(const ObservedInstance& instance);

/// update_config, or rollback_config on the way back, with what is not free made explicit:
/// parallelism is 1..replicas, and a fixed port or a one-shot service forces stop-first.
struct Rolling {
    uint32_t parallelism = 1;
    bool start_first = true;
    Duration delay{};
    Duration settle{};  ///< How long an instance must run before it counts as well.
    uint32_t failures_allowed = 0;
    model::FailureAction failure_action = model::FailureAction::kRollback;
};
Rolling rolling(const ServiceGoal& goal, bool rolling_back);

/// Live instances that the service may have at any moment, those that are stopping included.
uint32_t live_max(const ServiceGoal& goal, const Rolling& rolling);

/// How long an instance may be starting: what its health check allows, and at least
/// kStartTimeoutMin.
Duration start_timeout(const model::ServiceSpec& spec);

/// Running for long enough to rely on. Otherwise `wake` is when it will be, if it is running.
bool is_well(const ObservedInstance& instance, const Rolling& rolling, SteadyTime now);

/// Why an instance that the rollout has started speaks against its release, or nothing.
/// `first_release`: there is nothing better to go back to, so that some crashes are forgiven.
std::optional<std::string> failure(const ObservedInstance& instance, const model::ServiceSpec& spec,
                                   bool first_release, SteadyTime now);

}  // namespace shore::release
