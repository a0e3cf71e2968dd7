#include "supervise/health.h"

#include <gtest/gtest.h>

#include "supervise/limits.h"

namespace shore::supervise {
namespace {

using std::chrono::seconds;

model::HealthCheck check() {
    model::HealthCheck check;
    check.probe = model::HealthProbe::kTcp;
    check.interval = seconds(5);
    check.retries = 3;
    check.start_period = seconds(10);
    return check;
}

const SteadyTime kStart{seconds(100)};

TEST(Health, BecomesHealthyAtTheFirstSuccess) {
    HealthTracker tracker(check(), kStart);
    EXPECT_EQ(tracker.history().health, Health::kStarting);
    EXPECT_EQ(tracker.record({.ok = false}, kStart + seconds(1)), Health::kStarting);
    EXPECT_EQ(tracker.record({.ok = true}, kStart + seconds(2)), Health::kHealthy);
}

TEST(Health, GivesUpStartingAfterTheStartPeriodAndItsRetries) {
    HealthTracker tracker(check(), kStart);
    for (int second = 1; second < 25; ++second) {
        ASSERT_EQ(tracker.record({.ok = false}, kStart + seconds(second)), Health::kStarting);
    }
    EXPECT_EQ(tracker.record({.ok = false}, kStart + seconds(25)), Health::kUnhealthy);
}

TEST(Health, NeedsRetriesFailuresInARowOnceHealthy) {
    HealthTracker tracker(check(), kStart);
    tracker.record({.ok = true}, kStart);
    EXPECT_EQ(tracker.record({.ok = false}, kStart), Health::kHealthy);
    EXPECT_EQ(tracker.record({.ok = false}, kStart), Health::kHealthy);
    EXPECT_EQ(tracker.record({.ok = true}, kStart), Health::kHealthy);
    EXPECT_EQ(tracker.record({.ok = false}, kStart), Health::kHealthy);
    EXPECT_EQ(tracker.record({.ok = false}, kStart), Health::kHealthy);
    EXPECT_EQ(tracker.record({.ok = false}, kStart), Health::kUnhealthy);
    EXPECT_EQ(tracker.record({.ok = true}, kStart), Health::kHealthy);
}

TEST(Health, ProbesQuicklyAtFirstThenAtTheInterval) {
    HealthTracker tracker(check(), kStart);
    EXPECT_LT(tracker.next_delay(kStart), seconds(1));
    EXPECT_EQ(tracker.next_delay(kStart + seconds(3)), seconds(1));
    tracker.record({.ok = true}, kStart + seconds(3));
    EXPECT_EQ(tracker.next_delay(kStart + seconds(3)), seconds(5));
}

TEST(Health, GivesAnAppTimeToListenUnlessTheManifestSaysOtherwise) {
    model::HealthCheck unsaid;
    unsaid.probe = model::HealthProbe::kTcp;
    EXPECT_EQ(with_listen_timeout(unsaid, seconds(30)).start_period, seconds(15));
    EXPECT_EQ(with_listen_timeout(unsaid, seconds(3)).start_period, seconds(0));
    EXPECT_EQ(with_listen_timeout(check(), seconds(30)), check());
    unsaid.probe = model::HealthProbe::kCommand;
    EXPECT_EQ(with_listen_timeout(unsaid, seconds(30)), unsaid);
}

TEST(Health, KeepsOnlyTheLastResults) {
    HealthTracker tracker(check(), kStart);
    for (size_t i = 0; i < kProbeResultsKept + 5; ++i) {
        tracker.record({.ok = true, .message = std::to_string(i)}, kStart);
    }
    EXPECT_EQ(tracker.history().results.size(), kProbeResultsKept);
    EXPECT_EQ(tracker.history().results.front().message, "5");
}

}  // namespace
}  // namespace shore::supervise
