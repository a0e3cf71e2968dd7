#include "config/dotenv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shore::config {

using testing::HasSubstr;

namespace {

std::string read(std::string_view text, DotenvFormat format = DotenvFormat::kCompose) {
    Report report;
    std::string shown;
    for (const DotenvLine& line : parse_dotenv(text, "f", format, {{"HOME", "/root"}}, report)) {
        shown += line.key + (line.value ? "=[" + *line.value + "]" : "") + "\n";
    }
    return shown + to_text(report.problems());
}

}  // namespace

TEST(Dotenv, ReadsPlainLines) {
    EXPECT_EQ(read("# comment\n\nA=1\n export B = two words \r\nC: 3\nD=\nE\n"),
              "A=[1]\nB=[two words]\nC=[3]\nD=[]\nE\n");
}

TEST(Dotenv, EndsUnquotedValuesAtAComment) {
    EXPECT_EQ(read("A=1 # one\nB=a#b\nC=#\n"), "A=[1]\nB=[a#b]\nC=[]\n");
}

TEST(Dotenv, ReadsQuotes) {
    EXPECT_EQ(
        read("A='$HOME \\n'\nB=\"a\\nb\\t\\\"\\\\ \\$HOME\"  # x\nC=\"two\nlines\"\nD='it''s'\n"),
        "A=[$HOME \\n]\nB=[a\nb\t\"\\ $HOME]\nC=[two\nlines]\nD=[it]\nf:5:1: \"'s'\" follows the "
        "quoted value of D\n");
}

TEST(Dotenv, PutsInVariablesAndEarlierKeys) {
    EXPECT_EQ(read("A=$HOME/x\nB=${A}/y\nC=${NO:-d}\n"), "A=[/root/x]\nB=[/root/x/y]\nC=[d]\n");
}

TEST(Dotenv, TakesRawValuesAsTheyStand) {
    EXPECT_EQ(read("A='x' # y\nB=$HOME\n#C=1\nD\n", DotenvFormat::kRaw),
              "A=['x' # y]\nB=[$HOME]\nD\n");
}

TEST(Dotenv, NamesTheLineOfAnError) {
    EXPECT_THAT(read("A=1\n=2\n"),
                HasSubstr("f:2:1: \"\" is no variable name, expected KEY=VALUE"));
    EXPECT_THAT(read("A=1\nB C=2\n"), HasSubstr("f:2:1: \"B C\""));
    EXPECT_THAT(read("A=1\nB=\"open\n"), HasSubstr("f:2:1: the value of B is not closed"));
    EXPECT_THAT(read("A=1\n\nB=$(date)\n"), HasSubstr("f:3:1: B: \"$(date)\" is no variable"));
}

}  // namespace shore::config
