#include "wire/json.h"

#include <limits>

#include <gtest/gtest.h>

namespace shore::wire {
namespace {

TEST(Json, WritesWhatItReadInTheSameOrder) {
    const std::string text = R"({"b":[1,-2.5,"é\n",true,null,{}],"a":{"z":[]}})";
    const auto value = Json::parse(text);
    ASSERT_TRUE(value) << value.error().text();
    EXPECT_EQ(value->dump(), text);
    EXPECT_EQ(Json::parse(value->dump_indented()), *value);
}

TEST(Json, ReadsLeniently) {
    const auto value = Json::parse(R"({"name":"shop","count":3,"items":[{"id":"a"}]})");
    ASSERT_TRUE(value);
    EXPECT_EQ((*value)["name"].text(), "shop");
    EXPECT_EQ((*value)["name"].integer(-1), -1);
    EXPECT_EQ((*value)["count"].integer(), 3);
    EXPECT_EQ((*value)["count"].number(), 3.0);
    EXPECT_EQ((*value)["absent"]["deeper"].text("none"), "none");
    EXPECT_EQ((*value)["items"].items()[0]["id"].text(), "a");
}

TEST(Json, BuildsObjectsAndArraysFromNull) {
    Json value;
    value.set("a", 1).set("b", Json::strings(std::vector<std::string>{"x", "y"}));
    value.set("a", 2);
    EXPECT_EQ(value.dump(), R"({"a":2,"b":["x","y"]})");
    Json copy = value;
    copy.set("a", 3);
    EXPECT_EQ(value["a"].integer(), 2);
}

TEST(Json, SaysWhereADocumentIsWrong) {
    const auto bad = Json::parse("{\n  \"a\": tru\n}");
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code(), ErrorCode::kInvalid);
    EXPECT_TRUE(bad.error().message().starts_with("JSON: line 2, column ")) << bad.error().text();
    EXPECT_FALSE(Json::parse(""));
    EXPECT_FALSE(Json::parse("[1] 2"));
    EXPECT_FALSE(Json::parse("{\"a\":1,}"));
    EXPECT_FALSE(Json::parse("\"\xff\""));
}

TEST(Json, RefusesNumbersThatItCouldNotWrite) {
    EXPECT_FALSE(Json::parse("1e400"));
    EXPECT_FALSE(Json::parse("[-1e999]"));
    EXPECT_EQ(Json::parse("1e300")->number(), 1e300);
}

TEST(Json, RefusesDuplicatesAndDeepNesting) {
    const auto twice = Json::parse(R"({"a":1,"b":2,"a":3})");
    ASSERT_FALSE(twice);
    EXPECT_NE(twice.error().message().find("\"a\" is given twice"), std::string::npos);
    EXPECT_TRUE(Json::parse("[[[1]]]", 3));
    EXPECT_FALSE(Json::parse("[[[[1]]]]", 3));
    EXPECT_FALSE(Json::parse(std::string(100'000, '[')));
}

TEST(Json, WritesBrokenTextAsReplacementCharacters) {
    EXPECT_EQ(json_quoted("a\xff\xc0\xaf\x01\"\\"),
              "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\u0001\\\"\\\\\"");
    EXPECT_TRUE(Json::parse(json_quoted("\xed\xa0\x80 \xf0\x9f\x98\x80")));
}

TEST(Json, KeepsLargeNumbersAsNearAsItCan) {
    const auto value = Json::parse("[9223372036854775807,18446744073709551615,1e400]");
    if (value) {
        EXPECT_EQ(value->items()[0].integer(), INT64_MAX);
        EXPECT_EQ(value->items()[1].kind(), Json::Kind::kNumber);
    }
    EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
}

}  // namespace
}  // namespace shore::wire
