#include "config/interpolate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shore::config {

using testing::ElementsAre;
using testing::HasSubstr;

namespace {

const Variables kVariables = {{"A", "1"}, {"EMPTY", ""}, {"LONG", std::string(1000, 'x')}};

std::string filled(std::string_view text) {
    const auto result = interpolate(text, kVariables, nullptr);
    EXPECT_TRUE(result) << result.error();
    return result.value_or("");
}

std::string refusal(std::string_view text) {
    const auto result = interpolate(text, kVariables, nullptr);
    return result ? "accepted: " + *result : result.error();
}

}  // namespace

TEST(Interpolate, KnowsEveryFormOfTheComposeSpecification) {
    EXPECT_EQ(filled("$A ${A} x$A-y"), "1 1 x1-y");
    EXPECT_EQ(filled("${A:-d} ${EMPTY:-d} ${NO:-d}"), "1 d d");
    EXPECT_EQ(filled("${A-d} [${EMPTY-d}] ${NO-d}"), "1 [] d");
    EXPECT_EQ(filled("${A:?e} ${A?e} [${EMPTY?e}]"), "1 1 []");
    EXPECT_EQ(filled("${A:+r} [${EMPTY:+r}] [${NO:+r}]"), "r [] []");
    EXPECT_EQ(filled("${A+r} ${EMPTY+r} [${NO+r}]"), "r r []");
    EXPECT_EQ(filled("$$A $${A} $$$A"), "$A ${A} $1");
    EXPECT_EQ(filled("[$NO] [${NO}]"), "[] []");
}

TEST(Interpolate, Nests) {
    EXPECT_EQ(filled("${NO:-${EMPTY:-<$A>}}"), "<1>");
    EXPECT_EQ(filled("${A:+${A}-${NO-x}}"), "1-x");
    EXPECT_EQ(filled("${NO:-$$}"), "$");
    EXPECT_EQ(filled("${NO:-{a\\}}"), "{a\\}");
}

TEST(Interpolate, DoesNotLookIntoValues) {
    const Variables variables = {{"A", "$B"}, {"B", "no"}};
    EXPECT_EQ(*interpolate("$A", variables, nullptr), "$B");
}

TEST(Interpolate, NamesTheRequiredVariable) {
    EXPECT_EQ(refusal("${NO:?give it}"), "variable NO must be set: give it");
    EXPECT_EQ(refusal("${EMPTY:?}"), "variable EMPTY must be set");
    EXPECT_EQ(refusal("${NO?because of $A}"), "variable NO must be set: because of 1");
}

TEST(Interpolate, RefusesOtherDollarSigns) {
    EXPECT_THAT(refusal("a $(date)"), HasSubstr("\"$(date)\" is no variable; write $$"));
    EXPECT_THAT(refusal("cost: 5$"), HasSubstr("write $$"));
    EXPECT_THAT(refusal("${A"), HasSubstr("is not closed"));
    EXPECT_THAT(refusal("${}"), HasSubstr("names no variable"));
    EXPECT_THAT(refusal("${A!x}"), HasSubstr("unknown form"));
    EXPECT_THAT(refusal("${A:x}"), HasSubstr("unknown form"));
}

TEST(Interpolate, ListsVariablesThatAreNotSet) {
    std::vector<std::string> missing;
    ASSERT_TRUE(interpolate("$X ${Y} ${Z:-z} $PORT $A", kVariables, &missing));
    EXPECT_THAT(missing, ElementsAre("X", "Y"));
}

TEST(Interpolate, LeavesVariablesOfTheInstance) {
    EXPECT_EQ(filled("http://127.0.0.1:$PORT/${SHORE_INSTANCE}"),
              "http://127.0.0.1:$PORT/${SHORE_INSTANCE}");
    EXPECT_EQ(filled("${PORT:-3000}"), "3000");
    EXPECT_EQ(*interpolate("$PORT", {{"PORT", "1"}}, nullptr), "1");
}

TEST(Interpolate, IsBounded) {
    std::string deep = "x";
    for (int i = 0; i < 100; ++i) {
        deep = "${NO:-" + deep + "}";
    }
    EXPECT_THAT(refusal(deep), HasSubstr("nested deeper than"));
    std::string wide;
    for (int i = 0; i < 2000; ++i) {
        wide += "$LONG";
    }
    EXPECT_THAT(refusal(wide), HasSubstr("grows beyond"));
}

}  // namespace shore::config
