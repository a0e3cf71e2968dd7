#include "release/goals.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "config/digest.h"

namespace shore::release {
namespace {

const store::ServiceOverride* find_override(const Overrides& overrides, std::string_view service) {
    const auto found = overrides.find(service);
    return found == overrides.end() ? nullptr : &found->second;
}

ServiceGoal removed_goal(const model::ServiceSpec& service) {
    ServiceGoal goal;
    goal.spec = service;
    goal.removed = true;
    return goal;
}

}  // namespace

uint32_t replicas_in_force(const model::ServiceSpec& service, const Overrides& overrides) {
    const store::ServiceOverride* value = find_override(overrides, service.name);
    if (!model::has_process(service) || (value != nullptr && value->stopped)) {
        return 0;
    }
    if (service.one_shot) {
        return 1;
    }
    return value != nullptr && value->replicas ? *value->replicas : service.replicas;
}

std::string goal_digest(const model::StackSpec& stack, const model::ServiceSpec& service,
                        uint64_t release, const Overrides& overrides) {
    std::string digest = config::service_digest(service);
    std::string more;
    for (const model::Dependency& dependency : service.depends_on) {
        const model::ServiceSpec* other = model::find_service(stack, dependency.service);
        if (dependency.restart && other != nullptr) {
            more += goal_digest(stack, *other, release, overrides) + "\n";
        }
    }
    const store::ServiceOverride* value = find_override(overrides, service.name);
    if (value != nullptr && value->generation != 0) {
        more += fmt::format("generation {}\n", value->generation);
    }
    if (service.one_shot) {
        more += fmt::format("release {}\n", release);
    }
    return more.empty() ? digest : config::text_digest(digest + "\n" + more);
}

Desired make_desired(const GoalRequest& request, const Overrides& overrides) {
    Desired desired;
    desired.release = request.release;
    desired.status = request.status;
    desired.previous = request.previous;
    desired.rolling_back = request.rolling_back;
    desired.paused = request.paused;
    desired.since = request.since;
    std::set<std::string> names;
    if (request.spec != nullptr) {
        for (const model::ServiceSpec& service : request.spec->services) {
            ServiceGoal goal;
            goal.spec = service;
            goal.digest = goal_digest(*request.spec, service, request.release, overrides);
            goal.replicas = replicas_in_force(service, overrides);
            const store::ServiceOverride* value = find_override(overrides, service.name);
            goal.stopped = value != nullptr && value->stopped;
            goal.done_before = service.one_shot && request.one_shots_done;
            names.insert(service.name);
            desired.services.push_back(std::move(goal));
        }
    }
    for (const model::StackSpec* leaving : request.leaving) {
        for (const model::ServiceSpec& service : leaving->services) {
            if (names.insert(service.name).second) {
                desired.services.push_back(removed_goal(service));
            }
        }
    }
    std::ranges::sort(desired.services, {}, [](const ServiceGoal& goal) { return goal.spec.name; });
    return desired;
}

Overrides carry_over(const Overrides& overrides, const model::StackSpec* before,
                     const model::StackSpec& after) {
    Overrides result = overrides;
    std::erase_if(result, [&](const auto& entry) {
        return model::find_service(after, entry.first) == nullptr;
    });
    for (auto& [name, value] : result) {
        const model::ServiceSpec* old =
            before == nullptr ? nullptr : model::find_service(*before, name);
        const model::ServiceSpec* fresh = model::find_service(after, name);
        if (old != nullptr && old->replicas != fresh->replicas) {
            value.replicas.reset();
        }
    }
    return result;
}

}  // namespace shore::release
