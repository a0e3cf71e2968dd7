#include "supervise/restart_tracker.h"

#include <gtest/gtest.h>

#include "supervise/limits.h"

namespace shore::supervise {
namespace {

using model::RestartCondition;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = RestartDecision::Verdict;

const SteadyTime kNow{seconds(1000)};

model::RestartPolicy policy(RestartCondition condition) {
    return {.condition = condition};
}

TEST(RestartTracker, DoublesTheDelayWithJitterUpToItsLimit) {
    base::Random random(1);
    RestartTracker tracker(policy(RestartCondition::kAlways), false);
    const milliseconds expected[] = {milliseconds(500),   milliseconds(1000), milliseconds(2000),
                                     milliseconds(4000),  milliseconds(8000), milliseconds(16000),
                                     milliseconds(30000), milliseconds(30000)};
    for (const milliseconds want : expected) {
        const auto decision = tracker.on_exit(false, seconds(0), kNow, random);
        EXPECT_EQ(decision.verdict, Verdict::kRestart);
        EXPECT_GE(decision.delay, want * 3 / 4);
        EXPECT_LE(decision.delay, want * 5 / 4);
    }
}

TEST(RestartTracker, BeginsAnewAfterALongLife) {
    base::Random random(1);
    RestartTracker tracker(policy(RestartCondition::kAlways), false);
    for (int i = 0; i < 6; ++i) {
        tracker.on_exit(false, seconds(0), kNow, random);
    }
    const auto decision = tracker.on_exit(false, seconds(10), kNow, random);
    EXPECT_LE(decision.delay, milliseconds(625));
    EXPECT_FALSE(decision.crash_loop);
}

TEST(RestartTracker, CallsQuickExitsInARowACrashLoop) {
    base::Random random(1);
    RestartTracker tracker(policy(RestartCondition::kAlways), false);
    for (uint32_t i = 1; i < kCrashLoopExits; ++i) {
        EXPECT_FALSE(tracker.on_exit(false, seconds(0), kNow + seconds(i), random).crash_loop);
    }
    const auto decision =
        tracker.on_exit(false, seconds(0), kNow + seconds(kCrashLoopExits), random);
    EXPECT_TRUE(decision.crash_loop);
    EXPECT_EQ(decision.quick_exits, kCrashLoopExits);
    EXPECT_EQ(decision.quick_exits_over, seconds(kCrashLoopExits - 1));
}

TEST(RestartTracker, FollowsEachCondition) {
    base::Random random(1);
    const auto verdict = [&](RestartCondition condition, bool one_shot, bool success) {
        RestartTracker tracker(policy(condition), one_shot);
        return tracker.on_exit(success, seconds(1), kNow, random).verdict;
    };
    EXPECT_EQ(verdict(RestartCondition::kNo, false, true), Verdict::kCompleted);
    EXPECT_EQ(verdict(RestartCondition::kNo, false, false), Verdict::kFailed);
    EXPECT_EQ(verdict(RestartCondition::kOnFailure, false, true), Verdict::kCompleted);
    EXPECT_EQ(verdict(RestartCondition::kOnFailure, false, false), Verdict::kRestart);
    EXPECT_EQ(verdict(RestartCondition::kAlways, false, true), Verdict::kRestart);
    EXPECT_EQ(verdict(RestartCondition::kUnlessStopped, false, true), Verdict::kRestart);
    EXPECT_EQ(verdict(RestartCondition::kUnlessStopped, true, true), Verdict::kCompleted);
    EXPECT_EQ(verdict(RestartCondition::kUnlessStopped, true, false), Verdict::kRestart);
}

TEST(RestartTracker, FailsWhenTheAttemptsAreUsedUp) {
    base::Random random(1);
    model::RestartPolicy limited = policy(RestartCondition::kOnFailure);
    limited.attempts_max = 2;
    RestartTracker tracker(limited, false);
    EXPECT_EQ(tracker.on_exit(false, seconds(0), kNow, random).verdict, Verdict::kRestart);
    EXPECT_EQ(tracker.on_exit(false, seconds(0), kNow, random).verdict, Verdict::kRestart);
    const auto last = tracker.on_exit(false, seconds(0), kNow, random);
    EXPECT_EQ(last.verdict, Verdict::kFailed);
    EXPECT_TRUE(last.attempts_used);
}

}  // namespace
}  // namespace shore::supervise
