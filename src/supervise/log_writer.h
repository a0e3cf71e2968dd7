// LogWriter: what an app writes, as log records (README.md) in a rotating file. Lines of any length
// and bytes of any kind do no harm; a full disk loses whole lines, which are counted and, when
// space returns, told in the log.
//
// Lives in the shim: single-threaded, memory bounded by limits.h.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "async/command.h"
#include "base/clock.h"
#include "observe/rotating_file.h"
#include "supervise/launch_spec.h"

namespace shore::supervise {

class LogWriter final {
 public:
    /// `clock` outlives the writer. The file is opened with the first line.
    LogWriter(const LaunchSpec& spec, const base::Clock& clock,
              observe::RotatingFile::Compress compress);

    /// Takes in what was read from a stream. Whole lines are written at once.
    void feed(async::OutputStream stream, std::string_view bytes);
    /// The stream has ended: what is left without a line's end becomes a line.
    void finish(async::OutputStream stream);
    /// Tries again to write the note about lost lines, and rotates by age. To be called now and
    /// then.
    void tick();

    uint64_t lost_lines() const { return lost_lines_; }
    /// Why lines were lost last; empty when never.
    const std::string& lost_why() const { return lost_why_; }
    /// True when lines are being lost now.
    bool losing() const { return unreported_lines_ > 0; }
    /// Last lines of both streams, oldest first, printable.
    const std::deque<std::string>& tail() const { return tail_; }

 private:
    struct Pending {
        std::string text;
        bool continued = false;  // An earlier part of this line is written already.
    };

    void add_record(async::OutputStream stream, std::string_view message, bool partial);
    void remember(async::OutputStream stream, std::string_view message);
    void write_batch();
    void report_lost();
    Result<void> append(std::string_view lines);

    std::string log_path_;
    observe::RotationLimits limits_;
    std::string middle_;  // "…","stack":"shop","service":"api","instance":"api-7","stream":" of
                          // every record.
    const base::Clock& clock_;
    observe::RotatingFile::Compress compress_;
    std::optional<observe::RotatingFile> file_;
    std::array<Pending, 2> pending_;
    std::string batch_;
    uint64_t batch_lines_ = 0;
    uint64_t lost_lines_ = 0;
    uint64_t unreported_lines_ = 0;
    std::string lost_why_;
    std::deque<std::string> tail_;
};

/// `message` fit for a JSON string: as it is when it is UTF-8; otherwise with bytes that are not as
/// \xNN and a backslash as two, and `escaped` set.
std::string escape_message(std::string_view message, bool& escaped);

}  // namespace shore::supervise
