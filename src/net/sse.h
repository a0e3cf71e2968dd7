// Server-sent events (WHATWG HTML, section 9.2): the lines of one event, and the reader that finds
// events in bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shore::net {

inline constexpr std::string_view kSseContentType = "text/event-stream";
/// A comment: keeps proxies from closing a quiet stream. Send it every 15 s or so.
inline constexpr std::string_view kSseKeepAlive = ": keep-alive\n\n";

struct SseEvent {
    std::string id;     ///< Empty: not sent; when reading: the last one seen.
    std::string event;  ///< Empty means "message".
    std::string data;   ///< May have several lines.

    friend bool operator==(const SseEvent&, const SseEvent&) = default;
};

/// The event as it goes on the wire. Line ends in `id` and `event` are dropped.
std::string to_text(const SseEvent& event);

/// Feed bytes as they arrive, take events until there are none.
class SseReader final {
 public:
    /// kExhausted when one event passes kSseEventBytesMax; the stream is then useless.
    Result<void> feed(std::string_view bytes);
    std::optional<SseEvent> next();

 private:
    void take_line(std::string_view line);

    std::string buffer_;
    size_t scanned_ = 0;
    std::string last_id_;
    std::string event_;
    std::string data_;
    bool has_data_ = false;
    bool at_start_ = true;
    bool after_cr_ = false;
    std::vector<SseEvent> ready_;
    size_t taken_ = 0;
};

}  // namespace shore::net
