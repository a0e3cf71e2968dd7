// Sorting the observed instances by service and by what they are to its goal.
#include <algorithm>

#include "release/service_view.h"

namespace shore::release {
namespace {

using model::InstanceState;

Instances& place(ServiceView& view, const Desired& desired, const ObservedInstance& observed) {
    const bool wanted = view.goal != nullptr && !view.goal->removed &&
                        observed.instance.digest == view.goal->digest;
    if (is_live(observed)) {
        if (is_leaving(observed)) {
            return view.leaving;
        }
        return wanted ? view.current : view.stale;
    }
    if (wanted && observed.instance.state == InstanceState::kFailed) {
        // A new release tries again what failed under an earlier one.
        const bool try_again = desired.status == model::ReleaseStatus::kDeploying &&
                               observed.instance.release != desired.release;
        return try_again ? view.ended : view.failed;
    }
    if (wanted && observed.instance.state == InstanceState::kCompleted) {
        return view.done;
    }
    return view.ended;
}

/// After scaling down, what has ended gives up its place first.
void release_places(ServiceView& view) {
    for (Instances* ended : {&view.failed, &view.done}) {
        while (view.held() > view.replicas() && !ended->empty()) {
            view.ended.push_back(ended->back());
            ended->pop_back();
        }
    }
}

}  // namespace

World survey(const Desired& desired, const Observed& observed, const PlanOptions& options,
             SteadyTime now) {
    World world{desired, observed, options, now, {}};
    for (const ServiceGoal& goal : desired.services) {
        ServiceView& view = world.services[goal.spec.name];
        view.goal = &goal;
        view.rolling = rolling(goal, desired.rolling_back);
    }
    for (const ObservedInstance& instance : observed.instances) {
        ServiceView& view = world.services[instance.instance.service];
        place(view, desired, instance).push_back(&instance);
    }
    for (auto& [name, view] : world.services) {
        release_places(view);
    }
    return world;
}

void wake(Plan& plan, SteadyTime at) {
    if (!plan.wake_at || at < *plan.wake_at) {
        plan.wake_at = at;
    }
}

}  // namespace shore::release
