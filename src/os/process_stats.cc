#include "os/process_stats.h"

#include <charconv>
#include <cstdlib>

#include <sched.h>
#include <unistd.h>

#include "base/strings.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::os {

namespace {

constexpr Bytes kProcFileMax = Bytes::kib(64);

/// Numbers of /proc/PID/stat behind the command, by their place in proc(5).
constexpr size_t kState = 3;
constexpr size_t kParent = 4;
constexpr size_t kGroup = 5;
constexpr size_t kSession = 6;
constexpr size_t kUserTime = 14;
constexpr size_t kSystemTime = 15;
constexpr size_t kThreads = 20;
constexpr size_t kStartTime = 22;
constexpr size_t kResident = 24;

template <class Number>
Number number_at(const std::vector<std::string_view>& words, size_t place) {
    const std::string_view word = words[place - kState];
    Number number = 0;
    std::from_chars(word.data(), word.data() + word.size(), number);
    return number;
}

Duration from_ticks(uint64_t ticks) {
    static const auto per_second = static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
    return std::chrono::nanoseconds(ticks * (1'000'000'000 / per_second));
}

Bytes meminfo_value(std::string_view text, std::string_view name) {
    const size_t at = text.find(name);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = base::trim(text.substr(at + name.size(), 32));
    uint64_t kib = 0;
    std::from_chars(rest.data(), rest.data() + rest.size(), kib);
    return Bytes::kib(kib);
}

}  // namespace

Result<ProcessStats> parse_process_stat(std::string_view text) {
    // The command stands in parentheses and may itself hold any byte, so it ends at the last one.
    const size_t open = text.find('(');
    const size_t close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open ||
        close + 2 > text.size()) {
        return fail(ErrorCode::kCorrupt, "not the text of /proc/PID/stat: {}",
                    base::printable(text));
    }
    const std::vector<std::string_view> words =
        base::split(base::trim(text.substr(close + 2)), ' ');
    if (words.size() <= kResident - kState || words[0].empty()) {
        return fail(ErrorCode::kCorrupt, "the text of /proc/PID/stat is too short: {}",
                    base::printable(text));
    }
    ProcessStats stats;
    const std::string_view pid = text.substr(0, open);
    std::from_chars(pid.data(), pid.data() + pid.size(), stats.pid);
    stats.command = text.substr(open + 1, close - open - 1);
    stats.state = words[0].front();
    stats.parent = number_at<pid_t>(words, kParent);
    stats.group = number_at<pid_t>(words, kGroup);
    stats.session = number_at<pid_t>(words, kSession);
    stats.cpu =
        from_ticks(number_at<uint64_t>(words, kUserTime) + number_at<uint64_t>(words, kSystemTime));
    stats.threads = number_at<uint32_t>(words, kThreads);
    stats.start_ticks = number_at<uint64_t>(words, kStartTime);
    static const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    stats.resident = {number_at<uint64_t>(words, kResident) * page};
    return stats;
}

Result<ProcessStats> process_stats(pid_t pid) {
    SHORE_TRY(const std::string text, read_file(fmt::format("/proc/{}/stat", pid), kProcFileMax));
    return parse_process_stat(text);
}

Result<uint64_t> process_start_ticks(pid_t pid) {
    SHORE_TRY(const ProcessStats stats, process_stats(pid));
    return stats.start_ticks;
}

Result<std::vector<ProcessStats>> all_processes() {
    SHORE_TRY(const std::vector<std::string> names, list_directory("/proc", 1'000'000));
    std::vector<ProcessStats> result;
    for (const std::string& name : names) {
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc() || end != name.data() + name.size()) {
            continue;
        }
        if (auto stats = process_stats(pid)) {
            result.push_back(std::move(*stats));
        }
    }
    return result;
}

Result<MachineStats> machine_stats() {
    SHORE_TRY(const std::string text, read_file("/proc/meminfo", kProcFileMax));
    MachineStats stats;
    stats.memory_total = meminfo_value(text, "MemTotal:");
    stats.memory_available = meminfo_value(text, "MemAvailable:");
    cpu_set_t usable;
    CPU_ZERO(&usable);
    stats.cpus = sched_getaffinity(0, sizeof usable, &usable) == 0
                     ? static_cast<uint32_t>(CPU_COUNT(&usable))
                     : static_cast<uint32_t>(sysconf(_SC_NPROCESSORS_ONLN));
    double load[1] = {0};
    if (getloadavg(load, 1) == 1) {
        stats.load_1m = load[0];
    }
    return stats;
}

std::string boot_id() {
    auto text = read_file("/proc/sys/kernel/random/boot_id", kProcFileMax);
    return text ? std::string(base::trim(*text)) : std::string();
}

}  // namespace shore::os
