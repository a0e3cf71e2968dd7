// What keeps a stack from becoming as desired when nothing is under way that could change it:
// instances that fail, and services that wait for them.
#include <algorithm>

#include <fmt/format.h>

#include "release/limits.h"
#include "release/service_view.h"

namespace shore::release {
namespace {

using model::InstanceState;

struct Failing {
    const ObservedInstance* instance = nullptr;
    std::string why;
};

/// An instance of the service, as its goal wants it, that has failed or keeps failing. One that is
/// well keeps nothing from going on, however often it was started before.
std::optional<Failing> find_failing(const World& world, const ServiceView& view) {
    const bool first_release =
        world.desired.previous == 0 && world.desired.status == model::ReleaseStatus::kDeploying;
    for (const Instances* instances : {&view.failed, &view.current}) {
        for (const ObservedInstance* instance : *instances) {
            if (is_well(*instance, view.rolling, world.now)) {
                continue;
            }
            if (auto why = failure(*instance, view.goal->spec, first_release, world.now)) {
                return Failing{instance, std::move(*why)};
            }
        }
    }
    return std::nullopt;
}

/// The instance may still come to something else by itself.
bool is_moving(const World& world, const ServiceView& view, const ObservedInstance& observed) {
    if (observed.start_pending || is_leaving(observed) || observed.adopted) {
        return true;
    }
    const bool unproven = observed.instance.state == InstanceState::kStarting ||
                          (is_running(observed) && !is_well(observed, view.rolling, world.now));
    return unproven && !failure(observed, view.goal->spec, false, world.now);
}

bool is_moving(const World& world, const ServiceView& view) {
    return !view.leaving.empty() ||
           std::ranges::any_of(view.current, [&](const ObservedInstance* instance) {
               return is_moving(world, view, *instance);
           });
}

std::optional<Obstacle> find_obstacle(const World& world, const ServiceView& view) {
    const std::string& name = view.goal->spec.name;
    if (const auto failing = find_failing(world, view)) {
        // A rollout forgives for a while what its rules forgive; an operator who asked for a
        // restart wants to know.
        const bool patient =
            world.desired.status != model::ReleaseStatus::kActive || world.desired.rolling_back;
        return Obstacle{name, failing->instance->instance.id,
                        fmt::format("service {}: {}", name, failing->why),
                        patient ? start_timeout(view.goal->spec) : Duration{}};
    }
    const auto blocked = blocking_dependency(world, *view.goal);
    if (!blocked || view.held() >= view.replicas()) {
        return std::nullopt;
    }
    if (const auto failing = find_failing(world, *blocked->view)) {
        return Obstacle{name, "", fmt::format("service {}, but {}", blocked->phrase, failing->why),
                        start_timeout(blocked->view->goal->spec)};
    }
    // The dependency waits too, for another: dependencies have no circles.
    const auto further = find_obstacle(world, *blocked->view);
    if (!further) {
        return std::nullopt;
    }
    return Obstacle{name, "", fmt::format("service {}", blocked->phrase), further->patience};
}

}  // namespace

std::vector<Obstacle> find_obstacles(const World& world, Plan& plan) {
    std::vector<Obstacle> obstacles;
    for (const auto& [name, view] : world.services) {
        if (view.goal == nullptr || is_moving(world, view)) {
            return {};
        }
        if (view.goal->removed || is_complete(world, view)) {
            continue;  // What is removed waits for the others.
        }
        auto obstacle = find_obstacle(world, view);
        if (!obstacle) {
            return {};  // It waits for something that will come: a moment, a place, a dependency's
                        // dependency.
        }
        const SteadyTime ripe = world.desired.since + obstacle->patience;
        if (ripe > world.now) {
            wake(plan, ripe);
            return {};
        }
        obstacles.push_back(std::move(*obstacle));
    }
    return obstacles;
}

}  // namespace shore::release
