#include "base/clock.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/strings.h"

namespace shore::base {

namespace {

using std::chrono::days;
using std::chrono::duration_cast;
using std::chrono::floor;

constexpr std::array<std::string_view, 7> kDayNames = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonthNames = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Unit {
    std::string_view name;
    int64_t nanoseconds;
};
constexpr std::array kUnits = {Unit{"d", 86'400'000'000'000},
                               Unit{"h", 3'600'000'000'000},
                               Unit{"m", 60'000'000'000},
                               Unit{"s", 1'000'000'000},
                               Unit{"ms", 1'000'000},
                               Unit{"us", 1'000},
                               Unit{"µs", 1'000},
                               Unit{"ns", 1}};

/// Reads exactly `text` as digits into `value`.
bool read_digits(std::string_view text, int& value) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return false;
    }
    return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

std::optional<WallTime> from_parts(int year, int month, int day, int hour, int minute, int second) {
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    // 2262 is where 64-bit nanoseconds end.
    if (!date.ok() || year < 1678 || year > 2261 || hour > 23 || minute > 59 || second > 60) {
        return std::nullopt;
    }
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + std::chrono::seconds(second);
}

constexpr int64_t kDurationMax = int64_t{1} << 62;

/// Digits only; none at all is 0 (".5s"). A number above int64_t reads as its largest value.
bool read_whole(std::string_view text, int64_t& value) {
    if (text.empty()) {
        return true;
    }
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range) {
        value = INT64_MAX;
        return true;
    }
    return error == std::errc() && end == text.data() + text.size();
}

bool read_number(std::string_view text, double& value) {
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

SteadyTime SystemClock::steady_now() const {
    return std::chrono::steady_clock::now();
}
WallTime SystemClock::wall_now() const {
    return std::chrono::system_clock::now();
}

ManualClock::ManualClock(WallTime start) : steady_(std::chrono::hours(1)), wall_(start) {
}

void ManualClock::advance(Duration by) {
    steady_ += by;
    wall_ += by;
}

std::string to_rfc3339(WallTime time) {
    const auto day = floor<days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(floor<std::chrono::milliseconds>(time - day));
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

Result<WallTime> parse_rfc3339(std::string_view text) {
    const auto refuse = [&] {
        return fail(ErrorCode::kInvalid, "\"{}\" is not a time; write it like 2026-06-01T12:00:00Z",
                    printable(text, 60));
    };
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' ||
        (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
        text[16] != ':' || !read_digits(text.substr(0, 4), year) ||
        !read_digits(text.substr(5, 2), month) || !read_digits(text.substr(8, 2), day) ||
        !read_digits(text.substr(11, 2), hour) || !read_digits(text.substr(14, 2), minute) ||
        !read_digits(text.substr(17, 2), second)) {
        return refuse();
    }
    auto time = from_parts(year, month, day, hour, minute, second);
    if (!time) {
        return refuse();
    }
    std::string_view rest = text.substr(19);
    if (rest.starts_with('.')) {
        size_t digits = 1;
        int64_t scale = 100'000'000;
        for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
            *time += std::chrono::nanoseconds((rest[digits] - '0') * scale);
            scale /= 10;
        }
        if (digits == 1) {
            return refuse();
        }
        rest.remove_prefix(digits);
    }
    if (rest == "Z" || rest == "z") {
        return *time;
    }
    int offset_hours = 0;
    int offset_minutes = 0;
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':' ||
        !read_digits(rest.substr(1, 2), offset_hours) ||
        !read_digits(rest.substr(4, 2), offset_minutes) || offset_hours > 23 ||
        offset_minutes > 59) {
        return refuse();
    }
    const auto offset = std::chrono::minutes(offset_hours * 60 + offset_minutes);
    return rest[0] == '+' ? *time - offset : *time + offset;
}

std::string to_http_date(WallTime time) {
    const auto day = floor<days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(floor<std::chrono::seconds>(time - day));
    return fmt::format(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        kDayNames[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
        kMonthNames[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
        clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

Result<WallTime> parse_http_date(std::string_view text) {
    int day = 0;
    int year = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (text.size() == 29 && text.substr(3, 2) == ", " && text[7] == ' ' && text[11] == ' ' &&
        text[16] == ' ' && text[19] == ':' && text[22] == ':' && text.substr(25) == " GMT" &&
        read_digits(text.substr(5, 2), day) && read_digits(text.substr(12, 4), year) &&
        read_digits(text.substr(17, 2), hour) && read_digits(text.substr(20, 2), minute) &&
        read_digits(text.substr(23, 2), second)) {
        const auto month = std::ranges::find(kMonthNames, text.substr(8, 3));
        if (month != kMonthNames.end()) {
            const int number = static_cast<int>(month - kMonthNames.begin()) + 1;
            if (auto time = from_parts(year, number, day, hour, minute, second)) {
                return *time;
            }
        }
    }
    return fail(ErrorCode::kInvalid, "\"{}\" is not an HTTP date (RFC 9110 section 5.6.7)",
                printable(text, 60));
}

Result<Duration> parse_duration(std::string_view text) {
    const auto refuse = [&] {
        return fail(ErrorCode::kInvalid, "\"{}\" is not a duration; write it like 1m30s or 500ms",
                    printable(text, 40));
    };
    std::string_view rest = trim(text);
    if (rest.empty()) {
        return refuse();
    }
    // Whole units are added as integers: a double is exact for 104 days only.
    int64_t total = 0;
    while (!rest.empty()) {
        const size_t number_size = rest.find_first_not_of("0123456789.");
        const std::string_view number = rest.substr(0, number_size);
        if (number_size == std::string_view::npos ||
            number.find_first_not_of('.') == std::string_view::npos) {
            return refuse();
        }
        rest.remove_prefix(number_size);
        const std::string_view name = rest.substr(0, rest.find_first_of("0123456789."));
        const auto unit = std::ranges::find(kUnits, name, &Unit::name);
        if (unit == kUnits.end()) {
            return refuse();
        }
        const size_t whole_size = number.find('.');
        const std::string fraction =
            "0" + std::string(number.substr(std::min(whole_size, number.size())));
        int64_t whole = 0;
        double part = 0;
        if (!read_whole(number.substr(0, whole_size), whole) || !read_number(fraction, part)) {
            return refuse();
        }
        const auto part_count = std::llround(part * static_cast<double>(unit->nanoseconds));
        // 146 years; leaves room to add it to a time point.
        if (whole > (kDurationMax - total - part_count) / unit->nanoseconds) {
            return fail(ErrorCode::kInvalid, "\"{}\" is too long for a duration",
                        printable(text, 40));
        }
        total += whole * unit->nanoseconds + part_count;
        rest.remove_prefix(name.size());
    }
    return Duration(total);
}

std::string to_text(Duration duration) {
    if (duration < Duration::zero()) {
        return "-" + to_text(-duration);
    }
    int64_t rest = duration.count();
    std::string text;
    for (const Unit& unit : kUnits) {
        if (unit.name == "d" || unit.name == "µs") {
            continue;
        }
        if (rest >= unit.nanoseconds) {
            text += fmt::format("{}{}", rest / unit.nanoseconds, unit.name);
            rest %= unit.nanoseconds;
        }
    }
    return text.empty() ? "0s" : text;
}

std::string to_human(Duration duration) {
    const auto seconds = std::chrono::duration<double>(duration).count();
    if (seconds < 0.001) {
        return fmt::format("{:.0f}us", seconds * 1e6);
    }
    if (seconds < 1) {
        return fmt::format("{:.0f}ms", seconds * 1e3);
    }
    if (seconds < 10) {
        return fmt::format("{:.1f}s", seconds);
    }
    if (seconds < 120) {
        return fmt::format("{:.0f}s", seconds);
    }
    if (seconds < 2 * 3600) {
        return fmt::format("{:.0f}m", seconds / 60);
    }
    if (seconds < 48 * 3600) {
        return fmt::format("{:.0f}h", seconds / 3600);
    }
    return fmt::format("{:.0f} days", seconds / 86400);
}

}  // namespace shore::base
