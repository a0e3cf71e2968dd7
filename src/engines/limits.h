// Limits of engines.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

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

/// Slots of PostgreSQL that are looked at for claims and data: more than config allows.
inline constexpr uint32_t kPostgresSlotsMax = 16;

/// What must be free for PostgreSQL to start: recovery writes at least a segment of 16 MiB and its
/// checkpoint.
inline constexpr Bytes kPostgresDiskMin = Bytes::mib(48);

/// How long PostgreSQL has for each step of its end: a fast shutdown with its checkpoint, then an
/// immediate one. Together below the grace period of 30 s.
inline constexpr std::chrono::seconds kPostgresFastStop{20};
inline constexpr std::chrono::seconds kPostgresImmediateStop{5};

}  // namespace shore::engines
