// Instance: one replica of a service as it is observed: a supervised process under its shim.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace shore::model {

/// Values are stored; names are part of `status --json`.
enum class InstanceState : uint8_t {
    kStarting = 1,   ///< Process started or about to; not yet proven healthy.
    kRunning = 2,    ///< Healthy, or alive when there is no health check.
    kUnhealthy = 3,  ///< Was running; its probe failed `retries` times.
    kBackoff = 4,    ///< Exited; will be restarted after a delay.
    kStopping = 5,   ///< Told to stop.
    kCompleted = 6,  ///< Exited with 0 and is not to be restarted.
    kFailed = 7,     ///< Will not be restarted: policy, attempts used up, missing executable.
    kStopped = 8,    ///< Stopped on request.
};

/// "starting", "running", …
std::string_view to_string(InstanceState state);

struct Instance {
    std::string id;     ///< "api-7": service and an ordinal never used twice in the stack.
    std::string stack;  ///< stack_id().
    std::string service;
    uint32_t slot =
        0;  ///< Replica slot, 1..replicas; two instances share a slot during a rolling update.
    uint64_t release = 0;  ///< The newest release this instance is part of.
    std::string
        digest;  ///< Of the ServiceSpec it was started from; equal digest: no restart needed.
    InstanceState state = InstanceState::kStarting;
    int32_t pid = 0;    ///< Of the app's process; 0: none.
    uint16_t port = 0;  ///< Its $PORT on 127.0.0.1; 0: none.
    uint32_t restarts = 0;
    WallTime started_at{};  ///< Of the current process.
    WallTime changed_at{};  ///< Of the last change of state.
    int32_t exit_code = 0;  ///< Of the last exit; 128 + n for signal n, as a shell says it.
    std::string reason;     ///< Why it is in this state, for people: "crash loop: exited 5 times in
                            ///< 30s", "out of memory".
    friend bool operator==(const Instance&, const Instance&) = default;
};

/// True while the instance has or will have a process: starting, running, unhealthy, backoff,
/// stopping.
bool is_live(InstanceState state);

}  // namespace shore::model
