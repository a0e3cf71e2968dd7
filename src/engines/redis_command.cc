#include "engines/redis_command.h"

#include <array>

namespace shore::engines {

namespace {

// From COMMAND of Redis 7.0: the flag "write", and what runs scripts or changes groups.
constexpr std::string_view kWriting[] = {
    "APPEND",
    "BITFIELD",
    "BITOP",
    "BLMOVE",
    "BLMPOP",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZMPOP",
    "BZPOPMAX",
    "BZPOPMIN",
    "COPY",
    "DECR",
    "DECRBY",
    "DEL",
    "EVAL",
    "EVALSHA",
    "EXPIRE",
    "EXPIREAT",
    "FCALL",
    "FLUSHALL",
    "FLUSHDB",
    "FUNCTION",
    "GEOADD",
    "GEORADIUS",
    "GEORADIUSBYMEMBER",
    "GEOSEARCHSTORE",
    "GETDEL",
    "GETEX",
    "GETSET",
    "HDEL",
    "HINCRBY",
    "HINCRBYFLOAT",
    "HMSET",
    "HSET",
    "HSETNX",
    "INCR",
    "INCRBY",
    "INCRBYFLOAT",
    "LINSERT",
    "LMOVE",
    "LMPOP",
    "LPOP",
    "LPUSH",
    "LPUSHX",
    "LREM",
    "LSET",
    "LTRIM",
    "MIGRATE",
    "MOVE",
    "MSET",
    "MSETNX",
    "PERSIST",
    "PEXPIRE",
    "PEXPIREAT",
    "PFADD",
    "PFDEBUG",
    "PFMERGE",
    "PSETEX",
    "RENAME",
    "RENAMENX",
    "RESTORE",
    "RESTORE-ASKING",
    "RPOP",
    "RPOPLPUSH",
    "RPUSH",
    "RPUSHX",
    "SADD",
    "SDIFFSTORE",
    "SET",
    "SETBIT",
    "SETEX",
    "SETNX",
    "SETRANGE",
    "SINTERSTORE",
    "SMOVE",
    "SORT",
    "SPOP",
    "SREM",
    "SUNIONSTORE",
    "SWAPDB",
    "UNLINK",
    "XACK",
    "XADD",
    "XAUTOCLAIM",
    "XCLAIM",
    "XDEL",
    "XGROUP",
    "XREADGROUP",
    "XSETID",
    "XTRIM",
    "ZADD",
    "ZDIFFSTORE",
    "ZINCRBY",
    "ZINTERSTORE",
    "ZMPOP",
    "ZPOPMAX",
    "ZPOPMIN",
    "ZRANGESTORE",
    "ZREM",
    "ZREMRANGEBYLEX",
    "ZREMRANGEBYRANK",
    "ZREMRANGEBYSCORE",
    "ZUNIONSTORE",
};
// The flag "readonly", and what only asks the server.
constexpr std::string_view kReading[] = {
    "ASKING",
    "BITCOUNT",
    "BITFIELD_RO",
    "BITPOS",
    "CLUSTER",
    "COMMAND",
    "DBSIZE",
    "DUMP",
    "ECHO",
    "EVALSHA_RO",
    "EVAL_RO",
    "EXISTS",
    "EXPIRETIME",
    "FCALL_RO",
    "GEODIST",
    "GEOHASH",
    "GEOPOS",
    "GEORADIUSBYMEMBER_RO",
    "GEORADIUS_RO",
    "GEOSEARCH",
    "GET",
    "GETBIT",
    "GETRANGE",
    "HEXISTS",
    "HGET",
    "HGETALL",
    "HKEYS",
    "HLEN",
    "HMGET",
    "HRANDFIELD",
    "HSCAN",
    "HSTRLEN",
    "HVALS",
    "INFO",
    "KEYS",
    "LASTSAVE",
    "LATENCY",
    "LCS",
    "LINDEX",
    "LLEN",
    "LOLWUT",
    "LPOS",
    "LRANGE",
    "MEMORY",
    "MGET",
    "OBJECT",
    "PEXPIRETIME",
    "PFCOUNT",
    "PING",
    "PTTL",
    "PUBSUB",
    "RANDOMKEY",
    "READONLY",
    "READWRITE",
    "ROLE",
    "SCAN",
    "SCARD",
    "SDIFF",
    "SINTER",
    "SINTERCARD",
    "SISMEMBER",
    "SMEMBERS",
    "SMISMEMBER",
    "SORT_RO",
    "SRANDMEMBER",
    "SSCAN",
    "STRLEN",
    "SUBSTR",
    "SUNION",
    "TIME",
    "TOUCH",
    "TTL",
    "TYPE",
    "WAIT",
    "XINFO",
    "XLEN",
    "XPENDING",
    "XRANGE",
    "XREAD",
    "XREVRANGE",
    "ZCARD",
    "ZCOUNT",
    "ZDIFF",
    "ZINTER",
    "ZINTERCARD",
    "ZLEXCOUNT",
    "ZMSCORE",
    "ZRANDMEMBER",
    "ZRANGE",
    "ZRANGEBYLEX",
    "ZRANGEBYSCORE",
    "ZRANK",
    "ZREVRANGE",
    "ZREVRANGEBYLEX",
    "ZREVRANGEBYSCORE",
    "ZREVRANK",
    "ZSCAN",
    "ZSCORE",
    "ZUNION",
};
// Neither writes of data nor repeatable: messages, and what changes the server.
constexpr std::string_view kActing[] = {
    "ACL",    "BGREWRITEAOF", "BGSAVE",  "CONFIG",   "DEBUG",     "FAILOVER",
    "MODULE", "PFSELFTEST",   "PUBLISH", "REPLCONF", "REPLICAOF", "SAVE",
    "SCRIPT", "SHUTDOWN",     "SLAVEOF", "SLOWLOG",  "SPUBLISH",
};
constexpr std::string_view kWaiting[] = {
    "BLMOVE",   "BLMPOP",   "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP",
    "BZPOPMAX", "BZPOPMIN", "WAIT",  "XREAD", "XREADGROUP",
};

// Those of the writing and reading ones that others should not wait behind (scripts, which may run
// until they are killed; what blocks, or answers at length), or that mark the connection.
constexpr std::string_view kAlone[] = {
    "ASKING",   "BLMOVE",   "BLMPOP",   "BLPOP",     "BRPOP", "BRPOPLPUSH", "BZMPOP",
    "BZPOPMAX", "BZPOPMIN", "CLUSTER",  "COMMAND",   "EVAL",  "EVALSHA",    "EVALSHA_RO",
    "EVAL_RO",  "FCALL",    "FCALL_RO", "FUNCTION",  "KEYS",  "LATENCY",    "LOLWUT",
    "MIGRATE",  "PFDEBUG",  "READONLY", "READWRITE", "WAIT",  "XREAD",      "XREADGROUP",
};

struct Special {
    std::string_view name;
    RedisKind kind;
};
constexpr Special kSpecial[] = {
    {"AUTH", RedisKind::kAuth},           {"CLIENT", RedisKind::kClient},
    {"DISCARD", RedisKind::kDiscard},     {"EXEC", RedisKind::kExec},
    {"HELLO", RedisKind::kHello},         {"MONITOR", RedisKind::kMonitor},
    {"MULTI", RedisKind::kMulti},         {"PSUBSCRIBE", RedisKind::kPatternSubscribe},
    {"PSYNC", RedisKind::kReplication},   {"PUNSUBSCRIBE", RedisKind::kPatternUnsubscribe},
    {"QUIT", RedisKind::kQuit},           {"RESET", RedisKind::kReset},
    {"SELECT", RedisKind::kSelect},       {"SSUBSCRIBE", RedisKind::kShardSubscribe},
    {"SUBSCRIBE", RedisKind::kSubscribe}, {"SUNSUBSCRIBE", RedisKind::kShardUnsubscribe},
    {"SYNC", RedisKind::kReplication},    {"UNSUBSCRIBE", RedisKind::kUnsubscribe},
    {"UNWATCH", RedisKind::kUnwatch},     {"WATCH", RedisKind::kWatch},
};

struct Slot {
    std::string_view name;
    RedisCommand command;
};

/// Open addressing, half empty: a look-up is a hash and nearly always one comparison.
constexpr size_t kSlots = 1024;

constexpr size_t hash_of(std::string_view name) {
    uint32_t hash = 2166136261U;
    for (const char byte : name) {
        hash = (hash ^ static_cast<uint8_t>(byte)) * 16777619U;
    }
    return (hash ^ hash >> 15U) % kSlots;
}

constexpr RedisCommand& place(std::array<Slot, kSlots>& table, std::string_view name) {
    size_t at = hash_of(name);
    while (!table[at].name.empty() && table[at].name != name) {
        at = (at + 1) % kSlots;
    }
    table[at].name = name;
    return table[at].command;
}

constexpr std::array<Slot, kSlots> make_table() {
    std::array<Slot, kSlots> table{};
    for (const std::string_view name : kWriting) {
        place(table, name) = {.writes = true, .shared = true};
    }
    for (const std::string_view name : kReading) {
        place(table, name) = {.repeatable = true, .shared = true};
    }
    for (const std::string_view name : kActing) {
        place(table, name) = {};
    }
    for (const Special& special : kSpecial) {
        // All of them set up the session; repeating them comes to the same.
        place(table, special.name) = {.kind = special.kind, .repeatable = true};
    }
    for (const std::string_view name : kWaiting) {
        place(table, name).waits = true;
    }
    for (const std::string_view name : kAlone) {
        place(table, name).shared = false;
    }
    return table;
}

constexpr std::array<Slot, kSlots> kTable = make_table();

}  // namespace

RedisCommand find_redis_command(std::string_view name) {
    for (size_t at = hash_of(name); !kTable[at].name.empty(); at = (at + 1) % kSlots) {
        if (kTable[at].name == name) {
            return kTable[at].command;
        }
    }
    return {.writes = true};
}

}  // namespace shore::engines
