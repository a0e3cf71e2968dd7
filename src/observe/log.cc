#include "observe/log.h"

#include <cmath>

#include <unistd.h>

#include "base/strings.h"
#include "observe/limits.h"
#include "observe/rotating_file.h"
#include "wire/json.h"

namespace shore::observe {

namespace {

std::string quoted(std::string_view text) {
    if (text.size() <= kLogTextBytesMax) {
        return wire::json_quoted(text);
    }
    return wire::json_quoted(std::string(base::utf8_prefix(text, kLogTextBytesMax)) + "…");
}

void append_value(std::string& line, const LogField& field, LogForm form) {
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
        line += form == LogForm::kPlain ? std::string(*text) : quoted(*text);
    } else if (const auto* truth = std::get_if<bool>(&field.value)) {
        line += *truth ? "true" : "false";
    } else if (const auto* number = std::get_if<double>(&field.value)) {
        // JSON has no infinity and no NaN.
        line += std::isfinite(*number) ? fmt::format("{}", *number) : "null";
    } else if (const auto* whole = std::get_if<int64_t>(&field.value)) {
        line += std::to_string(*whole);
    } else {
        line += std::to_string(std::get<uint64_t>(field.value));
    }
}

/// `,"name":value`, or ", name=value".
void append_field(std::string& line, const LogField& field, LogForm form) {
    if (form == LogForm::kPlain) {
        line += fmt::format(", {}=", field.name);
    } else {
        line += fmt::format(",{}:", wire::json_quoted(field.name));
    }
    append_value(line, field, form);
}

}  // namespace

std::string_view to_string(Level level) {
    switch (level) {
        case Level::kDebug:
            return "debug";
        case Level::kInfo:
            return "info";
        case Level::kWarning:
            return "warning";
        case Level::kError:
            return "error";
    }
    return "error";
}

Result<Level> parse_level(std::string_view text) {
    if (text == "warn") {
        return Level::kWarning;
    }
    std::vector<std::string> names;
    for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
        if (text == to_string(level)) {
            return level;
        }
        names.emplace_back(to_string(level));
    }
    return fail(ErrorCode::kInvalid, "a log level is one of {}, got \"{}\"{}",
                base::join(names, ", "), base::printable(text), base::did_you_mean(text, names));
}

void FdLogSink::write_line(std::string_view line) {
    // One write keeps lines of several threads and processes apart (O_APPEND, pipes up to 4 KiB).
    const ssize_t written = ::write(descriptor_, line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size())) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
    }
}

void FileLogSink::write_line(std::string_view line) {
    const std::lock_guard lock(mutex_);
    if (!file_.append(line)) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
    }
}

Log Log::with(Fields fields) const {
    Log copy = *this;
    for (const LogField& field : fields) {
        append_field(copy.bound_, field, form_);
    }
    return copy;
}

void Log::append_line(std::string& line, Level level, std::string_view message) const {
    line.reserve(256);
    line += R"({"time":")";
    line += base::to_rfc3339(clock_->wall_now());
    line += R"(","level":")";
    line += to_string(level);
    line += '"';
    line += bound_;
    line += R"(,"message":)";
    line += quoted(message);
}

void Log::write(Level level, std::string_view message, Fields fields) const {
    if (!is_on(level)) {
        return;
    }
    if (form_ == LogForm::kPlain) {
        write_plain(level, message, {}, fields);
        return;
    }
    std::string line;
    append_line(line, level, message);
    for (const LogField& field : fields) {
        append_field(line, field, form_);
    }
    line += "}\n";
    sink_->write_line(line);
}

void Log::write_plain(Level level, std::string_view message, std::string_view why,
                      Fields fields) const {
    std::string line;
    if (level != Level::kInfo) {
        line += fmt::format("{}: ", to_string(level));
    }
    line += message;
    if (!why.empty()) {
        line += fmt::format(": {}", why);
    }
    std::string more;
    for (const LogField& field : fields) {
        append_field(more, field, form_);
    }
    if (const std::string all = bound_ + more; !all.empty()) {
        line += fmt::format(" ({})", std::string_view(all).substr(2));
    }
    line += '\n';
    sink_->write_line(line);
}

void Log::error(std::string_view message, const Error& error, Fields fields) const {
    if (!is_on(Level::kError)) {
        return;
    }
    if (form_ == LogForm::kPlain) {
        write_plain(Level::kError, message, error.text(), fields);
        return;
    }
    std::string line;
    append_line(line, Level::kError, message);
    append_field(line, {"code", base::to_string(error.code())}, form_);
    append_field(line, {"error", error.text()}, form_);
    for (const LogField& field : fields) {
        append_field(line, field, form_);
    }
    line += "}\n";
    sink_->write_line(line);
}

}  // namespace shore::observe
