#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace shore::base {
namespace {

TEST(Bytes, ReadsTheFormsOfCompose) {
    EXPECT_EQ(parse_bytes("0").value(), Bytes{0});
    EXPECT_EQ(parse_bytes("1024").value(), Bytes::kib(1));
    EXPECT_EQ(parse_bytes("64k").value(), Bytes::kib(64));
    EXPECT_EQ(parse_bytes("512mb").value(), Bytes::mib(512));
    EXPECT_EQ(parse_bytes("512M").value(), Bytes::mib(512));
    EXPECT_EQ(parse_bytes("1GiB").value(), Bytes::gib(1));
    EXPECT_EQ(parse_bytes(" 2 g ").value(), Bytes::gib(2));
    EXPECT_EQ(parse_bytes("1.5k").value(), Bytes{1536});
    EXPECT_EQ(parse_bytes("1tb").value(), Bytes::gib(1024));
}

TEST(Bytes, RefusesWhatIsNoSize) {
    for (const char* text : {"", " ", "k", "-1", "-0.5k", "1x", "1 kk", "nan", "inf", "0x10", "1e3",
                             "9223372036854775808", "9000000t", "1.2.3k", "1k2"}) {
        const auto parsed = parse_bytes(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalid) << text;
        EXPECT_FALSE(parsed.error().message().empty());
    }
}

TEST(Bytes, WritesTheShortestExactForm) {
    EXPECT_EQ(to_text(Bytes{0}), "0");
    EXPECT_EQ(to_text(Bytes{1500}), "1500");
    EXPECT_EQ(to_text(Bytes::mib(512)), "512M");
    EXPECT_EQ(to_text(Bytes::gib(1)), "1G");
    EXPECT_EQ(to_text(Bytes{1536}), "1536");
}

TEST(Bytes, TextFormReadsBackToTheSameSize) {
    const uint64_t seed = 20'261'121;
    Random random(seed);
    for (int i = 0; i < 2000; ++i) {
        // Up to 2^53: the reader goes by double, so that "1.5k" works; sizes beyond 8 PiB only
        // round-trip by unit.
        const Bytes bytes{random.next() >> (11 + random.below(53))};
        EXPECT_EQ(parse_bytes(to_text(bytes)).value(), bytes) << "seed " << seed;
    }
}

TEST(Bytes, RoundsForPeople) {
    EXPECT_EQ(to_human(Bytes{17}), "17 B");
    EXPECT_EQ(to_human(Bytes{1536}), "1.5 KiB");
    EXPECT_EQ(to_human(Bytes::mib(12)), "12.0 MiB");
    EXPECT_EQ(to_human(Bytes{UINT64_MAX}), "16777216.0 TiB");
}

}  // namespace
}  // namespace shore::base
