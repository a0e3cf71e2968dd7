// plan(): failures first, then each service's steps, then what the gateway must know, then what may
// stop.
#include "release/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "release/limits.h"
#include "release/service_view.h"

namespace shore::release {
namespace {

using model::InstanceState;

struct Failure {
    std::string why;
    std::string instance;
    model::FailureAction action = model::FailureAction::kRollback;
};

/// The first service whose new instances speak against the release.
std::optional<Failure> find_failure(const World& world) {
    const bool first_release = world.desired.previous == 0;
    for (const auto& [name, view] : world.services) {
        if (view.goal == nullptr || view.goal->removed ||
            view.rolling.failure_action == model::FailureAction::kContinue) {
            continue;
        }
        uint32_t failures = 0;
        for (const Instances* instances : {&view.current, &view.failed}) {
            for (const ObservedInstance* instance : *instances) {
                if (instance->instance.release != world.desired.release) {
                    continue;
                }
                auto why = failure(*instance, view.goal->spec, first_release, world.now);
                if (why && ++failures > view.rolling.failures_allowed) {
                    return Failure{fmt::format("service {}: {}", name, *why), instance->instance.id,
                                   view.rolling.failure_action};
                }
            }
        }
    }
    return std::nullopt;
}

/// True when the release was given up: nothing else is to be planned for it.
bool judge(const World& world, Plan& plan) {
    if (world.desired.status != model::ReleaseStatus::kDeploying || world.desired.rolling_back) {
        return false;
    }
    const auto failed = find_failure(world);
    if (!failed) {
        return false;
    }
    if (failed->action == model::FailureAction::kRollback && world.desired.previous != 0) {
        plan.actions.emplace_back(BeginRollback{failed->why, failed->instance});
    } else {
        const bool pause = failed->action == model::FailureAction::kPause;
        plan.actions.emplace_back(MarkRelease{model::ReleaseStatus::kFailed, failed->why, pause});
    }
    return true;
}

std::string sentences(const std::vector<Obstacle>& obstacles) {
    std::string text;
    for (const Obstacle& obstacle : obstacles) {
        text += (text.empty() ? "" : "; ") + obstacle.why;
    }
    return text;
}

/// A rollout that cannot get on comes to an end: what an unchanged dependency or a failure that
/// update_config puts up with would keep waiting for ever.
void judge_obstacles(const World& world, const std::vector<Obstacle>& obstacles, Plan& plan) {
    const std::string why = sentences(obstacles);
    bool pause = false;
    for (const Obstacle& obstacle : obstacles) {
        const auto action = world.services.find(obstacle.service)->second.rolling.failure_action;
        if (action == model::FailureAction::kRollback && world.desired.previous != 0) {
            plan.actions.emplace_back(BeginRollback{why, obstacle.instance});
            return;
        }
        pause = pause || action == model::FailureAction::kPause;
    }
    plan.actions.emplace_back(MarkRelease{model::ReleaseStatus::kFailed, why, pause});
}

uint32_t count_starting(const World& world) {
    return static_cast<uint32_t>(
        std::ranges::count_if(world.observed.instances, [](const ObservedInstance& i) {
            return i.start_pending ||
                   (i.instance.state == InstanceState::kStarting && !is_leaving(i));
        }));
}

/// Publishes what differs; stops those retiring instances that take no requests any more.
void retire(const World& world, const std::map<std::string, std::string>& retiring, Plan& plan) {
    const Publication wanted = wanted_publication(world, retiring);
    const auto& [published, publishing] =
        std::tie(world.observed.published, world.observed.publishing);
    if (!publishing && (!published || *published != wanted)) {
        plan.actions.emplace_back(Publish{wanted});
    }
    for (const ObservedInstance& observed : world.observed.instances) {
        const auto found = retiring.find(observed.instance.id);
        if (found == retiring.end()) {
            continue;
        }
        const auto endpoint = wanted.endpoints.find(observed.instance.id);
        // It may have been sent as serving and not be acknowledged yet.
        const bool sent = publishing && publishing->endpoints.contains(observed.instance.id);
        if (endpoint != wanted.endpoints.end() || sent) {
            const bool told = observed.serving == Serving::kDraining &&
                              !(sent && !publishing->endpoints.at(observed.instance.id).draining);
            const SteadyTime patience = observed.draining_since + world.options.drain_timeout;
            if (!told) {
                continue;
            }
            if (!observed.drained && patience > world.now) {
                wake(plan, patience);
                continue;
            }
        } else if (observed.serving == Serving::kYes &&
                   observed.instance.state != InstanceState::kBackoff) {
            continue;  // The gateway has not acknowledged yet that it is gone.
        }
        plan.actions.emplace_back(StopInstance{observed.instance.id, found->second});
    }
}

void forget_ended(const World& world, Plan& plan) {
    for (const auto& [name, view] : world.services) {
        for (const ObservedInstance* instance : view.ended) {
            plan.actions.emplace_back(ForgetInstance{instance->instance.id});
        }
    }
}

/// Instances that were there before become part of the release; then it is active.
void conclude(const World& world, Plan& plan) {
    for (const auto& [name, view] : world.services) {
        for (const Instances* instances : {&view.current, &view.done, &view.failed}) {
            for (const ObservedInstance* instance : *instances) {
                if (instance->instance.release != world.desired.release) {
                    plan.actions.emplace_back(AdoptInstance{instance->instance.id});
                }
            }
        }
    }
    if (world.desired.status != model::ReleaseStatus::kActive) {
        plan.actions.emplace_back(MarkRelease{model::ReleaseStatus::kActive, "", false});
    }
}

}  // namespace

Plan plan(const Desired& desired, const Observed& observed, const PlanOptions& options,
          SteadyTime now) {
    const World world = survey(desired, observed, options, now);
    Plan plan;
    if (judge(world, plan)) {
        return plan;
    }
    const uint32_t starting = count_starting(world);
    uint32_t starts_left = kStartsAtOnceMax - std::min(kStartsAtOnceMax, starting);
    std::map<std::string, std::string> retiring;
    bool complete = true;
    for (const auto& [name, view] : world.services) {
        ServiceSteps steps = service_steps(world, view, starts_left, plan);
        complete = complete && steps.complete;
        for (const uint32_t slot : steps.starts) {
            plan.actions.emplace_back(StartInstance{name, slot});
        }
        retiring.merge(steps.retiring);
    }
    retire(world, retiring, plan);
    forget_ended(world, plan);
    if (complete && plan.actions.empty() && !observed.publishing) {
        conclude(world, plan);
    }
    if (!complete && plan.actions.empty() && !observed.publishing && !desired.paused) {
        auto obstacles = find_obstacles(world, plan);
        const bool deploying =
            desired.status == model::ReleaseStatus::kDeploying && !desired.rolling_back;
        if (deploying && !obstacles.empty()) {
            judge_obstacles(world, obstacles, plan);
        } else {
            plan.obstacles = std::move(obstacles);
        }
    }
    std::ranges::sort(plan.waiting);
    plan.waiting.erase(std::ranges::unique(plan.waiting).begin(), plan.waiting.end());
    plan.settled = complete && plan.actions.empty() && !observed.publishing;
    return plan;
}

}  // namespace shore::release
