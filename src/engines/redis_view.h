// What an agent sees of its engine's other processes: the sentinels' word, the servers' roles.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "async/loop.h"
#include "async/task.h"
#include "engines/assignment.h"
#include "engines/redis_client.h"
#include "engines/redis_role.h"

namespace shore::engines {

RedisLogin admin_login(const Assignment& assignment);
RedisLogin monitor_login(const Assignment& assignment);

/// Where agents reach the server that listens on that port, and the sentinels: on their sockets,
/// which are there with TLS and without. A port that is no server's stays one.
net::Address server_address(const Assignment& assignment, uint16_t port);
net::Address sentinel_address(const Assignment& assignment, const Peer& sentinel);

/// Who the sentinels say is primary.
struct SentinelsWord {
    uint32_t answered = 0;  ///< How many of them answered.
    uint16_t port = 0;      ///< Of the primary in the newest configuration; 0: nobody knows.
    uint64_t epoch = 0;
    bool electing = false;  ///< A failover goes on, or its aftermath: another would be refused.
};
/// One sentinel's. kUnavailable, kTimeout; kNotFound while it watches nothing.
async::Task<Result<SentinelsWord>> ask_sentinel(RedisClient& sentinel, std::string service,
                                                async::Deadline deadline);
/// Of each sentinel that answers, without the one in that slot (0: of all).
async::Task<std::vector<SentinelsWord>> ask_each_sentinel(async::Loop& loop,
                                                          const Assignment& assignment,
                                                          uint32_t without);
/// All sentinels', each asked on a connection of its own; the highest epoch wins.
async::Task<SentinelsWord> ask_sentinels(async::Loop& loop, const Assignment& assignment);

/// Whether a sentinel could choose this replica (a row of SENTINEL REPLICAS): it has asked it how
/// it is, and found it linked to its primary.
bool is_candidate(const wire::RespValue& row);

/// A server's answer to INFO replication.
struct ReplicationState {
    bool primary = false;
    bool link_up = false;       ///< A replica: connected to its primary.
    uint16_t primary_port = 0;  ///< A replica's.
    uint64_t offset = 0;
    int64_t silence_seconds = -1;  ///< A replica: since it heard from its primary; -1: not linked.
    bool loading = false;
    std::string replication_id;
    struct Replica {
        uint16_t port = 0;
        uint64_t offset = 0;
        int64_t lag_seconds = 0;
        bool online = false;
    };
    std::vector<Replica> replicas;  ///< A primary's.
};
ReplicationState parse_replication(std::string_view info);
async::Task<Result<ReplicationState>> ask_replication(RedisClient& server,
                                                      async::Deadline deadline);
/// The same on a connection of its own.
async::Task<Result<ReplicationState>> ask_replication(async::Loop& loop, net::Address address,
                                                      RedisLogin login);

/// The slot of the server that listens on that port; 0 when there is none.
uint32_t slot_of_port(const Assignment& assignment, uint16_t port);
/// And the other way round.
uint16_t port_of_slot(const Assignment& assignment, uint32_t slot);

}  // namespace shore::engines
