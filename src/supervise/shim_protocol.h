// What shim and daemon say to each other over shim.sock: one JSON object a line.
//
// The shim sends its whole status when a daemon connects and whenever it changes. The daemon sends
// requests; none has a reply of its own, because its effect shows in the status.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "os/process.h"

namespace shore::supervise {

inline constexpr std::string_view kShimSocketName = "shim.sock";

enum class ShimPhase : uint8_t {
    kStarting = 1,  ///< The app has not been started yet.
    kRunning = 2,
    kExited = 3,      ///< The app and everything it started has ended; its output is in the log.
    kNotStarted = 4,  ///< The app could not be started: `error` says why.
};

struct ShimStatus {
    ShimPhase phase = ShimPhase::kStarting;
    int32_t shim_pid = 0;
    int32_t pid = 0;           ///< Of the app's main process; kept after it ended.
    uint64_t start_ticks = 0;  ///< os::process_start_ticks of `pid`.
    std::string boot_id;
    WallTime started_at{};
    WallTime ended_at{};
    os::ExitStatus end;       ///< kExited.
    bool oom_killed = false;  ///< The kernel killed it for want of memory.
    std::string error;        ///< kNotStarted.
    int32_t error_errno = 0;
    uint64_t lost_lines = 0;  ///< Since the start: lines that could not be written.
    std::string lost_why;
    std::vector<std::string> tail;  ///< Last lines of output, printable.
    friend bool operator==(const ShimStatus&, const ShimStatus&) = default;
};

/// One line without its end; also the content of status.json.
std::string to_json(const ShimStatus& status);
/// kCorrupt when the text is not a status.
Result<ShimStatus> parse_shim_status(std::string_view json);

enum class ShimVerb : uint8_t {
    kStatus = 1,  ///< Send the status again, with the tail as it is now.
    kStop = 2,    ///< Send `signal` to the main process; kill everything after `grace`.
    kKill = 3,    ///< Kill everything at once.
    kSignal = 4,  ///< Send `signal` to the main process.
    kLeave = 5,   ///< End the shim; ignored while the app runs.
};

struct ShimRequest {
    ShimVerb verb = ShimVerb::kStatus;
    int32_t signal = 0;
    Duration grace{};
    friend bool operator==(const ShimRequest&, const ShimRequest&) = default;
};

std::string to_json(const ShimRequest& request);
/// kInvalid when the text is not a request.
Result<ShimRequest> parse_shim_request(std::string_view json);

}  // namespace shore::supervise
