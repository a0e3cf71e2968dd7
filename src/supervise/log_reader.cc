#include "supervise/log_reader.h"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "async/timer.h"
#include "async/worker_pool.h"
#include "observe/rotating_file.h"
#include "os/directory.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/unix_socket.h"
#include "supervise/limits.h"
#include "supervise/log_files.h"
#include "wire/json.h"

namespace shore::supervise {
namespace {

/// How often a follower looks for new lines: quick enough to feel live, and a stat per file costs
/// nothing.
constexpr auto kFollowInterval = std::chrono::milliseconds(100);
/// The longest line of a log file: a message of 32 KiB in which each byte became six, and its
/// frame.
constexpr size_t kFileLineMax = kLogMessageMax * 6 + 4096;
constexpr size_t kReadBytes = size_t{128} * 1024;

/// Where a file's bytes come from: plain or zstd.
class Source final {
 public:
    static std::unique_ptr<Source> open(const std::string& path) {
        auto source = std::unique_ptr<Source>(new Source);
        source->file_ = os::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!source->file_) {
            return nullptr;  // Rotated or deleted meanwhile.
        }
        if (path.ends_with(".zst")) {
            source->stream_.reset(ZSTD_createDStream());
            source->packed_.resize(kReadBytes);
        }
        return source;
    }
    /// The next bytes; empty at the end or when the rest cannot be read.
    std::string_view read() {
        buffer_.resize(kReadBytes);
        size_t count = 0;
        if (!stream_) {
            os::read_some(file_.get(), buffer_, count);
            return {buffer_.data(), count};
        }
        ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
        while (out.pos == 0) {
            if (in_.pos == in_.size) {
                if (os::read_some(file_.get(), packed_, count) != os::Transfer::kSome) {
                    break;
                }
                in_ = {packed_.data(), count, 0};
            }
            if (ZSTD_isError(ZSTD_decompressStream(stream_.get(), &out, &in_)) != 0) {
                break;
            }
        }
        return {buffer_.data(), out.pos};
    }

 private:
    struct FreeStream {
        void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
    };
    os::Fd file_;
    std::unique_ptr<ZSTD_DStream, FreeStream> stream_;
    std::string buffer_;
    std::string packed_;
    ZSTD_inBuffer in_{nullptr, 0, 0};
};

bool chosen(const std::vector<std::string>& names, const std::string& name) {
    return names.empty() || std::ranges::find(names, name) != names.end();
}

/// A file's line as a LogLine; nothing when it is none or the filter does not want it.
std::optional<LogLine> parse_line(std::string_view text, const LogFilter& filter) {
    const auto json = wire::Json::parse(text);
    if (!json) {
        return std::nullopt;
    }
    LogLine line;
    line.time = base::parse_rfc3339((*json)["time"].text()).value_or(WallTime{});
    if (line.time == WallTime{} || (filter.since && line.time < *filter.since)) {
        return std::nullopt;
    }
    line.service = (*json)["service"].text();
    line.instance = (*json)["instance"].text();
    line.stream = (*json)["stream"].text();
    line.message = (*json)["message"].text();
    line.partial = (*json)["partial"].truth();
    line.escaped = (*json)["encoding"].text() == "escaped";
    line.json = text;
    return line;
}

std::vector<std::string> names_in(const std::string& directory) {
    return os::list_directory(directory).value_or(std::vector<std::string>());
}

/// Instance -> its live file, whether that exists now or only rotated ones do.
std::map<std::string, std::string> find_logs(const std::string& log_directory,
                                             const LogFilter& filter) {
    std::map<std::string, std::string> logs;
    const std::string stack = fmt::format("{}/{}", log_directory, filter.stack);
    for (const std::string& service : names_in(stack)) {
        if (!chosen(filter.services, service)) {
            continue;
        }
        const std::string directory = fmt::format("{}/{}", stack, service);
        for (const std::string& name : names_in(directory)) {
            const std::string instance = instance_of_log(name);
            if (!instance.empty() && chosen(filter.instances, instance)) {
                logs[instance] = fmt::format("{}/{}.log", directory, instance);
            }
        }
    }
    return logs;
}

WallTime last_change(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) < 0) {
        return WallTime::max();
    }
    return WallTime(std::chrono::seconds(status.st_mtim.tv_sec) +
                    std::chrono::nanoseconds(status.st_mtim.tv_nsec));
}

/// Keeps the newest lines of all files.
struct Collected {
    std::deque<LogLine> lines;
    size_t limit = kLogLinesMax;
    void add(LogLine line) {
        lines.push_back(std::move(line));
        if (lines.size() > limit) {
            lines.pop_front();
        }
    }
};

/// Reads whole lines of one file; returns how many bytes of it they are.
uint64_t read_file_lines(const std::string& path, const LogFilter& filter, Collected& collected) {
    const auto source = Source::open(path);
    if (!source) {
        return 0;
    }
    std::string pending;
    uint64_t taken = 0;
    for (std::string_view bytes = source->read(); !bytes.empty(); bytes = source->read()) {
        pending += bytes;
        size_t begin = 0;
        for (size_t end = 0; (end = pending.find('\n', begin)) != std::string::npos;
             begin = end + 1) {
            if (auto line =
                    parse_line(std::string_view(pending).substr(begin, end - begin), filter)) {
                collected.add(std::move(*line));
            }
        }
        pending.erase(0, begin);
        taken += begin;
        if (pending.size() > kFileLineMax) {
            break;  // Not a log of ours.
        }
    }
    return taken;
}

/// Stable: lines of the same time keep their order.
void sort_by_time(std::vector<LogLine>& lines) {
    std::vector<std::pair<WallTime, size_t>> order;
    for (size_t i = 0; i < lines.size(); ++i) {
        order.emplace_back(lines[i].time, i);
    }
    std::ranges::sort(order);
    std::vector<LogLine> sorted;
    sorted.reserve(lines.size());
    for (const auto& [time, index] : order) {
        sorted.push_back(std::move(lines[index]));
    }
    lines = std::move(sorted);
}

/// An instance's log at one moment: the rotated files, and the live one held open so that rotation
/// cannot take it away.
struct OpenLog {
    std::string path;
    os::Fd live;  // Empty while there is none.
    ino_t inode = 0;
    uint64_t offset = 0;               // How much of the live file has been read.
    std::vector<std::string> rotated;  // Without ".zst", whatever they are now.
};

std::vector<std::string> rotated_names(const std::string& path) {
    std::vector<std::string> names = observe::rotated_files(path);
    for (std::string& name : names) {
        if (name.ends_with(".zst")) {
            name.resize(name.size() - 4);
        }
    }
    return names;
}

/// Opens the live file together with the list of rotated ones that goes with it.
OpenLog open_log(const std::string& path) {
    OpenLog log{.path = path};
    constexpr int kTries = 5;  // More rotations within microseconds do not happen.
    for (int i = 0; i < kTries; ++i) {
        log.rotated = rotated_names(path);
        log.live = os::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (rotated_names(path) == log.rotated) {
            break;
        }
    }
    struct stat status{};
    log.inode = log.live && ::fstat(log.live.get(), &status) == 0 ? status.st_ino : 0;
    return log;
}

void read_rotated(const std::string& name, const LogFilter& filter, Collected& collected) {
    const std::string packed = name + ".zst";
    const std::string path = os::file_exists(packed) ? packed : name;
    // A file whose last line is too old has nothing for us.
    if (!filter.since || last_change(path) >= *filter.since) {
        read_file_lines(path, filter, collected);
    }
}

struct Look {
    std::vector<LogLine> lines;
    std::map<std::string, OpenLog> logs;
};

ino_t inode_of(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) < 0 ? 0 : status.st_ino;
}

/// Everything that is there now.
Look first_look(const std::string& log_directory, const LogFilter& filter) {
    Look look;
    const size_t limit = filter.tail ? std::min<size_t>(*filter.tail, kLogLinesMax) : kLogLinesMax;
    for (const auto& [instance, path] : find_logs(log_directory, filter)) {
        Collected collected{.limit = limit};
        OpenLog log = open_log(path);
        for (const std::string& name : log.rotated) {
            read_rotated(name, filter, collected);
        }
        if (log.live) {
            const std::string held = fmt::format("/proc/self/fd/{}", log.live.get());
            log.offset = read_file_lines(held, filter, collected);
        }
        look.logs.emplace(instance, std::move(log));
        look.lines.insert(look.lines.end(), std::make_move_iterator(collected.lines.begin()),
                          std::make_move_iterator(collected.lines.end()));
    }
    sort_by_time(look.lines);
    if (look.lines.size() > limit) {
        look.lines.erase(look.lines.begin(), look.lines.end() - static_cast<std::ptrdiff_t>(limit));
    }
    return look;
}

/// New lines of a live file, at most a batch; its offset moves behind the last whole one.
void read_from(OpenLog& log, const LogFilter& filter, std::vector<LogLine>& lines) {
    std::string buffer(kReadBytes, '\0');
    std::string pending;
    while (lines.size() < kLogBatchMax) {
        const ssize_t count = ::pread(log.live.get(), buffer.data(), buffer.size(),
                                      static_cast<off_t>(log.offset + pending.size()));
        if (count <= 0) {
            return;
        }
        pending.append(buffer.data(), static_cast<size_t>(count));
        size_t begin = 0;
        for (size_t end = 0;
             lines.size() < kLogBatchMax && (end = pending.find('\n', begin)) != std::string::npos;
             begin = end + 1) {
            if (auto line =
                    parse_line(std::string_view(pending).substr(begin, end - begin), filter)) {
                lines.push_back(std::move(*line));
            }
        }
        pending.erase(0, begin);
        log.offset += begin;
        if (pending.size() > kFileLineMax) {
            log.offset += pending.size();  // Not a log of ours: pass it over.
            pending.clear();
        }
    }
}

}  // namespace

Result<std::vector<LogLine>> read_log_blocking(const std::string& log_directory,
                                               const LogFilter& filter) {
    if (filter.stack.empty()) {
        return fail(ErrorCode::kInvalid, "reading logs needs a stack");
    }
    return first_look(log_directory, filter).lines;
}

class LogFollower::Impl final {
 public:
    Impl(async::Loop& loop, async::WorkerPool& workers, std::string log_directory, LogFilter filter)
        : loop_(loop),
          workers_(workers),
          log_directory_(std::move(log_directory)),
          filter_(std::move(filter)) {}

    async::Task<Result<std::vector<LogLine>>> next();

 private:
    void find_new_logs();
    void take_new_lines(std::vector<LogLine>& lines);
    void take_rotation(OpenLog& log);

    async::Loop& loop_;
    async::WorkerPool& workers_;
    std::string log_directory_;
    LogFilter filter_;
    bool begun_ = false;
    std::deque<LogLine> ready_;
    std::map<std::string, OpenLog> logs_;
};

async::Task<Result<std::vector<LogLine>>> LogFollower::Impl::next() {
    if (!begun_) {
        SHORE_CO_TRY(Look look, co_await workers_.run<Look>(
                                    loop_, [directory = log_directory_, filter = filter_] {
                                        return Result<Look>(first_look(directory, filter));
                                    }));
        begun_ = true;
        logs_ = std::move(look.logs);
        for (LogLine& line : look.lines) {
            ready_.push_back(std::move(line));
        }
    }
    while (true) {
        std::vector<LogLine> lines;
        while (!ready_.empty() && lines.size() < kLogBatchMax) {
            lines.push_back(std::move(ready_.front()));
            ready_.pop_front();
        }
        if (lines.empty()) {
            find_new_logs();
            take_new_lines(lines);
            sort_by_time(lines);
        }
        if (!lines.empty()) {
            co_return lines;
        }
        co_await async::sleep_for(loop_, kFollowInterval);
    }
}

void LogFollower::Impl::find_new_logs() {
    for (const auto& [instance, path] : find_logs(log_directory_, filter_)) {
        if (!logs_.contains(instance)) {
            // Its rotated files, if it has any already, are as new as it is.
            logs_[instance].path = path;
            take_rotation(logs_[instance]);
        }
    }
}

/// The live file is another one now: what came between the old and the new one is taken, and the
/// new one is opened.
void LogFollower::Impl::take_rotation(OpenLog& log) {
    OpenLog fresh = open_log(log.path);
    const bool had_live = static_cast<bool>(log.live);
    bool first = true;
    Collected between;
    for (const std::string& name : fresh.rotated) {
        if (!log.rotated.empty() && name <= log.rotated.back()) {
            continue;
        }
        // The first new one is the file that was just read to its end under its old name.
        if (!first || !had_live) {
            read_rotated(name, filter_, between);
        }
        first = false;
    }
    log = std::move(fresh);
    std::ranges::move(between.lines, std::back_inserter(ready_));
}

void LogFollower::Impl::take_new_lines(std::vector<LogLine>& lines) {
    for (auto& [instance, log] : logs_) {
        if (lines.size() >= kLogBatchMax) {
            return;
        }
        // Asked before reading: what is written in between is then still read from the old file.
        const ino_t current = inode_of(log.path);
        if (log.live) {
            read_from(log, filter_, lines);
        }
        if (current != 0 && current != log.inode && lines.size() < kLogBatchMax) {
            take_rotation(log);
            if (ready_.empty() && log.live) {
                read_from(log, filter_, lines);
            }
        }
    }
}

LogFollower::LogFollower(async::Loop& loop, async::WorkerPool& workers, std::string log_directory,
                         LogFilter filter)
    : impl_(std::make_unique<Impl>(loop, workers, std::move(log_directory), std::move(filter))) {
}

LogFollower::~LogFollower() = default;

async::Task<Result<std::vector<LogLine>>> LogFollower::next() {
    return impl_->next();
}

}  // namespace shore::supervise
