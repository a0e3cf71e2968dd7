// When a watcher is told that a rollout has ended, and how.
#include "api/progress_feed.h"

#include <gtest/gtest.h>

namespace shore::api {
namespace {

Progress report(uint64_t release, Phase phase, std::string message = {}) {
    return {.release = release, .phase = phase, .message = std::move(message)};
}
StackStatus status(uint64_t release, uint64_t deploying) {
    return {.name = "shop", .release = release, .deploying = deploying};
}

TEST(Judge, ARollingReleaseHasNotEnded) {
    EXPECT_FALSE(judge(report(4, Phase::kRolling), status(3, 4), 4));
    EXPECT_FALSE(judge(report(4, Phase::kRolling), status(3, 4), std::nullopt));
}

TEST(Judge, AnActiveReleaseHasEndedWellWhileOldInstancesStillGo) {
    StackStatus draining = status(4, 0);
    draining.phase = Phase::kRolling;
    const auto settled = judge(report(4, Phase::kSucceeded), draining, 4);
    ASSERT_TRUE(settled);
    EXPECT_TRUE(settled->ok);
    EXPECT_EQ(settled->message, "release 4 is active");
    EXPECT_TRUE(judge(report(4, Phase::kSettled), status(4, 0), 4)->ok);
}

TEST(Judge, AReleaseThatWasRolledBackHasFailedInTheReportsWords) {
    const auto settled = judge(report(4, Phase::kRolledBack, "release 3 is back"), status(3, 0), 4);
    ASSERT_TRUE(settled);
    EXPECT_FALSE(settled->ok);
    EXPECT_EQ(settled->release, 3u);
    EXPECT_EQ(settled->message, "release 3 is back");
}

TEST(Judge, AWatcherThatComesLateLearnsThatItsReleaseFailed) {
    StackStatus after = status(3, 0);
    after.reason = "api crashed";
    const auto settled = judge(report(3, Phase::kSettled), after, 4);
    ASSERT_TRUE(settled);
    EXPECT_FALSE(settled->ok);
    EXPECT_EQ(settled->message, "release 4 has failed: api crashed");
}

TEST(Judge, ReportsOfTheReleaseBeforeAreNoVerdict) {
    EXPECT_FALSE(judge(report(3, Phase::kSettled), status(3, 4), 4));
    EXPECT_FALSE(judge(report(3, Phase::kSuperseded), status(3, 4), 4));
}

TEST(Judge, ANewerReleaseSupersedes) {
    EXPECT_EQ(judge(report(4, Phase::kSuperseded), status(3, 5), 4)->phase, Phase::kSuperseded);
    EXPECT_EQ(judge(report(5, Phase::kRolling), status(3, 5), 4)->phase, Phase::kSuperseded);
}

TEST(Judge, AReleaseThatServesAgainAfterALaterOneFailedIsActive) {
    const auto settled = judge(report(4, Phase::kRolledBack, "release 3 is back"), status(3, 0), 3);
    ASSERT_TRUE(settled);
    EXPECT_TRUE(settled->ok);
    EXPECT_EQ(settled->release, 3);
}

TEST(Judge, AChangeWithoutAReleaseEndsWhenEverythingHasSettled) {
    EXPECT_TRUE(judge(report(3, Phase::kSettled), status(3, 0), std::nullopt)->ok);
    EXPECT_FALSE(judge(report(3, Phase::kFailed, "paused"), status(3, 0), std::nullopt)->ok);
}

}  // namespace
}  // namespace shore::api
