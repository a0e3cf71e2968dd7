// Event: something that happened to a stack, for `shore events`, the console and the audit.
// EventSink is the port through which rooms say so; store keeps them.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace shore::model {

struct Event {
    uint64_t id =
        0;  ///< Grows by one; assigned by the store. The cursor of paging and of `events --follow`.
    WallTime at{};
    std::string stack;
    std::string service;   ///< May be empty.
    std::string instance;  ///< May be empty.
    std::string kind;      ///< Dotted and stable: "instance.started", "instance.oom_killed",
                           ///< "release.failed", …
    std::string message;   ///< One sentence for people.
    friend bool operator==(const Event&, const Event&) = default;
};

class EventSink {
 public:
    virtual ~EventSink() = default;
    /// Never waits and never fails: an event that cannot be kept is logged. The control plane's
    /// loop only.
    virtual void record(Event event) = 0;
};

}  // namespace shore::model
