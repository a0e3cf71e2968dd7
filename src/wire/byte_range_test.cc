#include "wire/byte_range.h"

#include <gtest/gtest.h>

namespace shore::wire {
namespace {

struct Case {
    std::string_view field;
    uint64_t size;
    RangeOutcome outcome;
    uint64_t first = 0;
    uint64_t count = 0;
};

TEST(ByteRange, ReadsOneRangeAndIgnoresTheRest) {
    using enum RangeOutcome;
    const Case cases[] = {
        {"bytes=0-0", 10, kPart, 0, 1},
        {"bytes=2-", 10, kPart, 2, 8},
        {"bytes=2-99", 10, kPart, 2, 8},
        {"bytes=-3", 10, kPart, 7, 3},
        {"bytes=-99", 10, kPart, 0, 10},
        {"Bytes= 1-2 ", 10, kPart, 1, 2},
        {"bytes=0-18446744073709551615", 10, kPart, 0, 10},
        {"bytes=10-", 10, kUnsatisfiable},
        {"bytes=-0", 10, kUnsatisfiable},
        {"bytes=0-", 0, kUnsatisfiable},
        {"bytes=-1", 0, kUnsatisfiable},
        {"bytes=3-2", 10, kWhole},
        {"bytes=0-1,3-4", 10, kWhole},
        {"bytes=a-b", 10, kWhole},
        {"bytes=1", 10, kWhole},
        {"bytes=-", 10, kWhole},
        {"bytes=--1", 10, kWhole},
        {"bytes=0-18446744073709551616", 10, kWhole},
        {"items=0-1", 10, kWhole},
        {"", 10, kWhole},
    };
    for (const Case& each : cases) {
        const ByteRange got = parse_byte_range(each.field, each.size);
        EXPECT_EQ(got.outcome, each.outcome) << each.field;
        EXPECT_EQ(got.first, each.first) << each.field;
        EXPECT_EQ(got.count, each.count) << each.field;
    }
}

}  // namespace
}  // namespace shore::wire
