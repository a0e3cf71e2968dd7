// For the tests of this room: short ways to say what is desired and what is there.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "release/limits.h"
#include "release/plan.h"

namespace shore::release {

inline const SteadyTime kNow = SteadyTime(std::chrono::hours(1));

inline ServiceGoal goal(std::string name, std::string digest, uint32_t replicas = 1) {
    ServiceGoal goal;
    goal.spec.name = std::move(name);
    goal.spec.command = {"app"};
    goal.spec.health.probe = model::HealthProbe::kHttp;
    goal.spec.http = model::HttpRoute{};
    goal.spec.replicas = replicas;
    goal.digest = std::move(digest);
    goal.replicas = replicas;
    return goal;
}

inline ServiceGoal worker(std::string name, std::string digest, uint32_t replicas = 1) {
    ServiceGoal it = goal(std::move(name), std::move(digest), replicas);
    it.spec.http.reset();
    return it;
}

inline ServiceGoal one_shot(std::string name, std::string digest) {
    ServiceGoal it = worker(std::move(name), std::move(digest), 1);
    it.spec.one_shot = true;
    it.spec.health.probe = model::HealthProbe::kNone;
    return it;
}

inline ServiceGoal removed(ServiceGoal goal) {
    goal.removed = true;
    goal.replicas = 0;
    return goal;
}

inline ServiceGoal after(ServiceGoal goal, std::string service,
                         model::DependencyCondition condition, bool required = true) {
    goal.spec.depends_on.push_back(
        {.service = std::move(service), .condition = condition, .required = required});
    return goal;
}

/// A rollout of `release` over the one before it.
inline Desired deploying(uint64_t release, std::vector<ServiceGoal> services) {
    Desired desired;
    desired.release = release;
    desired.previous = release - 1;
    desired.services = std::move(services);
    std::ranges::sort(desired.services, {}, [](const auto& g) { return g.spec.name; });
    return desired;
}

inline Desired active(uint64_t release, std::vector<ServiceGoal> services) {
    Desired desired = deploying(release, std::move(services));
    desired.status = model::ReleaseStatus::kActive;
    desired.previous = 0;
    return desired;
}

/// An instance "api-3" of service "api"; it has been in its state for a minute, and serves when it
/// is running.
inline ObservedInstance instance(std::string id, std::string digest, model::InstanceState state,
                                 uint64_t release, uint32_t slot = 1) {
    ObservedInstance observed;
    observed.instance.service = id.substr(0, id.rfind('-'));
    observed.instance.id = std::move(id);
    observed.instance.digest = std::move(digest);
    observed.instance.state = state;
    observed.instance.release = release;
    observed.instance.slot = slot;
    observed.instance.port = static_cast<uint16_t>(
        20'000 + std::stoi(observed.instance.id.substr(observed.instance.id.rfind('-') + 1)));
    observed.state_since = kNow - std::chrono::minutes(1);
    return observed;
}

inline ObservedInstance running(std::string id, std::string digest, uint64_t release,
                                uint32_t slot = 1) {
    ObservedInstance observed =
        instance(std::move(id), std::move(digest), model::InstanceState::kRunning, release, slot);
    observed.serving = Serving::kYes;
    return observed;
}

inline ObservedInstance fresh(ObservedInstance observed, Duration age = {}) {
    observed.state_since = kNow - age;
    return observed;
}

inline ObservedInstance draining(ObservedInstance observed, bool drained) {
    observed.serving = Serving::kDraining;
    observed.draining_since = kNow;
    observed.drained = drained;
    return observed;
}

/// What the gateway has acknowledged follows from how the instances are served.
inline Observed world(const Desired& desired, std::vector<ObservedInstance> instances) {
    Observed observed;
    Publication publication;
    publication.release = desired.release;
    if (desired.status != model::ReleaseStatus::kActive) {
        publication.fallback_release = desired.previous;
    }
    for (ObservedInstance& it : instances) {
        const ServiceGoal* goal = find_goal(desired, it.instance.service);
        if (goal != nullptr && !goal->spec.http) {
            it.serving = Serving::kNo;
        }
        if (it.serving != Serving::kNo) {
            publication.endpoints[it.instance.id] = {it.instance.port,
                                                     it.serving == Serving::kDraining};
        }
    }
    observed.published = publication;
    observed.instances = std::move(instances);
    return observed;
}

/// What plan() orders, a line an action.
inline std::vector<std::string> orders(const Desired& desired, const Observed& observed) {
    std::vector<std::string> lines;
    for (const Action& action : plan(desired, observed, {}, kNow).actions) {
        lines.push_back(to_text(action));
    }
    return lines;
}

}  // namespace shore::release
