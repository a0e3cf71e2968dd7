// EngineSpec: a real server that a line of the manifest asks for (x-shore.engine): PostgreSQL with
// its connection pool, Redis with its sentinels. config expands such a service into ordinary ones,
// a process each (ServiceSpec::engine); engines/ runs in these processes and drives the servers.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

namespace shore::model {

enum class Engine : uint8_t { kPostgres = 1, kRedis = 2 };

/// What one process of an engine runs. Values are stored.
enum class EnginePart : uint8_t {
    kPostgres = 1,       ///< A PostgreSQL server: the primary or a streaming replica.
    kPgBouncer = 2,      ///< The connection pool.
    kRedis = 3,          ///< A Redis server: the primary or a replica.
    kRedisSentinel = 4,  ///< One that watches the Redis servers and elects.
    kRedisEndpoint = 5,  ///< Shore's own: the one address that follows the primary.
};

/// "postgres", "redis".
std::string_view to_string(Engine engine);
/// "postgres", "pgbouncer", "redis", "redis-sentinel", "redis-endpoint".
std::string_view to_string(EnginePart part);

enum class EngineAccess : uint8_t { kWrite = 1, kRead = 2 };

/// A service of the stack that uses the engine: it gets a role (user) of its own.
struct EngineUser {
    std::string service;
    std::string database;  ///< PostgreSQL: the database its URLs name.
    EngineAccess access = EngineAccess::kWrite;
    friend bool operator==(const EngineUser&, const EngineUser&) = default;
};

/// Of x-shore beside `engine: postgres`.
struct PostgresOptions {
    std::string database;                         ///< The one that users get by default.
    std::vector<std::string> extensions;          ///< Created in every database.
    std::map<std::string, std::string> settings;  ///< Any of postgresql.conf; win over tuning.
    uint32_t replicas = 0;                        ///< Streaming replicas beside the primary.
    Duration lag_max = std::chrono::seconds(10);  ///< A replica behind by more serves no reads.
    uint32_t connections_direct = 20;             ///< Allowed besides the pool's.
    Bytes memory = Bytes::mib(512);               ///< What it is tuned for: limits.memory.
    friend bool operator==(const PostgresOptions&, const PostgresOptions&) = default;
};

/// x-shore.pool: PgBouncer in transaction mode.
struct PoolOptions {
    bool enabled = true;
    uint32_t size = 20;       ///< Server connections, all users and databases together.
    uint32_t clients = 1000;  ///< Client connections.
    Duration wait = std::chrono::seconds(60);     ///< A client waits so long for a connection.
    Duration statement_timeout{};                 ///< 0: none.
    Duration recycle = std::chrono::minutes(60);  ///< Server connections are replaced after this.
    friend bool operator==(const PoolOptions&, const PoolOptions&) = default;
};

/// Of x-shore beside `engine: redis`.
struct RedisOptions {
    uint32_t replicas = 0;   ///< (ha.replicas) 0: a single server, no sentinel, no endpoint.
    uint32_t sentinels = 0;  ///< (ha.sentinels)
    /// (durability) The endpoint withholds the answer to a write until a replica has it.
    bool replicated = false;
    bool evictable = false;  ///< Keys may be evicted at maxmemory; else writes are refused there.
    std::string policy;      ///< maxmemory-policy of an evictable store.
    Bytes memory = Bytes::mib(256);               ///< maxmemory.
    Duration hold = std::chrono::seconds(10);     ///< Commands wait so long for a new primary.
    Duration lag_max = std::chrono::seconds(10);  ///< A replica behind by more serves no reads.
    bool tls = false;                             ///< The address that clients use speaks TLS.
    std::vector<std::string> commands_disabled;   ///< For users; FLUSHALL and KEYS for example.
    std::map<std::string, std::string> settings;  ///< Any of redis.conf.
    friend bool operator==(const RedisOptions&, const RedisOptions&) = default;
};

struct EngineSpec {
    Engine engine = Engine::kPostgres;
    std::string service;  ///< As the manifest calls it: "db".
    PostgresOptions postgres;
    PoolOptions pool;
    RedisOptions redis;
    std::vector<EngineUser> users;  ///< Sorted by service.
    friend bool operator==(const EngineSpec&, const EngineSpec&) = default;
};

/// ServiceSpec::engine: this service is one that an engine was expanded into.
struct EngineRole {
    EnginePart part = EnginePart::kPostgres;
    EngineSpec spec;
    friend bool operator==(const EngineRole&, const EngineRole&) = default;
};

/// ServiceSpec::uses: this service gets addresses and credentials of an engine.
struct EngineUse {
    std::string service;  ///< The engine's.
    Engine engine = Engine::kPostgres;
    std::string prefix;    ///< Of the variables: "ORDERS_" gives ORDERS_DATABASE_URL.
    std::string database;  ///< PostgreSQL.
    EngineAccess access = EngineAccess::kWrite;
    // How the engine is run, as far as its addresses depend on it.
    bool pooled = false;  ///< Through PgBouncer.
    bool tls = false;     ///< Redis.
    uint32_t replicas = 0;
    uint32_t sentinels = 0;
    friend bool operator==(const EngineUse&, const EngineUse&) = default;
};

/// How many processes a part of this engine is run as: postgres 1 + replicas, and so on. 0: none.
uint32_t processes_of(const EngineSpec& spec, EnginePart part);

/// Directory of an engine's sockets below the run directory of the state: "run/shop/.db".
std::string engine_socket_directory(std::string_view run_directory, std::string_view stack,
                                    std::string_view service);
/// The agent's own socket there: "run/shop/.db/db-1.sock".
std::string engine_socket(std::string_view socket_directory, std::string_view instance);

/// What a use of an engine sets: DATABASE_URL, DATABASE_DIRECT_URL, DATABASE_READ_URL, PGHOST,
/// PGPORT, PGUSER, PGPASSWORD, PGDATABASE, REDIS_URL, REDIS_READ_URL, REDIS_SENTINELS,
/// REDIS_CA_FILE, each also behind a prefix that ends with '_'.
bool is_engine_variable(std::string_view name);

/// One JSON document. parse: kInvalid when it is not one that to_json wrote.
std::string to_json(const EngineSpec& spec);
Result<EngineSpec> parse_engine_spec(std::string_view text);

}  // namespace shore::model
