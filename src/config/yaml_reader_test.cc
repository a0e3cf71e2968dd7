#include "config/yaml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.h"
#include "config/yaml_writer.h"

namespace shore::config {

using testing::HasSubstr;
using testing::StartsWith;

namespace {

std::string problems_of(std::string_view text) {
    Report report;
    const auto tree = read_yaml(text, "f", report);
    EXPECT_EQ(tree.has_value() && !report.failed(), report.problems().empty());
    return to_text(report.problems());
}

Node tree_of(std::string_view text) {
    Report report;
    auto tree = read_yaml(text, "f", report);
    EXPECT_TRUE(tree && !report.failed()) << to_text(report.problems());
    return tree ? *tree : Node();
}

std::string repeated(std::string_view text, size_t times) {
    std::string result;
    for (size_t i = 0; i < times; ++i) {
        result += text;
    }
    return result;
}

}  // namespace

TEST(YamlReader, KeepsScalarsAsWritten) {
    const Node tree =
        tree_of("a: 012\nb: yes\nc: 22:22\nd: 1.50\ne: '5'\nf: 0o17\ng: ~\nh: True\n");
    EXPECT_EQ(tree.find("a")->text, "012");
    EXPECT_EQ(tree.find("a")->kind, Kind::kString);
    EXPECT_EQ(tree.find("b")->kind, Kind::kString);
    EXPECT_EQ(tree.find("c")->text, "22:22");
    EXPECT_EQ(tree.find("d")->text, "1.50");
    EXPECT_EQ(tree.find("d")->kind, Kind::kFloat);
    EXPECT_EQ(tree.find("e")->kind, Kind::kString);
    EXPECT_EQ(as_int(*tree.find("f")), 15);
    EXPECT_TRUE(tree.find("g")->is_null());
    EXPECT_EQ(tree.find("h")->kind, Kind::kBool);
}

TEST(YamlReader, KnowsThePlaceOfKeysAndValues) {
    const Node tree = tree_of("a:\n  - b: c\n");
    const Entry& entry = tree.find("a")->items[0].entries[0];
    EXPECT_EQ(entry.place.line, 2u);
    EXPECT_EQ(entry.place.column, 5u);
    EXPECT_EQ(entry.value.place.column, 8u);
}

TEST(YamlReader, AppliesMergeKeysBelowOwnKeys) {
    const Node tree =
        tree_of("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  b: 3\n  <<: [*x, *y]\n");
    EXPECT_EQ(write_flow(*tree.find("z")), "{b: 3, a: 1, c: 2}");
}

TEST(YamlReader, TakesAQuotedMergeKeyForText) {
    EXPECT_EQ(write_flow(tree_of("a: {\"<<\": b}")), "{a: {\"<<\": b}}");
}

TEST(YamlReader, ReadsMergeTags) {
    const Node tree = tree_of("a: !reset null\nb: !override [1]\nc: !reset\n");
    EXPECT_EQ(tree.find("a")->merge, MergeTag::kReset);
    EXPECT_EQ(tree.find("b")->merge, MergeTag::kOverride);
    EXPECT_EQ(tree.find("c")->merge, MergeTag::kReset);
}

TEST(YamlReader, TakesAnEmptyFileForAnEmptyMap) {
    EXPECT_TRUE(tree_of("").is_map());
    EXPECT_TRUE(tree_of("# nothing\n").is_map());
    EXPECT_TRUE(tree_of("---\n").is_map());
}

TEST(YamlReader, RefusesDuplicateKeysWithBothLines) {
    EXPECT_EQ(problems_of("a: 1\nb: {c: 1, c: 2}\na: 2\n"),
              "f:2:11: b: duplicate key \"c\", first given at line 2\n"
              "f:3:1: duplicate key \"a\", first given at line 1\n");
}

TEST(YamlReader, RefusesBytesThatAreNoText) {
    EXPECT_EQ(problems_of(std::string_view("a: b\nc: \0d", 9)),
              "f:2:4: byte 0x00 is no text, expected YAML in UTF-8\n");
    EXPECT_THAT(problems_of("\xff\xfe"
                            "a"),
                StartsWith("f:1:1: byte 0xff is no text"));
    EXPECT_THAT(problems_of("\x7f"
                            "ELF\x02\x01"),
                HasSubstr("is no text"));
}

TEST(YamlReader, RefusesAFileOfTenMegabytesUnread) {
    EXPECT_EQ(problems_of(repeated("a: b\n", 2'000'000)),
              "f: has 10000000 bytes, a manifest has at most 1048576\n");
}

TEST(YamlReader, RefusesAnAliasBomb) {
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
    for (char name = 'b'; name < 'k'; ++name) {
        const std::string before = std::string("*") + static_cast<char>(name - 1);
        bomb += std::string(1, name) + ": &" + name + " [" + repeated(before + ", ", 9) + before +
                "]\n";
    }
    EXPECT_THAT(problems_of(bomb), HasSubstr("aliases expand to more than 50000 nodes"));
}

TEST(YamlReader, RefusesAnAliasInsideItself) {
    EXPECT_THAT(problems_of("a: &a [*a]\n"), HasSubstr("stands inside the node it names"));
}

TEST(YamlReader, RefusesDeepNesting) {
    EXPECT_THAT(problems_of("a: " + repeated("[", 100) + repeated("]", 100)),
                HasSubstr("nested deeper than 64 levels"));
    // yaml-cpp takes an unclosed list for the beginning of a key.
    EXPECT_THAT(problems_of("a: " + repeated("[", 500'000)), HasSubstr("a key must be text"));
    EXPECT_THAT(problems_of("a: " + repeated("{a: ", 200'000)), HasSubstr("nested deeper"));
    EXPECT_THAT(problems_of(repeated("- ", 500'000)), HasSubstr("nested deeper"));
    std::string stairs;
    for (size_t i = 0; i < 200; ++i) {
        stairs += std::string(i, ' ') + "a:\n";
    }
    EXPECT_THAT(problems_of(stairs), HasSubstr("nested deeper"));
}

TEST(YamlReader, RefusesKeysThatCouldNotBeReadAgain) {
    EXPECT_EQ(problems_of(repeated("k", 250) + ": 1"), "");
    EXPECT_THAT(problems_of(repeated("k", 251) + ": 1"), HasSubstr("a key may have 250 bytes"));
}

TEST(YamlReader, RefusesNestingThatAliasesBuild) {
    std::string text = "a0: &a0 [x]\n";
    for (int i = 1; i < 100; ++i) {
        text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" +
                std::to_string(i - 1) + "]\n";
    }
    EXPECT_THAT(problems_of(text), HasSubstr("by this alias"));
}

TEST(YamlReader, RefusesWhatIsNoManifest) {
    EXPECT_EQ(problems_of("- a\n"), "f:1:1: a manifest is a map, got a list\n");
    EXPECT_EQ(problems_of("text"), "f:1:1: a manifest is a map, got text\n");
    EXPECT_THAT(problems_of("a: 1\n---\nb: 2\n"), HasSubstr("several documents"));
    EXPECT_THAT(problems_of("a: [1\n"), StartsWith("f:2:1: not YAML: "));
    EXPECT_THAT(problems_of("a: *b\n"), HasSubstr("not YAML"));
    EXPECT_THAT(problems_of("? [a]\n: b\n"), HasSubstr("a key must be text"));
    EXPECT_THAT(problems_of("<<: 1\n"), HasSubstr("<< needs a map"));
    EXPECT_THAT(problems_of("a: !include b\n"), HasSubstr("unknown tag \"!include\""));
}

TEST(YamlReader, CountsNodes) {
    EXPECT_THAT(problems_of("a: [" + repeated("1,", 300'000) + "]"),
                HasSubstr("more than 100000 nodes"));
}

TEST(YamlWriter, WritesTextsThatReadersOfBothVersionsTakeAlike) {
    Node map = Node::map({});
    for (const char* text :
         {"yes",   "012",   "22:22", "1e3",    "~",          "",      " a",    "a ",     "a: b",
          "a #b",  "- a",   "*a",    "&a",     "!a",         "%a",    "@a",    "`a",     "{a",
          "[a",    "\"a\"", "'a'",   "a\nb\n", "a\tb",       "\\",    "Grüße", "\u2028", "\ufeff",
          "null",  "0x1f",  "1_000", ".5",     "2001-01-01", "=",     "<<",    "a'b",    "a\"b",
          "$PORT", "x,y",   "a:",    ":a",     "?a",         "\u0085"}) {
        map.set("k" + std::to_string(map.entries.size()), Node::string(text, {}));
    }
    EXPECT_TRUE(same(tree_of(write_yaml(map)), map)) << write_yaml(map);
    EXPECT_TRUE(same(tree_of(write_flow(map)), map)) << write_flow(map);
}

TEST(YamlWriter, WritesNestedListsAndMaps) {
    const char* text =
        "a:\n  - b: 1\n    c:\n      - d\n  - - x\n    - z\n  - []\n  - {}\ne: null\n";
    EXPECT_EQ(write_yaml(tree_of("a: [{b: 1, c: [d]}, [x, z], [], {}]\ne: ")),
              "a:\n  - b: 1\n    c:\n      - d\n  -\n    - x\n    - z\n  - []\n  - {}\ne: null\n");
    EXPECT_TRUE(same(tree_of(text), tree_of(write_yaml(tree_of(text)))));
}

TEST(YamlWriter, WritesJson) {
    EXPECT_EQ(write_json(tree_of("a: [1, 1.50, true, ~, 'x\"', 0x10]\nb: {}\n")),
              "{\n  \"a\": [\n    1,\n    1.5,\n    true,\n    null,\n    \"x\\\"\",\n    16\n  "
              "],\n  \"b\": {}\n}\n");
}

}  // namespace shore::config
