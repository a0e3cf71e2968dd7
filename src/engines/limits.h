// Limits of engines.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace shore::engines {

/// Largest assignment.json: a thousand users with their passwords and settings fit.
inline constexpr size_t kAssignmentBytesMax = size_t{1} * 1024 * 1024;

/// Output of a helper program (initdb, pg_basebackup) that is kept for its error message.
inline constexpr size_t kHelperOutputKept = size_t{8} * 1024;

/// Threads of an agent for blocking clients: one for questions of people, one for the agent's own.
inline constexpr size_t kAgentWorkers = 2;

/// Requests to an agent at once: the daemon's probe, a person or two, metrics.
inline constexpr size_t kControlConnectionsMax = 16;

/// How long an agent's last answers may take once it is told to end.
inline constexpr std::chrono::seconds kControlStopTime{1};

}  // namespace shore::engines
