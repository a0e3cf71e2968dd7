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

/// Redis. An answer to an agent's own question: CLIENT LIST of ten thousand clients fits.
inline constexpr size_t kRedisAnswerBytesMax = size_t{16} * 1024 * 1024;
/// One question of an agent to a server on this machine.
inline constexpr std::chrono::milliseconds kRedisAskTime{1000};
/// The same where one that does not answer must not hold up the others: sentinels, peers.
inline constexpr std::chrono::milliseconds kRedisProbeTime{300};
/// How often an agent looks at its server.
inline constexpr std::chrono::milliseconds kRedisLookInterval{1000};
/// How often a server that is starting is asked whether it answers.
inline constexpr std::chrono::milliseconds kRedisStartInterval{25};
/// How long the start of a replica waits for its primary.
inline constexpr std::chrono::milliseconds kReplicaLinkWait{3000};
/// How long a server may take to end: it writes a snapshot first.
inline constexpr std::chrono::seconds kRedisStopTime{60};
inline constexpr std::chrono::seconds kSentinelStopTime{3};

/// A primary counts as lost after this without an answer.
inline constexpr std::chrono::milliseconds kSentinelDownAfter{1000};
/// What an election and each step after it may take.
inline constexpr std::chrono::milliseconds kSentinelFailoverTimeout{5000};

/// A change of primary on purpose: measured 0.2-0.4 s; then it is given up and undone.
inline constexpr std::chrono::milliseconds kHandOverTime{3000};
inline constexpr std::chrono::milliseconds kHandOverLookInterval{3};

/// At a start. How long a server looks for sentinels that know who is primary, and for the other
/// servers, before the newest data decides; a server without data waits less, since it never wins
/// against one with data.
inline constexpr std::chrono::milliseconds kRoleSentinelsWait{3000};
inline constexpr std::chrono::milliseconds kRolePeersWait{10000};
inline constexpr std::chrono::milliseconds kRoleFreshWait{700};
/// A primary that was named and finds replicas which outlived it waits for the sentinels to choose
/// among these; then asks for it.
inline constexpr std::chrono::milliseconds kRoleElectionWait{8000};
inline constexpr std::chrono::milliseconds kRoleLookInterval{100};

}  // namespace shore::engines
