// Starting, replacing and stopping the instances of one service.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "release/service_view.h"

namespace shore::release {
namespace {

using model::InstanceState;

/// Failures that a rollout puts up with; they count as if their places were filled.
uint32_t accepted_failures(const World& world, const ServiceView& view) {
    uint32_t failures = static_cast<uint32_t>(view.failed.size());
    for (const ObservedInstance* instance : view.current) {
        failures += failure(*instance, view.goal->spec, false, world.now).has_value();
    }
    if (view.rolling.failure_action == model::FailureAction::kContinue) {
        return failures;
    }
    return std::min(failures, view.rolling.failures_allowed);
}

uint32_t count_well(const World& world, const ServiceView& view) {
    return static_cast<uint32_t>(std::ranges::count_if(view.current, [&](const auto* instance) {
        return is_well(*instance, view.rolling, world.now);
    }));
}

/// Able to answer, as far as is known.
bool is_useful(const ObservedInstance& instance) {
    return is_running(instance) ||
           (instance.instance.state == InstanceState::kStarting && instance.adopted);
}

/// Those that may go first in front: of no use, then already draining, then the highest slot, then
/// the newest.
void sort_by_dispensability(Instances& instances) {
    std::ranges::sort(instances, [](const ObservedInstance* a, const ObservedInstance* b) {
        const auto key = [](const ObservedInstance& o) {
            const int use = is_useful(o) ? 2 : o.instance.state == InstanceState::kUnhealthy;
            return std::tuple(use, o.serving != Serving::kDraining, UINT32_MAX - o.instance.slot);
        };
        const auto ka = key(*a);
        const auto kb = key(*b);
        return ka != kb ? ka < kb : a->instance.id > b->instance.id;
    });
}

/// When the newest well instance became so, for update_config.delay.
std::optional<SteadyTime> last_success(const World& world, const ServiceView& view) {
    std::optional<SteadyTime> latest;
    for (const ObservedInstance* instance : view.current) {
        if (is_well(*instance, view.rolling, world.now) &&
            instance->instance.release == world.desired.release) {
            const SteadyTime at = instance->state_since + view.rolling.settle;
            latest = latest ? std::max(*latest, at) : at;
        }
    }
    return latest;
}

/// Instances of an earlier release that are in trouble: not this release's fault, so it does not
/// wait for them.
/// Without a release to go back to there is nobody else to blame.
uint32_t troubled_before(const World& world, const ServiceView& view) {
    if (world.desired.previous == 0) {
        return 0;
    }
    return static_cast<uint32_t>(std::ranges::count_if(view.current, [&](const auto* instance) {
        return instance->instance.release != world.desired.release &&
               !is_well(*instance, view.rolling, world.now) &&
               failure(*instance, view.goal->spec, false, world.now).has_value();
    }));
}

class ServicePlanner final {
 public:
    ServicePlanner(const World& world, const ServiceView& view, Plan& plan)
        : world_(world), view_(view), plan_(plan) {}

    ServiceSteps decide(uint32_t& starts_left) {
        note_moments();
        if (world_.desired.paused) {
            return std::move(steps_);
        }
        if (view_.replicas() == 0) {
            remove();
        } else {
            shrink();
            replace();
            grow(starts_left);
        }
        steps_.complete = is_complete(world_, view_);
        return std::move(steps_);
    }

 private:
    /// Looks again when an instance becomes well, or has been starting for too long.
    void note_moments() {
        if (view_.goal == nullptr) {
            return;
        }
        for (const ObservedInstance* instance : view_.current) {
            if (is_running(*instance) && !is_well(*instance, view_.rolling, world_.now)) {
                wake(plan_, instance->state_since + view_.rolling.settle);
            }
            if (world_.desired.status == model::ReleaseStatus::kDeploying &&
                instance->instance.state == InstanceState::kStarting) {
                const SteadyTime limit = instance->state_since + start_timeout(view_.goal->spec);
                if (limit > world_.now) {
                    wake(plan_, limit);
                }
            }
        }
    }

    void retire(const ObservedInstance& instance, std::string why) {
        steps_.retiring.emplace(instance.instance.id, std::move(why));
    }

    void remove() {
        if (!may_be_removed(world_, view_)) {
            return;
        }
        const std::string why = view_.goal == nullptr || view_.goal->removed
                                    ? "no longer part of the stack"
                                : view_.goal->stopped ? "stopped on request"
                                                      : "scaled down to 0";
        for (const Instances* instances : {&view_.current, &view_.stale}) {
            for (const ObservedInstance* instance : *instances) {
                retire(*instance, why);
            }
        }
    }

    /// Too many that are as wanted: the least useful go, but never the last that is healthy.
    void shrink() {
        Instances candidates = view_.current;
        sort_by_dispensability(candidates);
        const size_t wanted = view_.replicas();
        auto running_left =
            std::ranges::count_if(candidates, [](const auto* i) { return is_running(*i); });
        for (size_t i = 0; candidates.size() > wanted && i < candidates.size() - wanted; ++i) {
            const bool runs = is_running(*candidates[i]);
            if (runs && running_left == 1) {
                continue;
            }
            running_left -= runs;
            retire(*candidates[i], fmt::format("scaled down to {}", wanted));
        }
    }

    /// Instances of another digest go as far as what is left can carry the service.
    void replace() {
        if (view_.stale.empty()) {
            return;
        }
        // Where all that are wanted are well, nothing is to be started in an old one's place.
        const bool makes_room =
            !view_.rolling.start_first && count_well(world_, view_) < view_.replicas();
        if (makes_room && held_back()) {
            return;
        }
        Instances candidates = view_.stale;
        sort_by_dispensability(candidates);
        uint32_t available = count_well(world_, view_);
        for (const ObservedInstance* instance : candidates) {
            available += is_running(*instance);
        }
        uint32_t stuck = stuck_places();
        for (const ObservedInstance* instance : candidates) {
            const bool runs = is_running(*instance);
            if (!is_useful(*instance) && stuck > 0) {
                --stuck;
            } else if (available - runs < floor()) {
                continue;
            }
            available -= runs;
            retire(*instance, instance->instance.release == world_.desired.release
                                  ? "replaced by a new instance"
                                  : fmt::format("replaced by release {}", world_.desired.release));
        }
    }

    /// How many must be able to answer after one has been taken away.
    uint32_t floor() const {
        const uint32_t replicas = view_.replicas();
        if (view_.goal->spec.one_shot) {
            return 0;  // Two runs of a migration beside each other would be worse than none.
        }
        if (!view_.rolling.start_first) {
            return replicas - std::min(replicas, view_.rolling.parallelism);
        }
        return std::max(1u, replicas - std::min(replicas, accepted_failures(world_, view_)));
    }

    /// Places under live_max that useless instances must give up because nothing could start
    /// otherwise.
    uint32_t stuck_places() const {
        const uint32_t replicas = view_.replicas();
        const bool in_progress = count_well(world_, view_) < view_.current.size();
        if (view_.held() >= replicas || in_progress || !view_.leaving.empty() ||
            view_.live() < live_max(*view_.goal, view_.rolling)) {
            return 0;
        }
        return view_.live() + 1 - live_max(*view_.goal, view_.rolling);
    }

    /// A dependency or update_config.delay holds the next batch back.
    bool held_back() {
        if (const auto phrase = blocked_by_dependency(world_, *view_.goal)) {
            plan_.waiting.push_back(*phrase);
            return true;
        }
        const auto last = last_success(world_, view_);
        if (!view_.stale.empty() && last && *last + view_.rolling.delay > world_.now) {
            wake(plan_, *last + view_.rolling.delay);
            plan_.waiting.push_back(fmt::format("{} waits {} between instances",
                                                view_.goal->spec.name,
                                                base::to_text(view_.rolling.delay)));
            return true;
        }
        return false;
    }

    void grow(uint32_t& starts_left) {
        const uint32_t replicas = view_.replicas();
        if (view_.held() >= replicas || view_.goal->done_before || held_back()) {
            return;
        }
        const uint32_t limit = live_max(*view_.goal, view_.rolling);
        uint32_t count = replicas - view_.held();
        count = std::min(count, limit - std::min(limit, view_.live()));
        const bool something_to_lose =
            std::ranges::any_of(view_.stale, [](const auto* i) { return is_useful(*i); });
        if (something_to_lose) {
            const auto unproven =
                static_cast<uint32_t>(view_.current.size()) - count_well(world_, view_);
            count = std::min(
                count, view_.rolling.parallelism - std::min(view_.rolling.parallelism, unproven));
        }
        count = std::min(count, starts_left);
        starts_left -= count;
        std::set<uint32_t> taken = slots_of({&view_.current, &view_.failed, &view_.done});
        std::set<uint32_t> passed_on;
        if (!view_.rolling.start_first) {
            // What a slot stands for (an engine's data and port) goes from the old instance to the
            // new one: the new one takes a slot that the old one has left.
            passed_on = slots_of({&view_.stale, &view_.leaving});
        }
        while (steps_.starts.size() < count) {
            const uint32_t slot = free_slot(taken, passed_on);
            taken.insert(slot);
            steps_.starts.push_back(slot);
        }
    }

    static std::set<uint32_t> slots_of(std::initializer_list<const Instances*> lists) {
        std::set<uint32_t> slots;
        for (const Instances* instances : lists) {
            for (const ObservedInstance* instance : *instances) {
                slots.insert(instance->instance.slot);
            }
        }
        return slots;
    }

    /// The lowest that is in neither; when the replicas have none, one that is not taken.
    uint32_t free_slot(const std::set<uint32_t>& taken, const std::set<uint32_t>& held) const {
        uint32_t otherwise = 0;
        for (uint32_t slot = 1; slot <= view_.replicas() || otherwise == 0; ++slot) {
            if (taken.contains(slot)) {
                continue;
            }
            if (slot <= view_.replicas() && !held.contains(slot)) {
                return slot;
            }
            otherwise = otherwise == 0 ? slot : otherwise;
        }
        return otherwise;
    }

    const World& world_;
    const ServiceView& view_;
    Plan& plan_;
    ServiceSteps steps_;
};

}  // namespace

bool is_complete(const World& world, const ServiceView& view) {
    if (!view.stale.empty() || !view.leaving.empty()) {
        return false;
    }
    const uint32_t replicas = view.replicas();
    if (replicas == 0) {
        return view.current.empty();
    }
    if (view.current.size() > replicas) {
        return false;
    }
    if (view.goal->done_before && view.current.empty()) {
        return true;
    }
    const uint32_t filled = count_well(world, view) + static_cast<uint32_t>(view.done.size()) +
                            std::max(accepted_failures(world, view), troubled_before(world, view));
    return filled >= replicas;
}

ServiceSteps service_steps(const World& world, const ServiceView& view, uint32_t& starts_left,
                           Plan& plan) {
    return ServicePlanner(world, view, plan).decide(starts_left);
}

}  // namespace shore::release
