// Limits of engines.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace shore::engines {

/// Largest assignment.json: a thousand users with their passwords and settings fit.
inline constexpr size_t kAssignmentBytesMax = size_t{1} * 1024 * 1024;

/// Random bytes of a password, and of an engine's identity.
inline constexpr size_t kPasswordBytes = 16;
inline constexpr size_t kIdentityBytes = 16;

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

/// Statements whose callers are remembered: as many as pg_stat_statements counts by default.
inline constexpr size_t kPostgresStatementsMax = 5000;

/// One question of a pool's agent to PgBouncer's console, or for the services' verifiers.
inline constexpr std::chrono::seconds kPgBouncerAskTime{5};

/// Connections that a pool's gate passes on, each with a buffer in each direction: a login for each
/// role and database, of which there are a handful; 8 MiB.
inline constexpr size_t kGateConnectionsMax = 256;
inline constexpr size_t kGateBufferBytes = size_t{16} * 1024;

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
/// It is told again this often: a Redis that cannot end at the moment (a replica that is writing
/// its first log after a full copy; a snapshot that failed) says so in its log and forgets it.
inline constexpr std::chrono::milliseconds kRedisStopAgain{500};
inline constexpr std::chrono::seconds kSentinelStopTime{3};
/// A sentinel's configuration: a line of 200 bytes for each of thousands of servers and sentinels.
inline constexpr Bytes kSentinelConfMax = Bytes::mib(1);

/// A primary counts as lost after this without an answer; for each sentinel a little later than
/// for the one before, so that not all of them stand for election at the same moment and nobody
/// wins (measured: 1 of 10 elections took 5 s more).
inline constexpr std::chrono::milliseconds kSentinelDownAfter{1000};
inline constexpr std::chrono::milliseconds kSentinelStagger{150};
/// What an election and each step after it may take.
inline constexpr std::chrono::milliseconds kSentinelFailoverTimeout{3000};
/// How long the start of a sentinel waits for the others.
inline constexpr std::chrono::milliseconds kSentinelMeetTime{3000};

/// The endpoint. A buffer of a session in each direction, while bytes move: sixteen pipelined
/// commands of 1 KiB fit. A larger command or reply passes in pieces.
inline constexpr size_t kRedisBufferBytes = size_t{32} * 1024;
/// Kept per loop: 8 MiB.
inline constexpr size_t kRedisBuffersKept = 256;
/// Answers that a session withholds or that a client does not read, while replicas are waited for;
/// then the connection ends, as the server's own does (client-output-buffer-limit).
inline constexpr size_t kRedisWithheldBytesMax = size_t{64} * 1024 * 1024;
/// Commands of a session that are not answered: 16 MiB of notes.
inline constexpr size_t kRedisInFlightMax = size_t{1} << 20U;
/// Commands sent with one WAIT behind them.
inline constexpr size_t kRedisRunMax = 4096;
/// How long WAIT waits for a replica; then the write counts as not replicated.
inline constexpr std::chrono::milliseconds kRedisWaitTime{5000};
/// Channels and patterns of a connection that are subscribed again at another server.
inline constexpr size_t kRedisSubscriptionsMax = 10 * 1000;
/// An error line of the server that is looked at whole.
inline constexpr size_t kRedisErrorLineMax = 4096;
/// Between attempts to reach a server that refuses.
inline constexpr std::chrono::milliseconds kRedisRetry{10};
/// When the primary changes on purpose: what was sent before may be answered so long.
inline constexpr std::chrono::milliseconds kRedisMoveGrace{500};
/// A client that has ended its side gets the answers that are due for so long.
inline constexpr std::chrono::seconds kRedisFarewell{5};
/// A client that is to speak TLS has so long for its handshake.
inline constexpr std::chrono::seconds kRedisHandshakeTime{10};
/// Rounds of a session before others of its loop have their turn.
inline constexpr int kRedisRoundsMax = 16;
/// Connections to servers that sessions of a loop share: a login or two, at each server, for reads
/// and for writes. More logins than that go by their own connections.
inline constexpr size_t kRedisLanesMax = 12;
/// What a lane sends, and receives, at once: two sessions' buffers, or what 50 clients pipeline.
inline constexpr size_t kRedisLaneBytes = size_t{64} * 1024;
static_assert(kRedisLaneBytes >= 2 * kRedisBufferBytes, "a session's run fits");
/// Runs of a lane that are not answered: while the server is at one, the next gathers.
inline constexpr size_t kRedisLaneRuns = 2;
/// Notes of answered runs that are thrown away together.
inline constexpr size_t kRedisLanePartsKept = 1024;
/// Sessions of a loop that wait for answers, from which on sharing pays (docs/benchmarks.md).
inline constexpr int kRedisCrowd = 4;
/// A session with more than this unread leaves its lane for good.
inline constexpr size_t kRedisLaneBacklog = size_t{256} * 1024;
/// A lane waits for a client with more than this unread, so long each time; then the rest gathers
/// up to kRedisWithheldBytesMax.
inline constexpr size_t kRedisLaneBacklogMax = size_t{8} * 1024 * 1024;
inline constexpr std::chrono::milliseconds kRedisLanePause{500};
/// A lane that nobody uses ends after this.
inline constexpr std::chrono::seconds kRedisLaneIdle{10};
/// After one that could not be opened.
inline constexpr std::chrono::seconds kRedisLaneRetry{1};
/// How long a loop with few busy sessions looks for the next event before it sleeps: what a server
/// or a client that is at work takes for an answer. Measured (one client, two cores): 16 us less at
/// p50 for 10 us more CPU a command.
inline constexpr std::chrono::microseconds kRedisVigil{40};
/// Loops of the endpoint.
inline constexpr size_t kRedisLoopsMax = 4;
/// Client connections of the endpoint: each has another to a server, whose limit is 10,000.
inline constexpr size_t kRedisSessionsMax = 9900;
static_assert(kRedisSessionsMax + kRedisLoopsMax * kRedisLanesMax < 9950, "some for the agents");
/// The primary is asked this often; one that does not answer in kRedisProbeTime gets no commands.
inline constexpr std::chrono::milliseconds kRouteInterval{100};
/// The same while there is none.
inline constexpr std::chrono::milliseconds kRouteIntervalLost{20};
/// Sentinels and replicas are asked this often, and at once when something happens.
inline constexpr std::chrono::milliseconds kRouteSentinelInterval{1000};

/// While the primary counts as down, agents ask each other this often who has the most.
inline constexpr std::chrono::milliseconds kSuccessionInterval{50};
/// The one that may be promoted and is not after this much tells a sentinel to choose it: elections
/// take less (measured: 0.3 to 1 s).
inline constexpr std::chrono::milliseconds kSuccessionHurry{2000};
/// A replica that follows another than the sentinels name, or a sentinel that names another than
/// all others, is put right after this: in a failover somebody is always late.
inline constexpr std::chrono::milliseconds kAstrayPatience{5000};
/// A server that is there and does not answer is waited for so long before another takes over that
/// may have less.
inline constexpr std::chrono::milliseconds kSuccessionPatience{10000};

/// A change of primary on purpose: measured 0.2-0.4 s; then it is given up and undone.
inline constexpr std::chrono::milliseconds kHandOverTime{3000};
inline constexpr std::chrono::milliseconds kHandOverLookInterval{3};
/// How often sentinels are asked whether they have seen whom they shall choose.
inline constexpr std::chrono::milliseconds kPreferredLookInterval{20};
/// One to a chosen server begins when that has all but so much, which is the last moment's writes;
/// it is waited for so long.
inline constexpr Bytes kCatchUpDistance = Bytes::mib(1);
inline constexpr std::chrono::milliseconds kCatchUpTime{10000};
/// How long such a change waits for the end of another, before it holds anybody up.
inline constexpr std::chrono::milliseconds kFailoverIdleWait{15000};
/// All of that.
inline constexpr std::chrono::milliseconds kFailoverTime =
    kFailoverIdleWait + kCatchUpTime + 4 * kHandOverTime;

/// At a start. How long a server looks for sentinels that know who is primary, and for the other
/// servers, before the newest data decides; a server without data waits less, since it never wins
/// against one with data.
inline constexpr std::chrono::milliseconds kRoleSentinelsWait{3000};
inline constexpr std::chrono::milliseconds kRolePeersWait{10000};
inline constexpr std::chrono::milliseconds kRoleFreshWait{700};
/// A primary that was named and finds replicas which outlived it waits for the sentinels to choose
/// among these; then asks for it.
inline constexpr std::chrono::milliseconds kRoleElectionWait{5000};
/// Between requests to choose.
inline constexpr std::chrono::milliseconds kRoleElectAgain{10000};
/// Sentinels that name a server which is no primary are believed after this all the same.
inline constexpr std::chrono::seconds kRoleStaleWait{60};
inline constexpr std::chrono::milliseconds kRoleLookInterval{100};

}  // namespace shore::engines
