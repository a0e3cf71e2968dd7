#include "supervise/restart_tracker.h"

#include <algorithm>

#include "supervise/limits.h"

namespace shore::supervise {

using model::RestartCondition;
using Verdict = RestartDecision::Verdict;

RestartTracker::RestartTracker(model::RestartPolicy policy, bool one_shot, uint32_t quick_exits)
    : policy_(policy), one_shot_(one_shot), quick_exits_(quick_exits) {
}

RestartDecision RestartTracker::on_exit(bool success, Duration lived, SteadyTime now,
                                        base::Random& random) {
    if (lived >= policy_.window) {
        quick_exits_ = 0;
    }
    if (quick_exits_ == 0) {
        first_quick_exit_ = now;
    }
    ++quick_exits_;
    RestartDecision decision;
    decision.quick_exits = quick_exits_;
    // After a daemon's restart the time of the first exit is not known any more.
    decision.quick_exits_over =
        first_quick_exit_ == SteadyTime{} ? Duration{} : now - first_quick_exit_;

    const bool ends_well = one_shot_ || policy_.condition == RestartCondition::kNo ||
                           policy_.condition == RestartCondition::kOnFailure;
    if (success && ends_well) {
        decision.verdict = Verdict::kCompleted;
        return decision;
    }
    if (policy_.condition == RestartCondition::kNo) {
        decision.verdict = Verdict::kFailed;
        return decision;
    }
    if (policy_.attempts_max && quick_exits_ > *policy_.attempts_max) {
        decision.verdict = Verdict::kFailed;
        decision.attempts_used = true;
        return decision;
    }
    decision.delay = next_delay(random);
    decision.crash_loop = quick_exits_ >= kCrashLoopExits;
    return decision;
}

Duration RestartTracker::next_delay(base::Random& random) const {
    Duration delay = std::max<Duration>(policy_.delay, std::chrono::milliseconds(1));
    for (uint32_t i = 1; i < quick_exits_ && delay < policy_.delay_max; ++i) {
        delay *= 2;
    }
    delay = std::min(delay, std::max(policy_.delay, policy_.delay_max));
    // A quarter more or less, so that instances that died together do not come back together.
    return Duration(
        static_cast<int64_t>(static_cast<double>(delay.count()) * (0.75 + random.unit() / 2)));
}

}  // namespace shore::supervise
