#include "base/assert.h"

#include <gtest/gtest.h>

namespace shore::base {
namespace {

TEST(AssertDeathTest, NamesTheExpressionAndThePlace) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(SHORE_ASSERT(1 + 1 == 3), "assert_test.cc:[0-9]+: assertion failed: 1 \\+ 1 == 3");
}

TEST(Assert, EvaluatesItsExpressionOnce) {
    int calls = 0;
    SHORE_ASSERT(++calls == 1);
    EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace shore::base
