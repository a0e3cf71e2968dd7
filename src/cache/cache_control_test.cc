#include "cache/cache_control.h"

#include <gtest/gtest.h>

#include "cache/limits.h"

namespace shore::cache {
namespace {

CacheControl parsed(std::string_view value) {
    CacheControl control;
    control.add(value);
    return control;
}

TEST(CacheControl, ReadsNumbersAndFlagsWhateverTheirCase) {
    const CacheControl control =
        parsed("Public, MAX-AGE=60 , s-maxage=\"120\",stale-while-revalidate=5, stale-if-error=7");
    EXPECT_TRUE(control.is_public);
    EXPECT_EQ(control.max_age, 60);
    EXPECT_EQ(control.s_maxage, 120);
    EXPECT_EQ(control.stale_while_revalidate, 5);
    EXPECT_EQ(control.stale_if_error, 7);
    EXPECT_FALSE(control.no_store || control.no_cache || control.is_private);
}

TEST(CacheControl, ADirectiveWithFieldNamesCountsAsTheWholeOne) {
    const CacheControl control = parsed("private=\"set-cookie, no-store\", max-age=1");
    EXPECT_TRUE(control.is_private);
    EXPECT_FALSE(control.no_store) << "it stands within quotes";
    EXPECT_EQ(control.max_age, 1);
}

TEST(CacheControl, ANumberThatIsNoneCountsAsZero) {
    EXPECT_EQ(parsed("max-age=-1").max_age, 0);
    EXPECT_EQ(parsed("max-age=ten").max_age, 0);
    EXPECT_EQ(parsed("max-age").max_age, 0);
    EXPECT_EQ(parsed("max-age=1.5").max_age, 0);
}

TEST(CacheControl, OfTwoNumbersTheSmallerOneHolds) {
    EXPECT_EQ(parsed("max-age=100, max-age=10").max_age, 10);
    CacheControl control = parsed("max-age=10");
    control.add("max-age=100");
    EXPECT_EQ(control.max_age, 10);
}

TEST(CacheControl, AHugeNumberIsTheLargestOne) {
    EXPECT_EQ(parsed("max-age=99999999999999999999999999").max_age, kDeltaSecondsMax);
}

TEST(CacheControl, AnOpenQuoteTakesTheRest) {
    const CacheControl control = parsed("no-cache=\"a, max-age=5");
    EXPECT_TRUE(control.no_cache);
    EXPECT_FALSE(control.max_age);
    EXPECT_TRUE(parsed(",,,no-store,").no_store);
    EXPECT_TRUE(parsed("x=\"\\").max_age == std::nullopt);
}

}  // namespace
}  // namespace shore::cache
