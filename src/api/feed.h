// Feed: a body that comes piece by piece: lines of JSON, or server-sent events (WHATWG HTML
// section 9.2).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/result.h"

namespace shore::api {

/// Lives on the control plane's loop, owned by the connection that sends it. Destroying it ends
/// what it watches.
class Feed {
 public:
    virtual ~Feed() = default;
    /// The next bytes, never empty; nothing at the end. May be cancelled and called again.
    virtual async::Task<Result<std::optional<std::string>>> next() = 0;
    /// What is sent when next() was silent for long, and when it failed: comments and problems in
    /// the feed's own form.
    virtual std::string keep_alive() const = 0;
    virtual std::string failure(const Error& error) const = 0;
};

/// Server-sent events: keep-alives are comments, failures are an event `problem`.
class EventFeed : public Feed {
 public:
    std::string keep_alive() const final;
    std::string failure(const Error& error) const final;
};

/// Lines of JSON: keep-alives are empty lines, which readers of application/x-ndjson skip.
class LineFeed : public Feed {
 public:
    std::string keep_alive() const final;
    std::string failure(const Error& error) const final;
};

}  // namespace shore::api
