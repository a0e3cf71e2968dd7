#include "shore/state_paths.h"

#include <gtest/gtest.h>

namespace shore {
namespace {

using Variables = std::map<std::string, std::string>;

std::string root_of(std::string_view flag, const Variables& variables, bool is_root = false) {
    const auto paths = find_state(flag, variables, is_root, "/work/here");
    return paths ? paths->root().native() : paths.error().text();
}

TEST(StatePaths, PrefersTheFlagThenTheVariableThenTheUsersDefault) {
    const Variables all = {
        {"SHORE_STATE", "/env"}, {"XDG_STATE_HOME", "/xdg"}, {"HOME", "/home/a"}};
    EXPECT_EQ(root_of("/flag", all), "/flag");
    EXPECT_EQ(root_of("", all), "/env");
    EXPECT_EQ(root_of("", {{"XDG_STATE_HOME", "/xdg"}, {"HOME", "/home/a"}}), "/xdg/shore");
    EXPECT_EQ(root_of("", {{"HOME", "/home/a"}}), "/home/a/.local/state/shore");
    EXPECT_EQ(root_of("", {{"HOME", "/root"}}, true), "/var/lib/shore");
}

TEST(StatePaths, IsMadeAbsoluteAgainstTheWorkingDirectory) {
    EXPECT_EQ(root_of("state", {}), "/work/here/state");
    EXPECT_EQ(root_of("../state", {}), "/work/state");
}

TEST(StatePaths, SaysWhatToDoWhenNothingIsKnown) {
    EXPECT_NE(root_of("", {}).find("--state DIR"), std::string::npos);
}

TEST(StatePaths, RefusesAPathTooLongForSockets) {
    EXPECT_NE(root_of("/" + std::string(100, 'x'), {}).find("too long"), std::string::npos);
}

}  // namespace
}  // namespace shore
