#include "release/rules.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "release/limits.h"

namespace shore::release {

using model::InstanceState;

bool is_leaving(const ObservedInstance& instance) {
    return instance.stop_pending || instance.instance.state == InstanceState::kStopping;
}

bool is_live(const ObservedInstance& instance) {
    return instance.start_pending || model::is_live(instance.instance.state);
}

bool is_running(const ObservedInstance& instance) {
    return instance.instance.state == InstanceState::kRunning && !is_leaving(instance);
}

Rolling rolling(const ServiceGoal& goal, bool rolling_back) {
    const model::UpdateConfig& config = rolling_back ? goal.spec.rollback : goal.spec.update;
    const uint32_t replicas = std::max(1u, goal.replicas);
    Rolling result;
    result.start_first = config.order == model::UpdateOrder::kStartFirst &&
                         goal.spec.fixed_port == 0 && !goal.spec.one_shot;
    result.parallelism =
        config.parallelism == 0 ? replicas : std::min(config.parallelism, replicas);
    if (!result.start_first && !goal.spec.one_shot && replicas > 1) {
        // One instance goes on serving whatever the parallelism says.
        result.parallelism = std::min(result.parallelism, replicas - 1);
    }
    result.delay = config.delay;
    result.settle = goal.spec.health.probe == model::HealthProbe::kNone
                        ? std::max(config.monitor, kSettleTime)
                        : config.monitor;
    const double ratio = std::clamp(config.failure_ratio_max, 0.0, 1.0);
    result.failures_allowed = static_cast<uint32_t>(std::floor(ratio * replicas));
    result.failure_action = config.failure_action;
    return result;
}

uint32_t live_max(const ServiceGoal& goal, const Rolling& rolling) {
    return goal.replicas + (rolling.start_first ? rolling.parallelism : 0);
}

Duration start_timeout(const model::ServiceSpec& spec) {
    const model::HealthCheck& health = spec.health;
    if (health.probe == model::HealthProbe::kNone) {
        const Duration patience = spec.needs_port ? kListenTimeout : kStartTimeoutMin;
        return std::max(patience, health.start_period);
    }
    const Duration probing = health.retries * (health.interval + health.timeout);
    return std::max(kStartTimeoutMin, health.start_period + probing);
}

bool is_well(const ObservedInstance& instance, const Rolling& rolling, SteadyTime now) {
    return is_running(instance) && now - instance.state_since >= rolling.settle;
}

std::optional<std::string> failure(const ObservedInstance& observed, const model::ServiceSpec& spec,
                                   bool first_release, SteadyTime now) {
    const model::Instance& instance = observed.instance;
    const std::string why = instance.reason.empty() ? "" : ": " + instance.reason;
    if (instance.state == InstanceState::kFailed) {
        return fmt::format("{} failed{}", instance.id, why);
    }
    if (spec.one_shot || observed.start_pending || is_leaving(observed)) {
        return std::nullopt;
    }
    const uint32_t restarts_forgiven = first_release ? kFirstReleaseRestartsMax : 0;
    if (instance.restarts > restarts_forgiven ||
        (instance.state == InstanceState::kBackoff && instance.restarts >= restarts_forgiven)) {
        return fmt::format("{} keeps ending{}", instance.id,
                           why.empty() ? fmt::format(": exit code {}", instance.exit_code) : why);
    }
    if (instance.state == InstanceState::kUnhealthy) {
        return fmt::format("{} is unhealthy{}", instance.id, why);
    }
    if (instance.state == InstanceState::kStarting &&
        now - observed.state_since >= start_timeout(spec)) {
        return fmt::format("{} did not become healthy within {}{}", instance.id,
                           base::to_text(start_timeout(spec)), why);
    }
    return std::nullopt;
}

}  // namespace shore::release
