#include "net/sse.h"

#include "base/strings.h"
#include "net/limits.h"

namespace shore::net {

namespace {

void append_one_line(std::string& text, std::string_view name, std::string_view value) {
    if (value.empty()) {
        return;
    }
    text += name;
    for (const char c : value) {
        if (c != '\r' && c != '\n' && c != '\0') {
            text += c;
        }
    }
    text += '\n';
}

}  // namespace

std::string to_text(const SseEvent& event) {
    std::string text;
    append_one_line(text, "id: ", event.id);
    append_one_line(text, "event: ", event.event);
    std::string_view rest = event.data;
    while (true) {
        const size_t end = rest.find_first_of("\r\n");
        text += "data: ";
        text += rest.substr(0, end);
        text += '\n';
        if (end == std::string_view::npos) {
            break;
        }
        const bool pair = rest.substr(end).starts_with("\r\n");
        rest.remove_prefix(end + (pair ? 2 : 1));
    }
    text += '\n';
    return text;
}

Result<void> SseReader::feed(std::string_view bytes) {
    buffer_ += bytes;
    size_t start = 0;
    while (true) {
        const size_t end = buffer_.find_first_of("\r\n", scanned_);
        if (end == std::string::npos) {
            break;
        }
        // CR LF is one line end, also when the two arrive apart.
        if (after_cr_ && end == start && buffer_[end] == '\n') {
            after_cr_ = false;
        } else {
            take_line(std::string_view(buffer_).substr(start, end - start));
            after_cr_ = buffer_[end] == '\r';
        }
        start = scanned_ = end + 1;
    }
    if (start < buffer_.size()) {
        after_cr_ = false;
    }
    buffer_.erase(0, start);
    scanned_ = buffer_.size();
    if (buffer_.size() + data_.size() > kSseEventBytesMax) {
        return fail(ErrorCode::kExhausted, "one server-sent event has more than {} bytes",
                    kSseEventBytesMax);
    }
    return {};
}

void SseReader::take_line(std::string_view line) {
    if (std::exchange(at_start_, false) && line.starts_with("\xEF\xBB\xBF")) {
        line.remove_prefix(3);
    }
    if (line.empty()) {
        if (has_data_) {
            ready_.push_back({last_id_, std::move(event_), std::move(data_)});
        }
        event_.clear();
        data_.clear();
        has_data_ = false;
        return;
    }
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) {
        value.remove_prefix(1);
    }
    if (name == "data") {
        if (has_data_) {
            data_ += '\n';
        }
        data_ += value;
        has_data_ = true;
    } else if (name == "event") {
        event_ = value;
    } else if (name == "id" && !value.contains('\0')) {
        last_id_ = value;
    }
}

std::optional<SseEvent> SseReader::next() {
    if (taken_ == ready_.size()) {
        ready_.clear();
        taken_ = 0;
        return std::nullopt;
    }
    return std::move(ready_[taken_++]);
}

}  // namespace shore::net
