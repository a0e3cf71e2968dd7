#include "supervise/log_writer.h"

#include "base/strings.h"
#include "supervise/limits.h"
#include "wire/json.h"

namespace shore::supervise {
namespace {

/// Records are gathered up to this size before they are written: one system call for many lines.
constexpr size_t kBatchBytes = size_t{128} * 1024;

std::string_view name_of(async::OutputStream stream) {
    return stream == async::OutputStream::kStdout ? "stdout" : "stderr";
}

size_t index_of(async::OutputStream stream) {
    return stream == async::OutputStream::kStdout ? 0 : 1;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        uint64_t eight = 0;
        if (text.size() >= sizeof(eight)) {
            // Eight plain ASCII characters at a time: what nearly all output is made of.
            std::memcpy(&eight, text.data(), sizeof(eight));
            if ((eight & 0x8080808080808080U) == 0) {
                text.remove_prefix(sizeof(eight));
                continue;
            }
        }
        const size_t length = base::utf8_sequence(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace

std::string escape_message(std::string_view message, bool& escaped) {
    escaped = !is_utf8(message);
    if (!escaped) {
        return std::string(message);
    }
    std::string text;
    while (!message.empty()) {
        const size_t length = base::utf8_sequence(message);
        if (length == 0) {
            text += fmt::format("\\x{:02x}", static_cast<unsigned char>(message[0]));
        } else if (message[0] == '\\') {
            text += "\\\\";
        } else {
            text += message.substr(0, length);
        }
        message.remove_prefix(std::max<size_t>(length, 1));
    }
    return text;
}

LogWriter::LogWriter(const LaunchSpec& spec, const base::Clock& clock,
                     observe::RotatingFile::Compress compress)
    : log_path_(spec.log_path),
      limits_{.file_size_max = spec.log.file_size_max,
              .files_max = spec.log.files_max,
              .age_max = spec.log.age_max},
      middle_(fmt::format(R"(","stack":{},"service":{},"instance":{},"stream":")",
                          wire::json_quoted(spec.stack), wire::json_quoted(spec.service),
                          wire::json_quoted(spec.instance))),
      clock_(clock),
      compress_(std::move(compress)) {
}

void LogWriter::feed(async::OutputStream stream, std::string_view bytes) {
    Pending& pending = pending_[index_of(stream)];
    while (!bytes.empty()) {
        const size_t end = bytes.find('\n');
        const size_t room = kLogMessageMax - pending.text.size();
        if (end <= room) {  // Also false for npos.
            pending.text += bytes.substr(0, end);
            bytes.remove_prefix(end + 1);
            add_record(stream, pending.text, false);
            pending.text.clear();
            pending.continued = false;
            continue;
        }
        const size_t taken = std::min(room, bytes.size());
        pending.text += bytes.substr(0, taken);
        bytes.remove_prefix(taken);
        if (pending.text.size() == kLogMessageMax && !bytes.empty()) {
            // Never through a character: its bytes begin the next record. Binary rubbish is cut
            // anywhere.
            std::string_view piece = base::utf8_prefix(pending.text, kLogMessageMax - 1);
            if (piece.size() + 4 < kLogMessageMax) {
                piece = pending.text;
            }
            add_record(stream, piece, true);
            pending.text.erase(0, piece.size());
            pending.continued = true;
        }
    }
    write_batch();
}

void LogWriter::finish(async::OutputStream stream) {
    Pending& pending = pending_[index_of(stream)];
    if (!pending.text.empty() || pending.continued) {
        add_record(stream, pending.text, false);
    }
    pending = {};
    write_batch();
}

void LogWriter::tick() {
    if (unreported_lines_ > 0) {
        report_lost();
    }
    if (file_) {
        file_->rotate_if_old();
    }
}

void LogWriter::add_record(async::OutputStream stream, std::string_view message, bool partial) {
    remember(stream, message);
    bool escaped = false;
    const std::string text = escape_message(message, escaped);
    batch_ += R"({"time":")";
    batch_ += base::to_rfc3339(clock_.wall_now());
    batch_ += middle_;
    batch_ += name_of(stream);
    batch_ += R"(","message":)";
    batch_ += wire::json_quoted(text);
    batch_ += partial ? R"(,"partial":true)" : "";
    batch_ += escaped ? R"(,"encoding":"escaped")" : "";
    batch_ += "}\n";
    ++batch_lines_;
    if (batch_.size() >= kBatchBytes) {
        write_batch();
    }
}

void LogWriter::remember(async::OutputStream stream, std::string_view message) {
    if (pending_[index_of(stream)].continued || message.empty()) {
        return;  // The beginning of a long line is enough.
    }
    tail_.push_back(base::printable(message, kTailLineBytes));
    if (tail_.size() > kTailLines) {
        tail_.pop_front();
    }
}

void LogWriter::write_batch() {
    if (batch_.empty()) {
        return;
    }
    if (unreported_lines_ > 0) {
        report_lost();  // First, so that the note stands where the lines are missing.
    }
    Result<void> written =
        unreported_lines_ > 0 ? fail(ErrorCode::kExhausted, "{}", lost_why_) : append(batch_);
    if (!written) {
        lost_why_ = written.error().text();
        lost_lines_ += batch_lines_;
        unreported_lines_ += batch_lines_;
    }
    batch_.clear();
    batch_lines_ = 0;
}

void LogWriter::report_lost() {
    const std::string note = fmt::format(
        R"({{"time":"{}{}shim","message":{},"lost":{}}})"
        "\n",
        base::to_rfc3339(clock_.wall_now()), middle_,
        wire::json_quoted(fmt::format("{} lines lost: {}", unreported_lines_, lost_why_)),
        unreported_lines_);
    if (append(note)) {
        unreported_lines_ = 0;
    }
}

Result<void> LogWriter::append(std::string_view lines) {
    if (!file_) {
        SHORE_TRY(auto file, observe::RotatingFile::open(log_path_, limits_, clock_, compress_));
        file_.emplace(std::move(file));
    }
    return file_->append(lines);
}

}  // namespace shore::supervise
