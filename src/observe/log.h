// Log: what Shore's own processes say, one JSON object a line:
//
//   {"time":"2026-11-21T04:22:07.123Z","level":"info","component":"supervise","message":"instance
//   started","pid":42}
//
//   log.info("instance started", {{"stack", "shop"}, {"instance", "api-3"}, {"pid", pid}});
//
// A line that cannot be written (full disk, closed pipe) is dropped and counted; logging never
// fails and never waits for more than the write itself.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/error.h"
#include "os/fd.h"

namespace shore::observe {

class RotatingFile;

enum class Level : uint8_t { kDebug = 1, kInfo = 2, kWarning = 3, kError = 4 };

/// "debug", "info", "warning", "error".
std::string_view to_string(Level level);
/// Reads those, and "warn". kInvalid with the nearest otherwise.
Result<Level> parse_level(std::string_view text);

/// How a line looks.
enum class LogForm : uint8_t {
    kJson,   ///< As above.
    kPlain,  ///< "error: the message: why (name=value)": for output that a shim makes records of.
};

/// One field of a line; borrowed for the length of the call.
struct LogField {
    std::string_view name;
    std::variant<std::string_view, int64_t, uint64_t, double, bool> value;

    LogField(std::string_view n, const char* text) : name(n), value(std::string_view(text)) {}
    LogField(std::string_view n, std::string_view text) : name(n), value(text) {}
    LogField(std::string_view n, const std::string& text)
        : name(n), value(std::string_view(text)) {}
    LogField(std::string_view n, bool truth) : name(n), value(truth) {}
    LogField(std::string_view n, double number) : name(n), value(number) {}
    template <std::signed_integral Integer>
    LogField(std::string_view n, Integer number) : name(n), value(int64_t{number}) {}
    template <std::unsigned_integral Integer>
        requires(!std::same_as<Integer, bool>)
    LogField(std::string_view n, Integer number) : name(n), value(uint64_t{number}) {}
};

/// Where lines go. Any thread.
class LogSink {
 public:
    virtual ~LogSink() = default;
    /// `line` with its line end. May drop it.
    virtual void write_line(std::string_view line) = 0;
};

/// Lines to a descriptor, one write each. It may be non-blocking; what does not fit is dropped.
class FdLogSink final : public LogSink {
 public:
    /// Borrows `descriptor`, e.g. standard error.
    explicit FdLogSink(int descriptor) : descriptor_(descriptor) {}
    void write_line(std::string_view line) override;
    uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
    int descriptor_;
    std::atomic<uint64_t> dropped_ = 0;
};

/// Lines to a file that rotates.
class FileLogSink final : public LogSink {
 public:
    /// Borrows `file`, which nobody else appends to.
    explicit FileLogSink(RotatingFile& file) : file_(file) {}
    void write_line(std::string_view line) override;
    uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
    std::mutex mutex_;
    RotatingFile& file_;
    std::atomic<uint64_t> dropped_ = 0;
};

/// A value: cheap to copy, borrows sink and clock. Any thread. A default one says nothing, so that
/// objects under test need no log.
class Log final {
 public:
    using Fields = std::initializer_list<LogField>;

    Log() = default;
    Log(LogSink& sink, const base::Clock& clock, Level least = Level::kInfo,
        LogForm form = LogForm::kJson)
        : sink_(&sink), clock_(&clock), least_(least), form_(form) {}

    /// The same log, with fields that every line then carries (behind "level").
    Log with(Fields fields) const;

    bool is_on(Level level) const { return sink_ != nullptr && level >= least_; }
    void write(Level level, std::string_view message, Fields fields = {}) const;

    void debug(std::string_view message, Fields fields = {}) const {
        write(Level::kDebug, message, fields);
    }
    void info(std::string_view message, Fields fields = {}) const {
        write(Level::kInfo, message, fields);
    }
    void warning(std::string_view message, Fields fields = {}) const {
        write(Level::kWarning, message, fields);
    }
    void error(std::string_view message, Fields fields = {}) const {
        write(Level::kError, message, fields);
    }
    /// The error's code and text as fields "code" and "error", before `fields`.
    void error(std::string_view message, const Error& error, Fields fields = {}) const;

 private:
    void append_line(std::string& line, Level level, std::string_view message) const;
    void write_plain(Level level, std::string_view message, std::string_view why,
                     Fields fields) const;

    LogSink* sink_ = nullptr;
    const base::Clock* clock_ = nullptr;
    Level least_ = Level::kInfo;
    LogForm form_ = LogForm::kJson;
    std::string bound_;  // `,"name":value` for each bound field.
};

}  // namespace shore::observe
