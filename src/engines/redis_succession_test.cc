#include "engines/redis_succession.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "base/random.h"
#include "engines/limits.h"

namespace shore::engines {
namespace {

using State = Contender::State;

Contender replica(uint32_t slot, uint64_t offset, std::string history = "new") {
    return {
        .slot = slot, .state = State::kReplica, .offset = offset, .history = std::move(history)};
}

SuccessionQuestion question(Contender self, std::vector<Contender> others) {
    return {.history = "new", .self = std::move(self), .others = std::move(others)};
}

TEST(RedisSuccession, TheOneWithTheMostMay) {
    EXPECT_TRUE(may_succeed(question(replica(2, 200), {replica(3, 100)})).may);
    const SuccessionAnswer answer = may_succeed(question(replica(3, 100), {replica(2, 200)}));
    EXPECT_FALSE(answer.may);
    EXPECT_EQ(answer.reason, "server 2 has more");
}

TEST(RedisSuccession, OfEqualsEachMay) {
    EXPECT_TRUE(may_succeed(question(replica(2, 100), {replica(3, 100)})).may);
    EXPECT_TRUE(may_succeed(question(replica(3, 100), {replica(2, 100)})).may);
}

TEST(RedisSuccession, AServerThatIsGoneHasNoSay) {
    EXPECT_TRUE(may_succeed(question(replica(2, 100), {{.slot = 3, .state = State::kGone}})).may);
    EXPECT_TRUE(may_succeed(question(replica(2, 100), {})).may);
}

TEST(RedisSuccession, ASilentServerIsWaitedForAndNotForEver) {
    SuccessionQuestion asked = question(replica(2, 100), {{.slot = 3, .state = State::kSilent}});
    EXPECT_EQ(may_succeed(asked).reason, "server 3 does not answer and may have more");
    asked.waited = kSuccessionPatience;
    EXPECT_TRUE(may_succeed(asked).may);
}

TEST(RedisSuccession, WhoHasMoreIsWaitedForWithoutEnd) {
    SuccessionQuestion asked = question(replica(3, 100), {replica(2, 200)});
    asked.waited = std::chrono::hours(24);
    EXPECT_FALSE(may_succeed(asked).may);
}

TEST(RedisSuccession, AnOffsetOfAnotherHistoryCountsNothing) {
    // Was primary before, took writes that nobody else has, and follows the next one not yet.
    const Contender stranger = replica(1, 9999, "old");
    EXPECT_TRUE(may_succeed(question(replica(2, 100), {stranger})).may);
    const SuccessionAnswer answer = may_succeed(question(stranger, {replica(2, 100)}));
    EXPECT_FALSE(answer.may);
    EXPECT_EQ(answer.reason, "it has not followed the lost primary");
    SuccessionQuestion later = question(stranger, {replica(2, 100)});
    later.waited = kSuccessionPatience;
    EXPECT_EQ(may_succeed(later).reason, "server 2 has more");
}

TEST(RedisSuccession, WhenNobodyHasFollowedTheLostPrimaryTheMostDecidesInTheEnd) {
    SuccessionQuestion asked = question(replica(2, 200, "old"), {replica(3, 100, "old")});
    EXPECT_FALSE(may_succeed(asked).may);
    asked.waited = kSuccessionPatience;
    EXPECT_TRUE(may_succeed(asked).may);
}

TEST(RedisSuccession, OffsetsDecideWhenNobodyHasSeenThePrimary) {
    SuccessionQuestion asked = question(replica(2, 200, "a"), {replica(3, 100, "b")});
    asked.history.clear();
    EXPECT_TRUE(may_succeed(asked).may);
}

TEST(RedisSuccession, NoneWithoutDataAndNoneBesideAPrimary) {
    EXPECT_EQ(may_succeed(question(replica(2, 0), {})).reason, "it has no data");
    const Contender promoted{
        .slot = 3, .state = State::kPrimary, .offset = 1, .history = "x", .followers = 1};
    EXPECT_EQ(may_succeed(question(replica(2, 100), {promoted})).reason, "server 3 is the primary");
    EXPECT_EQ(may_succeed(question(promoted, {})).reason, "it is no replica");
}

TEST(RedisSuccession, AFormerPrimaryThatNobodyFollowsHasNoSay) {
    const Contender former{.slot = 1, .state = State::kPrimary, .offset = 9999, .history = "old"};
    EXPECT_TRUE(may_succeed(question(replica(2, 100), {former})).may);
}

/// Whatever is asked, no server may that lacks what another one has, and while all answer and one
/// has followed the lost primary there is one that may.
TEST(RedisSuccession, NobodyMayWhoLacksWrites) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    base::Random random(seed);
    for (int turn = 0; turn < 20'000; ++turn) {
        std::vector<Contender> all;
        const uint64_t count = 2 + random.below(3);
        for (uint32_t slot = 1; slot <= count; ++slot) {
            all.push_back(replica(slot, random.below(4), random.below(4) == 0 ? "old" : "new"));
        }
        uint64_t most = 0;
        for (const Contender& each : all) {
            most = std::max(most, each.history == "new" ? each.offset : 0);
        }
        size_t may = 0;
        for (const Contender& self : all) {
            SuccessionQuestion asked{.history = "new", .self = self};
            std::ranges::copy_if(all, std::back_inserter(asked.others),
                                 [&](const Contender& each) { return each.slot != self.slot; });
            if (may_succeed(asked).may) {
                ++may;
                ASSERT_EQ(self.offset, most);
                ASSERT_EQ(self.history, "new");
            }
        }
        ASSERT_EQ(may > 0, most > 0);
    }
}

}  // namespace
}  // namespace shore::engines
