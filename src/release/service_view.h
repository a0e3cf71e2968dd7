// ServiceView: the instances of one service, sorted by what they are to its goal. World: all of it,
// for one plan.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "release/desired.h"
#include "release/observed.h"
#include "release/plan.h"
#include "release/rules.h"

namespace shore::release {

using Instances = std::vector<const ObservedInstance*>;

struct ServiceView {
    const ServiceGoal* goal = nullptr;  ///< Null: no release known to the plan has this service.
    Rolling rolling;
    Instances current;  ///< Live, staying, as the goal wants them.
    Instances stale;    ///< Live, staying, of another digest or an unknown service.
    Instances leaving;  ///< Live, told to stop.
    Instances failed;   ///< Ended as the goal wants them, but badly. They hold their place.
    Instances done;     ///< Ended as the goal wants them, and well.
    Instances ended;    ///< Of no use to anybody any more.

    uint32_t replicas() const { return goal == nullptr ? 0 : goal->replicas; }
    uint32_t live() const {
        return static_cast<uint32_t>(current.size() + stale.size() + leaving.size());
    }
    /// Places that need no new instance.
    uint32_t held() const {
        return static_cast<uint32_t>(current.size() + failed.size() + done.size());
    }
};

struct World {
    const Desired& desired;
    const Observed& observed;
    const PlanOptions& options;
    SteadyTime now;
    std::map<std::string, ServiceView, std::less<>> services;  ///< Goals and observed ones.
};

World survey(const Desired& desired, const Observed& observed, const PlanOptions& options,
             SteadyTime now);

/// Keeps the earlier of a plan's next look and `at`.
void wake(Plan& plan, SteadyTime at);

/// What service_steps() decided for one service.
struct ServiceSteps {
    std::vector<uint32_t> starts;                 ///< Slots.
    std::map<std::string, std::string> retiring;  ///< Instance id to the reason.
    bool complete = false;                        ///< As the goal wants it, nothing left over.
};

/// Starts and retirements of one service; phrases and the next look go into `plan`. `starts_left`
/// is what the stack may still have starting at once and is reduced.
ServiceSteps service_steps(const World& world, const ServiceView& view, uint32_t& starts_left,
                           Plan& plan);

/// "api waits for db to be healthy", or nothing when every dependency allows a start.
std::optional<std::string> blocked_by_dependency(const World& world, const ServiceGoal& goal);

/// The dependency that forbids a start, and the phrase that says so.
struct Blocked {
    const ServiceView* view = nullptr;
    std::string phrase;
};
std::optional<Blocked> blocking_dependency(const World& world, const ServiceGoal& goal);

/// See Plan::obstacles; the moment at which one that is forgiven still will count goes into `plan`.
std::vector<Obstacle> find_obstacles(const World& world, Plan& plan);

/// Whether a service without replicas may stop now: what depends on it goes first, and what
/// replaces it is ready.
bool may_be_removed(const World& world, const ServiceView& view);

/// True when the service is as its goal wants it and has nothing left over.
bool is_complete(const World& world, const ServiceView& view);

/// The state of the stack that the gateway should have, given which instances are to leave.
Publication wanted_publication(const World& world,
                               const std::map<std::string, std::string>& retiring);

}  // namespace shore::release
