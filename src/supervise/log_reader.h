// LogReader: the output of a stack's instances, from rotated and live files, merged by time; and
// following as it grows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"

namespace shore::async {
class Loop;
class WorkerPool;
}  // namespace shore::async

namespace shore::supervise {

/// One line of a log file. The file's form is in README.md.
struct LogLine {
    WallTime time{};
    std::string service;
    std::string instance;
    std::string stream;    ///< "stdout", "stderr" or "shim".
    std::string message;   ///< Without the line's end; as it stands in the file (see `escaped`).
    bool partial = false;  ///< The line goes on in the instance's next LogLine of the same stream.
    bool escaped = false;  ///< Bytes that are not UTF-8 stand as \xNN, and a backslash as two.
    std::string json;      ///< The line as it is in the file.
    friend bool operator==(const LogLine&, const LogLine&) = default;
};

struct LogFilter {
    std::string stack;                   ///< stack_id(); required.
    std::vector<std::string> services;   ///< Empty: all.
    std::vector<std::string> instances;  ///< Empty: all.
    std::optional<WallTime> since;
    std::optional<uint32_t> tail;  ///< Only the last N of all lines that match.
};

/// Reads what is there now, oldest first, at most kLogLinesMax lines (the newest ones). Blocking:
/// reads and decompresses files; call it on a worker. A stack without logs gives no lines. Any
/// thread.
Result<std::vector<LogLine>> read_log_blocking(const std::string& log_directory,
                                               const LogFilter& filter);

/// Follows a stack's logs: first what read_log_blocking gives, then every new line, once, across
/// rotations and new instances.
class LogFollower final {
 public:
    /// The references outlive the follower. Does nothing yet.
    LogFollower(async::Loop& loop, async::WorkerPool& workers, std::string log_directory,
                LogFilter filter);
    ~LogFollower();
    LogFollower(const LogFollower&) = delete;
    LogFollower& operator=(const LogFollower&) = delete;

    /// The next lines, at least one, at most kLogBatchMax; waits until there are some. Lines of one
    /// instance come in their order; lines of several are merged by time within a batch. One caller
    /// at a time; may be cancelled and called again.
    async::Task<Result<std::vector<LogLine>>> next();

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace shore::supervise
