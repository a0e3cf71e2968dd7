// How the connections of a PostgreSQL engine and its pool add up: one budget for a server's memory,
// and pool.size shared out. Pure: config tells impossible sums when the manifest is read, engines
// writes the servers' files by it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/engine_spec.h"

namespace shore::model {

/// The databases of the engine: the default one first, then those that its users name.
std::vector<std::string> databases_of(const EngineSpec& spec);

/// Of max_connections, for superusers alone: the agents and a person who repairs.
inline constexpr uint32_t kConnectionsReserved = 5;

/// What an idle connection's process keeps for itself (catalog cache, stack, page tables), measured
/// with pgbench's tables at some 1.5 to 2 MiB.
inline constexpr Bytes kConnectionBytes = Bytes::mib(2);

/// What a server's memory is spent on.
struct PostgresBudget {
    uint32_t connections_max = 0;
    Bytes shared_buffers;
    Bytes cache;  ///< effective_cache_size.
    Bytes work_mem;
    Bytes maintenance_work_mem;
    Bytes wal_size_max;
    friend bool operator==(const PostgresBudget&, const PostgresBudget&) = default;
};

/// One budget for the pool's connections, direct ones, replicas and the reserve, and the memory for
/// all of them. kInvalid when the sum is impossible: says what is missing and what to change.
Result<PostgresBudget> plan_postgres(const EngineSpec& spec);

/// One entry of PgBouncer's [databases]. PgBouncer counts server connections for each entry, not in
/// all. So that all users and databases together never have more than pool.size, the entries share
/// it out: one for each database, and one for its reads (<database>_read).
struct PoolShare {
    std::string entry;     ///< As clients name it.
    std::string database;  ///< As the server names it.
    bool reads = false;    ///< Goes to replicas.
    uint32_t connections = 0;
    /// Of these, as many for one role: every other role of the database can still get one.
    uint32_t connections_per_role = 0;
    friend bool operator==(const PoolShare&, const PoolShare&) = default;
};

/// The shares' connections add up to pool.size. kInvalid when it is too small for a connection for
/// each role in each database.
Result<std::vector<PoolShare>> plan_pool(const EngineSpec& spec);

}  // namespace shore::model
