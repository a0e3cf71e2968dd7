// What the endpoint must know of a Redis command by its name: whether it writes, whether it may be
// sent again when its answer was lost, and whether it changes what the connection is.
#pragma once

#include <cstdint>
#include <string_view>

namespace shore::engines {

/// Commands that change the connection, one by one; all others are kPlain.
enum class RedisKind : uint8_t {
    kPlain,
    kAuth,
    kHello,
    kSelect,
    kClient,
    kMulti,
    kExec,
    kDiscard,
    kWatch,
    kUnwatch,
    kSubscribe,
    kPatternSubscribe,
    kShardSubscribe,
    kUnsubscribe,
    kPatternUnsubscribe,
    kShardUnsubscribe,
    kReset,
    kQuit,
    kMonitor,
    kReplication,
};

inline bool is_subscription(RedisKind kind) {
    return kind >= RedisKind::kSubscribe && kind <= RedisKind::kShardUnsubscribe;
}

struct RedisCommand {
    RedisKind kind = RedisKind::kPlain;
    bool writes = false;      ///< Changes data: replicas must have it before it is acknowledged.
    bool repeatable = false;  ///< Sent twice, it comes to the same as once.
    bool waits = false;       ///< May wait in the server for as long as it likes.
    bool shared = false;      ///< Does the same on any connection of the same login, and is brief.
};

/// By its name in upper case. One that is not known (a module's) counts as a write.
RedisCommand find_redis_command(std::string_view name);

}  // namespace shore::engines
