// Order between services: who may start, and who may be removed.
#include <algorithm>

#include <fmt/format.h>

#include "release/service_view.h"

namespace shore::release {
namespace {

using model::DependencyCondition;

uint32_t count_running(const Instances& instances) {
    return static_cast<uint32_t>(
        std::ranges::count_if(instances, [](const auto* i) { return is_running(*i); }));
}

uint32_t count_begun(const Instances& instances) {
    return static_cast<uint32_t>(
        std::ranges::count_if(instances, [](const auto* i) { return !i->start_pending; }));
}

bool allows(const World& world, const ServiceView& dependency, DependencyCondition condition) {
    const ServiceGoal& goal = *dependency.goal;
    if (goal.replicas == 0 || goal.done_before) {
        return true;
    }
    const auto done = static_cast<uint32_t>(dependency.done.size());
    const auto failed = static_cast<uint32_t>(dependency.failed.size());
    switch (condition) {
        case DependencyCondition::kStarted:
            return count_begun(dependency.current) + done + failed >= goal.replicas;
        case DependencyCondition::kHealthy: {
            // A rollout waits for all of them; later one is enough to work with.
            const bool deploying = world.desired.status == model::ReleaseStatus::kDeploying;
            return count_running(dependency.current) + done >= (deploying ? goal.replicas : 1);
        }
        case DependencyCondition::kCompleted:
            return done >= goal.replicas;
    }
    return true;
}

bool has_failed(const World& world, const ServiceView& dependency) {
    if (!dependency.failed.empty()) {
        return true;
    }
    return std::ranges::any_of(dependency.current, [&](const auto* instance) {
        return failure(*instance, dependency.goal->spec, false, world.now).has_value();
    });
}

std::string_view phrase(DependencyCondition condition) {
    switch (condition) {
        case DependencyCondition::kStarted:
            return "start";
        case DependencyCondition::kHealthy:
            return "be healthy";
        case DependencyCondition::kCompleted:
            return "complete";
    }
    return "";
}

bool depends_on(const ServiceGoal& goal, std::string_view service) {
    return std::ranges::any_of(goal.spec.depends_on,
                               [&](const auto& d) { return d.service == service; });
}

}  // namespace

std::optional<std::string> blocked_by_dependency(const World& world, const ServiceGoal& goal) {
    auto blocked = blocking_dependency(world, goal);
    return blocked ? std::optional(std::move(blocked->phrase)) : std::nullopt;
}

std::optional<Blocked> blocking_dependency(const World& world, const ServiceGoal& goal) {
    for (const model::Dependency& dependency : goal.spec.depends_on) {
        const auto found = world.services.find(dependency.service);
        if (found == world.services.end() || found->second.goal == nullptr ||
            found->second.goal->removed) {
            continue;
        }
        if (allows(world, found->second, dependency.condition)) {
            continue;
        }
        if (!dependency.required && has_failed(world, found->second)) {
            continue;
        }
        return Blocked{&found->second,
                       fmt::format("{} waits for {} to {}", goal.spec.name, dependency.service,
                                   phrase(dependency.condition))};
    }
    return std::nullopt;
}

bool may_be_removed(const World& world, const ServiceView& view) {
    if (view.goal == nullptr || !view.goal->removed) {
        return true;
    }
    for (const auto& [name, other] : world.services) {
        if (other.goal == nullptr || &other == &view) {
            continue;
        }
        if (other.goal->removed) {
            if (other.live() > 0 && depends_on(*other.goal, view.goal->spec.name)) {
                return false;
            }
            continue;
        }
        const bool port_needed = view.goal->spec.fixed_port != 0 &&
                                 other.goal->spec.fixed_port == view.goal->spec.fixed_port;
        if (port_needed) {
            return true;
        }
        if (!world.desired.rolling_back && !is_complete(world, other)) {
            return false;
        }
    }
    return true;
}

}  // namespace shore::release
