#include "release/preview.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "release/limits.h"
#include "release/rules.h"

namespace shore::release {

using model::InstanceState;

std::string_view to_string(StepKind kind) {
    switch (kind) {
        case StepKind::kStart:
            return "start";
        case StepKind::kStop:
            return "stop";
        case StepKind::kRoute:
            return "route";
        case StepKind::kAdopt:
            return "adopt";
        case StepKind::kActivate:
            return "activate";
    }
    return "unknown";
}

namespace {

/// A machine on which everything succeeds.
class Imagination final {
 public:
    Imagination(const Desired& desired, Observed observed, const PlanOptions& options)
        : desired_(desired), observed_(std::move(observed)), options_(options) {
        for (const ObservedInstance& it : observed_.instances) {
            now_ = std::max(now_, std::max(it.state_since, it.draining_since));
        }
        now_ += kSettleTime;
        observed_.publishing.reset();
    }

    std::vector<Step> run() {
        while (steps_.size() < kPreviewStepsMax) {
            const Plan next = plan(desired_, observed_, options_, now_);
            for (const Action& action : next.actions) {
                std::visit([this](const auto& it) { act(it); }, action);
            }
            const bool moved = live_on();
            if (next.actions.empty() && !moved) {
                if (next.settled || !next.wake_at) {
                    break;
                }
                now_ = std::max(now_, *next.wake_at);
            }
        }
        return std::move(steps_);
    }

 private:
    static std::string service_of(std::string_view instance) {
        return std::string(instance.substr(0, instance.rfind('-')));
    }

    const ObservedInstance* find(std::string_view id) const {
        const auto found = std::ranges::find(observed_.instances, id,
                                             [](const auto& it) { return it.instance.id; });
        return found == observed_.instances.end() ? nullptr : &*found;
    }

    std::string name_of(std::string_view id) const {
        const auto fresh = fresh_.find(std::string(id));
        return fresh == fresh_.end() ? std::string(id) : fresh->second;
    }

    void add(StepKind kind, std::string_view id, std::string text) {
        steps_.push_back({kind, service_of(id), name_of(id), std::move(text)});
    }

    void act(const StartInstance& action) {
        const ServiceGoal& goal = *find_goal(desired_, action.service);
        ObservedInstance it;
        it.instance.id = fmt::format("{}-new{}", action.service, ++ordinal_);
        it.instance.service = action.service;
        it.instance.slot = action.slot;
        it.instance.digest = goal.digest;
        it.instance.release = desired_.release;
        it.instance.port = static_cast<uint16_t>(goal.spec.needs_port || goal.spec.http);
        it.state_since = now_;
        fresh_[it.instance.id] = fmt::format("{} (new)", action.service);
        add(StepKind::kStart, it.instance.id,
            goal.spec.one_shot
                ? fmt::format("run {} to completion", action.service)
                : fmt::format(
                      "start {}, replica {}, and wait until it is {}", action.service, action.slot,
                      goal.spec.health.probe == model::HealthProbe::kNone ? "running" : "healthy"));
        observed_.instances.push_back(std::move(it));
    }

    void act(const StopInstance& action) {
        add(StepKind::kStop, action.instance,
            fmt::format("stop {}: {}", name_of(action.instance), action.why));
        std::erase_if(observed_.instances,
                      [&](const auto& it) { return it.instance.id == action.instance; });
    }

    void act(const ForgetInstance& action) {
        std::erase_if(observed_.instances,
                      [&](const auto& it) { return it.instance.id == action.instance; });
    }

    void act(const AdoptInstance& action) {
        add(StepKind::kAdopt, action.instance,
            fmt::format("keep {} running as part of release {}", action.instance,
                        desired_.release));
        for (ObservedInstance& it : observed_.instances) {
            if (it.instance.id == action.instance) {
                it.instance.release = desired_.release;
            }
        }
    }

    void act(const Publish& action) {
        for (const auto& [id, endpoint] : action.publication.endpoints) {
            const ObservedInstance* it = find(id);
            if (it == nullptr) {
                continue;
            }
            if (!endpoint.draining && it->serving != Serving::kYes) {
                add(StepKind::kRoute, id, fmt::format("send requests to {}", name_of(id)));
            } else if (endpoint.draining && it->serving != Serving::kDraining) {
                add(StepKind::kRoute, id,
                    fmt::format("send no more requests to {} and let those under way end",
                                name_of(id)));
            }
        }
        observed_.published = action.publication;
        for (ObservedInstance& it : observed_.instances) {
            const auto found = action.publication.endpoints.find(it.instance.id);
            it.serving = found == action.publication.endpoints.end() ? Serving::kNo
                         : found->second.draining                    ? Serving::kDraining
                                                                     : Serving::kYes;
            it.draining_since = now_;
            it.drained = it.serving == Serving::kDraining;
        }
    }

    void act(const MarkRelease& action) {
        desired_.status = action.status;
        steps_.push_back(
            {StepKind::kActivate, "", "", fmt::format("release {} is active", desired_.release)});
    }

    void act(const BeginRollback&) {}

    /// Lets what is starting or stopping come to its end. True when anything changed.
    bool live_on() {
        bool moved = false;
        for (ObservedInstance& it : observed_.instances) {
            const ServiceGoal* goal = find_goal(desired_, it.instance.service);
            const bool one_shot = goal != nullptr && goal->spec.one_shot;
            it.start_pending = false;
            const bool leaving = is_leaving(it);
            if (leaving) {
                it.stop_pending = false;
                it.instance.state = InstanceState::kStopped;
            } else if (fresh_.contains(it.instance.id) &&
                       it.instance.state == InstanceState::kStarting) {
                it.instance.state = one_shot ? InstanceState::kCompleted : InstanceState::kRunning;
            } else {
                continue;
            }
            it.state_since = now_;
            moved = true;
        }
        return moved;
    }

    Desired desired_;
    Observed observed_;
    const PlanOptions& options_;
    SteadyTime now_{};
    uint64_t ordinal_ = 0;
    std::map<std::string, std::string> fresh_;
    std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> imagine(const Desired& desired, Observed observed, const PlanOptions& options) {
    return Imagination(desired, std::move(observed), options).run();
}

std::vector<std::string> warnings(const Desired& desired, const std::vector<Step>& steps) {
    std::vector<std::string> sentences;
    for (const ServiceGoal& goal : desired.services) {
        const bool alone = goal.replicas == 1 && !goal.spec.one_shot &&
                           !rolling(goal, desired.rolling_back).start_first;
        const auto stop = std::ranges::find_if(steps, [&](const Step& step) {
            return step.kind == StepKind::kStop && step.service == goal.spec.name;
        });
        if (alone && stop != steps.end()) {
            sentences.push_back(
                fmt::format("{} is away for a moment: its only replica is stopped before the new "
                            "one starts ({})",
                            goal.spec.name,
                            goal.spec.fixed_port != 0 ? "its port is fixed by x-shore.http.port"
                                                      : "update_config.order is stop-first"));
        }
    }
    return sentences;
}

}  // namespace shore::release
