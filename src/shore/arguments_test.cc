#include "shore/arguments.h"

#include <array>

#include <gtest/gtest.h>

namespace shore {
namespace {

constexpr std::array<std::string_view, 1> kWithValue = {"--state"};
constexpr std::array<std::string_view, 1> kFlags = {"--quiet"};

TEST(RoleArguments, ReadsOptionsFlagsAndTheRest) {
    const auto parsed =
        parse_role_arguments({"--state", "/s", "dir", "--quiet"}, kWithValue, kFlags);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->value("--state"), "/s");
    EXPECT_TRUE(parsed->has("--quiet"));
    EXPECT_EQ(parsed->positional, std::vector<std::string>{"dir"});
}

TEST(RoleArguments, RefusesWhatItDoesNotKnowAndWhatIsIncomplete) {
    EXPECT_EQ(parse_role_arguments({"--stat", "/s"}, kWithValue, kFlags).error().text(),
              "unknown option --stat");
    EXPECT_EQ(parse_role_arguments({"--state"}, kWithValue, kFlags).error().text(),
              "--state needs a value");
}

}  // namespace
}  // namespace shore
