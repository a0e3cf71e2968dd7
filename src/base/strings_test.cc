#include "base/strings.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace shore::base {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;
using Parts = std::vector<std::string_view>;

TEST(Split, KeepsEmptyParts) {
    EXPECT_EQ(split("a,b,c", ','), (Parts{"a", "b", "c"}));
    EXPECT_EQ(split(",a,", ','), (Parts{"", "a", ""}));
    EXPECT_EQ(split("", ','), (Parts{""}));
}

TEST(Split, OnceCutsAtTheFirstSeparatorOnly) {
    EXPECT_EQ(split_once("a=b=c", '='), (Pair{"a", "b=c"}));
    EXPECT_EQ(split_once("=", '='), (Pair{"", ""}));
    EXPECT_FALSE(split_once("abc", '='));
}

TEST(Join, PutsSeparatorsOnlyBetween) {
    EXPECT_EQ(join(std::vector<std::string>{"a", "b"}, ", "), "a, b");
    EXPECT_EQ(join(std::vector<std::string>{"a", "a"}, ","), "a,a");
    EXPECT_EQ(join({}, ","), "");
}

TEST(Trim, TakesEveryKindOfSpaceFromBothEnds) {
    EXPECT_EQ(trim(" \t\r\n a b \v\f"), "a b");
    EXPECT_EQ(trim(" \n"), "");
}

TEST(Case, FoldsAsciiOnly) {
    EXPECT_EQ(to_lower("AbÄ1"), "abÄ1");
    EXPECT_TRUE(equals_ignoring_case("Content-Length", "content-lengtH"));
    EXPECT_FALSE(equals_ignoring_case("ab", "abc"));
    EXPECT_FALSE(equals_ignoring_case("[", "{"));
}

TEST(ReplaceAll, DoesNotReadItsOwnOutput) {
    EXPECT_EQ(replace_all("aaa", "a", "aa"), "aaaaaa");
    EXPECT_EQ(replace_all("abab", "ab", ""), "");
    EXPECT_EQ(replace_all("abc", "", "x"), "abc");
}

TEST(Nearest, FindsTheSlipOfTheHand) {
    const std::vector<std::string> keys = {"services", "service", "volumes", "command", "ports"};
    EXPECT_EQ(nearest("servces", keys), "services");
    EXPECT_EQ(nearest("comamnd", keys), "command");
    EXPECT_EQ(nearest("PORTS", keys), "ports");
    EXPECT_EQ(nearest("prts", keys), "ports");
}

TEST(Nearest, StaysSilentWhenNothingIsNear) {
    const std::vector<std::string> keys = {"services", "volumes"};
    EXPECT_FALSE(nearest("deploy", keys));
    EXPECT_FALSE(nearest("", keys));
    EXPECT_FALSE(nearest(std::string(10'000, 's'), keys));
    EXPECT_FALSE(nearest("x", {}));
}

TEST(Nearest, DidYouMeanIsTheEndOfASentence) {
    const std::vector<std::string> keys = {"ports"};
    EXPECT_EQ(did_you_mean("port", keys), ", did you mean \"ports\"?");
    EXPECT_EQ(did_you_mean("environment", keys), "");
}

TEST(Printable, LeavesGoodTextAlone) {
    EXPECT_EQ(printable("Grüße, 世界 🌊"), "Grüße, 世界 🌊");
}

TEST(Printable, ShowsControlBytesAndBrokenUtf8) {
    EXPECT_EQ(printable("a\x1b[31m\n"), "a\\x1b[31m\\x0a");
    EXPECT_EQ(printable("\x7f"), "\\x7f");
    EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
    EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80");           // Overlong form of NUL.
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // A surrogate half.
    EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(Printable, CutsWholeCharactersAndSaysSo) {
    EXPECT_EQ(printable("abcdef", 3), "abc…");
    EXPECT_EQ(printable("aé", 2), "a…");
    EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(Utf8Prefix, NeverCutsACharacter) {
    const std::string_view text = "aé世🌊z";  // 1, 2, 3, 4 and 1 bytes.
    EXPECT_EQ(utf8_prefix(text, 100), text);
    EXPECT_EQ(utf8_prefix(text, 0), "");
    EXPECT_EQ(utf8_prefix(text, 1), "a");
    EXPECT_EQ(utf8_prefix(text, 2), "a");
    EXPECT_EQ(utf8_prefix(text, 3), "aé");
    EXPECT_EQ(utf8_prefix(text, 5), "aé");
    EXPECT_EQ(utf8_prefix(text, 6), "aé世");
    for (size_t limit = 7; limit < 10; ++limit) {
        EXPECT_EQ(utf8_prefix(text, limit), "aé世");
    }
    EXPECT_EQ(utf8_prefix(text, 10), "aé世🌊");
}

TEST(Utf8Prefix, CutsBytesThatAreNoUtf8WhereAsked) {
    const std::string text(20, '\x80');
    EXPECT_EQ(utf8_prefix(text, 7).size(), 7U);
}

TEST(Utf8Prefix, LosesAtMostThreeBytesOnAnyInput) {
    const uint64_t seed = 3629;
    Random random(seed);
    for (int i = 0; i < 2000; ++i) {
        std::string text(random.below(40), '\0');
        for (char& byte : text) {
            byte = static_cast<char>(random.below(256));
        }
        const size_t limit = random.below(50);
        const std::string_view cut = utf8_prefix(text, limit);
        EXPECT_TRUE(text.starts_with(cut)) << "seed " << seed;
        EXPECT_LE(cut.size(), limit) << "seed " << seed;
        EXPECT_GE(cut.size() + 3, std::min(limit, text.size())) << "seed " << seed;
    }
}

TEST(ShellQuoted, LeavesSafeWordsAndQuotesTheRest) {
    EXPECT_EQ(shell_quoted("api.py"), "api.py");
    EXPECT_EQ(shell_quoted(""), "''");
    EXPECT_EQ(shell_quoted("a b"), "'a b'");
    EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_quoted("$HOME"), "'$HOME'");
}

}  // namespace
}  // namespace shore::base
