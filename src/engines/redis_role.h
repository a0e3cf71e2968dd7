// Who is primary when a Redis server starts. Two servers must never both think that they are, and
// the one with the newest data must win, also after all processes ended at once.
//
// - What the sentinels say holds. A server that they do not name follows the one they do.
// - A server that they name, but whose replicas have outlived it, does not come back as the
//   primary: they may have writes that it has lost. It waits until one of them is chosen.
// - When no sentinel answers (the first start, all six at once), the newest record decides: each
//   agent notes once a second what its server has.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace shore::engines {

/// What a server's data is worth; kept in its data directory.
struct RedisRecord {
    uint64_t epoch = 0;    ///< The sentinels' configuration epoch when it was noted.
    bool primary = false;  ///< It was the primary then.
    uint64_t offset = 0;   ///< Of replication.
    friend bool operator==(const RedisRecord&, const RedisRecord&) = default;
};

std::string to_json(const RedisRecord& record);
/// A record without anything when there is none: no data.
RedisRecord parse_redis_record(std::string_view text);
/// Whether `a` is worth more than `b`.
bool is_newer(const RedisRecord& a, const RedisRecord& b);

/// Another server of the same engine, as it was seen.
struct RedisPeer {
    enum class State : uint8_t {
        kUnknown,   ///< Not there, or does not answer.
        kDeciding,  ///< Its agent is where this one is; `record` says what it has.
        kReplica,
        kPrimary,
    };
    uint32_t slot = 0;
    State state = State::kUnknown;
    RedisRecord record;
    /// A replica: it has had data of its primary since it started.
    bool has_followed = false;
};

struct RoleQuestion {
    uint32_t slot = 1;  ///< Who asks.
    bool has_data = false;
    RedisRecord record;
    std::optional<uint32_t> named;  ///< The slot that the sentinels call primary.
    std::vector<RedisPeer> peers;   ///< All others.
    Duration waited{};
};

struct RoleAnswer {
    enum class Kind : uint8_t {
        kPrimary,
        kReplica,  ///< Of `slot`.
        kWait,     ///< Ask again soon.
        kElect,    ///< As kWait, and ask a sentinel to choose among the replicas.
    };
    Kind kind = Kind::kWait;
    uint32_t slot = 0;
    std::string_view reason;
    friend bool operator==(const RoleAnswer& a, const RoleAnswer& b) {
        return a.kind == b.kind && a.slot == b.slot;
    }
};

RoleAnswer decide_role(const RoleQuestion& question);

}  // namespace shore::engines
