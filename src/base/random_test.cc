#include "base/random.h"

#include <array>
#include <set>

#include <gtest/gtest.h>

namespace shore::base {
namespace {

TEST(Random, SameSeedSameSequence) {
    Random a(7);
    Random b(7);
    Random c(8);
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const uint64_t value = a.next();
        EXPECT_EQ(value, b.next());
        differs = differs || value != c.next();
    }
    EXPECT_TRUE(differs);
}

TEST(Random, BelowStaysBelowAndReachesEveryValue) {
    Random random(1);
    std::array<int, 6> count{};
    for (int i = 0; i < 6000; ++i) {
        ++count.at(random.below(count.size()));
    }
    for (const int seen : count) {
        EXPECT_NEAR(seen, 1000, 150);
    }
    EXPECT_EQ(random.below(1), 0U);
    EXPECT_LT(random.below(UINT64_MAX), UINT64_MAX);
}

TEST(Random, UnitIsInTheHalfOpenInterval) {
    Random random(2);
    double sum = 0;
    for (int i = 0; i < 10'000; ++i) {
        const double value = random.unit();
        ASSERT_GE(value, 0);
        ASSERT_LT(value, 1);
        sum += value;
    }
    EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(Random, TextHasNoLettersThatLookAlike) {
    Random random(3);
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) {
        const std::string text = random.text(12);
        EXPECT_EQ(text.size(), 12U);
        EXPECT_EQ(text.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz"), std::string::npos);
        seen.insert(text);
    }
    EXPECT_EQ(seen.size(), 200U);
    EXPECT_EQ(random.text(0), "");
}

}  // namespace
}  // namespace shore::base
