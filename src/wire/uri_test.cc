#include "wire/uri.h"

#include <gtest/gtest.h>

namespace shore::wire {
namespace {

TEST(Path, BecomesItsNormalForm) {
    const std::pair<const char*, const char*> cases[] = {
        {"/", "/"},
        {"/a/b", "/a/b"},
        {"/a/b/", "/a/b/"},
        {"//a///b", "/a/b"},
        {"/a/./b", "/a/b"},
        {"/a/../b", "/b"},
        {"/a/b/..", "/a/"},
        {"/a/.", "/a/"},
        {"/%61", "/a"},
        {"/a%20b", "/a b"},
        {"/a/%2e%2e/b", "/b"},
        {"/..a", "/..a"},
        {"/%c3%a9", "/\xc3\xa9"},
    };
    for (const auto& [path, normal] : cases) {
        EXPECT_EQ(normalise_path(path).value_or("refused"), normal) << path;
    }
}

TEST(Path, IsRefusedWhenUnsafe) {
    for (const char* path :
         {"", "a", "/..", "/a/../..", "/%2e%2e/x", "/%", "/%4", "/%zz", "/a%00b", "/a%2fb", "/a\\b",
          "/a%5cb", "/%0a", "/../etc/passwd", "/a/%2e%2e/%2e%2e/etc"}) {
        EXPECT_FALSE(normalise_path(path)) << path;
    }
}

TEST(Path, IsPlainWhenNormalisingWouldChangeNothing) {
    for (const char* path : {"/", "/a/b", "/a/b/", "/a.b/c.d"}) {
        EXPECT_TRUE(is_plain_path(path)) << path;
        EXPECT_EQ(normalise_path(path).value_or(""), path);
    }
    for (const char* path : {"", "a", "//", "/a//b", "/./a", "/a/..", "/%41", "/a\\b"}) {
        EXPECT_FALSE(is_plain_path(path)) << path;
    }
}

TEST(Percent, DecodesWhatItEncodes) {
    std::string all;
    for (int c = 0; c < 256; ++c) {
        all += static_cast<char>(c);
    }
    EXPECT_EQ(percent_decode(percent_encode(all)).value_or(""), all);
    EXPECT_EQ(percent_encode("a/b c", Slash::kKeep), "a/b%20c");
    EXPECT_EQ(percent_encode("a/b"), "a%2Fb");
    EXPECT_EQ(form_decode("a+b%2B").value_or(""), "a b+");
    EXPECT_FALSE(percent_decode("%1"));
}

TEST(Host, LosesItsPort) {
    EXPECT_EQ(host_without_port("a.b:80"), "a.b");
    EXPECT_EQ(host_without_port("a.b."), "a.b");
    EXPECT_EQ(host_without_port("[::1]:80"), "[::1]");
    EXPECT_EQ(host_without_port("[::1]"), "[::1]");
}

}  // namespace
}  // namespace shore::wire
