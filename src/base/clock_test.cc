#include "base/clock.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace shore::base {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ns;

WallTime wall(int64_t seconds, Duration rest = 0ns) {
    return WallTime(std::chrono::seconds(seconds)) + rest;
}

/// A moment between 1900 and 2200, to the nanosecond.
WallTime random_moment(Random& random) {
    constexpr int64_t kFirst = -2'208'988'800;  // 1900-01-01
    constexpr uint64_t kSpan = 9'467'107'200;   // 300 years
    return wall(kFirst + static_cast<int64_t>(random.below(kSpan)),
                Duration(static_cast<int64_t>(random.below(1'000'000'000))));
}

TEST(ManualClock, StandsStillUntilMoved) {
    ManualClock clock(wall(1000));
    const SteadyTime start = clock.steady_now();
    EXPECT_EQ(clock.wall_now(), wall(1000));
    clock.advance(90s);
    EXPECT_EQ(clock.steady_now() - start, 90s);
    EXPECT_EQ(clock.wall_now(), wall(1090));
}

TEST(SystemClock, SteadyTimeNeverGoesBack) {
    const SystemClock clock;
    const SteadyTime first = clock.steady_now();
    EXPECT_GE(clock.steady_now(), first);
    EXPECT_GT(clock.wall_now(), wall(1'700'000'000));
}

TEST(Rfc3339, WritesUtcWithMilliseconds) {
    EXPECT_EQ(to_rfc3339(wall(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(to_rfc3339(wall(1'780'315'200, 123'999'999ns)), "2026-06-01T12:00:00.123Z");
    EXPECT_EQ(to_rfc3339(wall(-1, 1ms)), "1969-12-31T23:59:59.001Z");
    EXPECT_EQ(to_rfc3339(wall(1'709'164'800)), "2024-02-29T00:00:00.000Z");
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
    EXPECT_EQ(parse_rfc3339("2026-06-01T12:00:00Z").value(), wall(1'780'315'200));
    EXPECT_EQ(parse_rfc3339("2026-06-01t12:00:00z").value(), wall(1'780'315'200));
    EXPECT_EQ(parse_rfc3339("2026-06-01T14:00:00+02:00").value(), wall(1'780'315'200));
    EXPECT_EQ(parse_rfc3339("2026-06-01T06:30:00-05:30").value(), wall(1'780'315'200));
    EXPECT_EQ(parse_rfc3339("2026-06-01T12:00:00.5Z").value(), wall(1'780'315'200, 500ms));
    EXPECT_EQ(parse_rfc3339("2026-06-01T12:00:00.123456789Z").value(),
              wall(1'780'315'200, 123'456'789ns));
    EXPECT_EQ(parse_rfc3339("2026-06-01T12:00:00.1234567891234Z").value(),
              wall(1'780'315'200, 123'456'789ns));
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
    for (const char* text :
         {"", "2026-06-01", "2026-06-01T12:00:00", "2026-13-01T12:00:00Z", "2026-02-30T12:00:00Z",
          "2026-06-01T24:00:00Z", "2026-06-01T12:60:00Z", "2026-06-01T12:00:61Z",
          "2026-06-01T12:00:00.Z", "2026-06-01T12:00:00+2:00", "2026-06-01T12:00:00+02:0x",
          "2026-06-01T12:00:00+24:00", "2026-06-01T12:00:00+02:60", "0001-01-01T00:00:00Z",
          "9999-12-31T23:59:59Z", "2026-06-01T12:00:00Zjunk", "-026-06-01T12:00:00Z"}) {
        EXPECT_FALSE(parse_rfc3339(text)) << text;
    }
}

TEST(Rfc3339, ReadsBackWhatItWroteToTheMillisecond) {
    const uint64_t seed = 3339;
    Random random(seed);
    for (int i = 0; i < 2000; ++i) {
        const WallTime moment = random_moment(random);
        const WallTime to_millisecond = std::chrono::floor<std::chrono::milliseconds>(moment);
        EXPECT_EQ(parse_rfc3339(to_rfc3339(moment)).value(), to_millisecond) << "seed " << seed;
    }
}

TEST(HttpDate, WritesTheExampleOfTheRfc) {
    EXPECT_EQ(to_http_date(wall(784'111'777)), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").value(), wall(784'111'777));
}

TEST(HttpDate, RefusesOtherForms) {
    for (const char* text : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                             "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nox 1994 08:49:37 GMT",
                             "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
                             "Sun, 06 Nov 1994 08.49.37 GMT", "Sun; 06-Nov-1994-08:49:37 GMT"}) {
        EXPECT_FALSE(parse_http_date(text)) << text;
    }
}

TEST(HttpDate, ReadsBackWhatItWroteToTheSecond) {
    const uint64_t seed = 9110;
    Random random(seed);
    for (int i = 0; i < 2000; ++i) {
        const WallTime moment = random_moment(random);
        const WallTime to_second = std::chrono::floor<std::chrono::seconds>(moment);
        EXPECT_EQ(parse_http_date(to_http_date(moment)).value(), to_second) << "seed " << seed;
    }
}

TEST(ParseDuration, ReadsTheFormsOfCompose) {
    EXPECT_EQ(parse_duration("1m30s").value(), 90s);
    EXPECT_EQ(parse_duration("500ms").value(), 500ms);
    EXPECT_EQ(parse_duration("1.5h").value(), 90min);
    EXPECT_EQ(parse_duration("10us").value(), 10us);
    EXPECT_EQ(parse_duration("10µs").value(), 10us);
    EXPECT_EQ(parse_duration("2d").value(), 48h);
    EXPECT_EQ(parse_duration("1h5m30s20ms").value(), 1h + 5min + 30s + 20ms);
    EXPECT_EQ(parse_duration(" 0s ").value(), 0s);
    EXPECT_EQ(parse_duration(".5s").value(), 500ms);
    EXPECT_EQ(parse_duration("40000d1ns").value(), 40000 * 24h + 1ns);
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
    for (const char* text : {"", "10", "s", "-1s", "1x", "1m30", "1.2.3s", "1 m", "300y", "1e3s",
                             "999999999h", ".s"}) {
        const auto parsed = parse_duration(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalid) << text;
    }
}

TEST(DurationText, IsShortAndExact) {
    EXPECT_EQ(to_text(Duration(0)), "0s");
    EXPECT_EQ(to_text(Duration(90s)), "1m30s");
    EXPECT_EQ(to_text(Duration(250ms)), "250ms");
    EXPECT_EQ(to_text(Duration(24h)), "24h");
    EXPECT_EQ(to_text(Duration(-90s)), "-1m30s");
}

TEST(DurationText, ReadsBackToTheSameDuration) {
    const uint64_t seed = 60;
    Random random(seed);
    for (int i = 0; i < 2000; ++i) {
        // Below 2^53 ns (104 days) the reader's double is exact.
        const Duration duration(static_cast<int64_t>(random.next() >> (11 + random.below(53))));
        EXPECT_EQ(parse_duration(to_text(duration)).value(), duration) << "seed " << seed;
    }
}

TEST(DurationText, RoundsForPeople) {
    EXPECT_EQ(to_human(Duration(250us)), "250us");
    EXPECT_EQ(to_human(Duration(20ms)), "20ms");
    EXPECT_EQ(to_human(Duration(2100ms)), "2.1s");
    EXPECT_EQ(to_human(Duration(3min)), "3m");
    EXPECT_EQ(to_human(Duration(5h)), "5h");
    EXPECT_EQ(to_human(Duration(5 * 24h)), "5 days");
}

}  // namespace
}  // namespace shore::base
