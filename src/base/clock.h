// Clock: time as a parameter. Durations and deadlines use the steady time; wall time is for people,
// logs and cron.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace shore::base {

using Duration = std::chrono::nanoseconds;
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

class Clock {
 public:
    virtual ~Clock() = default;
    virtual SteadyTime steady_now() const = 0;
    virtual WallTime wall_now() const = 0;
};

/// The operating system's clocks. Stateless: any thread.
class SystemClock final : public Clock {
 public:
    SteadyTime steady_now() const override;
    WallTime wall_now() const override;
};

/// Time that stands still until moved by hand; for tests. One thread.
class ManualClock final : public Clock {
 public:
    explicit ManualClock(WallTime start = WallTime(std::chrono::seconds(1'700'000'000)));
    SteadyTime steady_now() const override { return steady_; }
    WallTime wall_now() const override { return wall_; }
    void advance(Duration by);

 private:
    SteadyTime steady_;
    WallTime wall_;
};

/// RFC 3339 in UTC with milliseconds: "2026-06-01T12:00:00.123Z".
std::string to_rfc3339(WallTime time);
/// Reads RFC 3339 with "Z" or an offset. kInvalid otherwise.
Result<WallTime> parse_rfc3339(std::string_view text);
/// IMF-fixdate for HTTP (RFC 9110 section 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
std::string to_http_date(WallTime time);
/// Reads IMF-fixdate. kInvalid otherwise.
Result<WallTime> parse_http_date(std::string_view text);

/// Compose durations: "1m30s", "500ms", "1.5h", "10us"; a bare number is refused (no unit).
/// kInvalid otherwise.
Result<Duration> parse_duration(std::string_view text);
/// Shortest exact form: "1m30s", "250ms", "0s".
std::string to_text(Duration duration);
/// Rounded form for people: "3m", "2.1s", "5 days".
std::string to_human(Duration duration);

}  // namespace shore::base

namespace shore {
using base::Duration;
using base::SteadyTime;
using base::WallTime;
}  // namespace shore
