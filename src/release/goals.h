// Goals: from a release's manifest and the operator's overrides to what plan() wants. Pure.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/stack_spec.h"
#include "release/desired.h"
#include "store/records.h"

namespace shore::release {

using Overrides = std::map<std::string, store::ServiceOverride, std::less<>>;

struct GoalRequest {
    uint64_t release = 0;
    model::ReleaseStatus status = model::ReleaseStatus::kDeploying;
    uint64_t previous = 0;
    bool rolling_back = false;
    bool paused = false;
    /// Null while the stack goes down.
    const model::StackSpec* spec = nullptr;
    /// Manifests that may have left services behind: what `spec` lacks of theirs is to be removed.
    std::vector<const model::StackSpec*> leaving;
    SteadyTime since{};
    /// One-shot services of `spec` are not run (again).
    bool one_shots_done = false;
};

Desired make_desired(const GoalRequest& request, const Overrides& overrides);

/// What tells whether an instance must be replaced: config::service_digest; the digests of
/// dependencies with `restart: true`; the generation of `shore restart`; for a one-shot service the
/// release, in each of which it runs once.
std::string goal_digest(const model::StackSpec& stack, const model::ServiceSpec& service,
                        uint64_t release, const Overrides& overrides);

/// Replicas in force: 0 when stopped or static, the override if there is one, else the manifest's.
uint32_t replicas_in_force(const model::ServiceSpec& service, const Overrides& overrides);

/// Overrides after a release has changed a service: `scale` ends where `deploy.replicas` was edited
/// or the service is gone.
Overrides carry_over(const Overrides& overrides, const model::StackSpec* before,
                     const model::StackSpec& after);

}  // namespace shore::release
