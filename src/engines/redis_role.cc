#include "engines/redis_role.h"

#include <algorithm>
#include <tuple>

#include "engines/limits.h"
#include "wire/json.h"

namespace shore::engines {

using Kind = RoleAnswer::Kind;
using State = RedisPeer::State;

std::string to_json(const RedisRecord& record) {
    return wire::Json::object()
        .set("epoch", record.epoch)
        .set("primary", record.primary)
        .set("offset", record.offset)
        .dump();
}

RedisRecord parse_redis_record(std::string_view text) {
    const auto json = wire::Json::parse(text);
    if (!json) {
        return {};
    }
    return {.epoch = static_cast<uint64_t>((*json)["epoch"].integer()),
            .primary = (*json)["primary"].truth(),
            .offset = static_cast<uint64_t>((*json)["offset"].integer())};
}

bool is_newer(const RedisRecord& a, const RedisRecord& b) {
    // A primary of the same epoch has everything that its replicas have.
    return std::tuple(a.epoch, a.primary, a.offset) > std::tuple(b.epoch, b.primary, b.offset);
}

namespace {

const RedisPeer* find_primary(const RoleQuestion& question) {
    const auto found = std::ranges::find(question.peers, State::kPrimary, &RedisPeer::state);
    return found != question.peers.end() ? &*found : nullptr;
}

/// The sentinels say that it is the one who asks.
RoleAnswer when_named(const RoleQuestion& question) {
    if (const RedisPeer* const other = find_primary(question)) {
        // The sentinels are about to say so.
        if (question.waited < kRoleElectionWait) {
            return {.kind = Kind::kWait, .reason = "another server is primary already"};
        }
        return {.kind = Kind::kReplica, .slot = other->slot, .reason = "another is primary"};
    }
    const bool outlived = std::ranges::any_of(question.peers, [&](const RedisPeer& peer) {
        return (peer.state == State::kReplica && peer.has_followed) ||
               (peer.state == State::kReplica && is_newer(peer.record, question.record));
    });
    if (outlived || !question.has_data) {
        // Without data and without replicas there is nothing to lose.
        if (!outlived && question.waited >= kRoleSentinelsWait) {
            return {.kind = Kind::kPrimary, .reason = "no replica is left"};
        }
        return {.kind = question.waited < kRoleElectionWait ? Kind::kWait : Kind::kElect,
                .reason = "replicas have outlived this primary: one of them is to be chosen"};
    }
    return {.kind = Kind::kPrimary, .reason = "the sentinels say so"};
}

/// No sentinel answers.
RoleAnswer when_nobody_named(const RoleQuestion& question) {
    const Duration patience = question.has_data ? Duration(kRoleSentinelsWait) : kRoleFreshWait;
    if (const RedisPeer* const other = find_primary(question)) {
        return {.kind = Kind::kReplica, .slot = other->slot, .reason = "it runs as primary"};
    }
    if (question.waited < patience) {
        return {.kind = Kind::kWait, .reason = "looking for sentinels and other servers"};
    }
    const bool all_seen = std::ranges::none_of(
        question.peers, [](const RedisPeer& peer) { return peer.state == State::kUnknown; });
    if (question.has_data && !all_seen && question.waited < kRolePeersWait) {
        return {.kind = Kind::kWait, .reason = "waiting for the other servers' word"};
    }
    uint32_t best = question.slot;
    RedisRecord record = question.record;
    for (const RedisPeer& peer : question.peers) {
        const bool known = peer.state != State::kUnknown;
        const bool lower = peer.record == record && peer.slot < best;
        if (known && (is_newer(peer.record, record) || lower)) {
            best = peer.slot;
            record = peer.record;
        }
    }
    if (record == RedisRecord{}) {
        best = 1;  // Nobody has anything: the first start.
    }
    if (best == question.slot) {
        return {.kind = Kind::kPrimary, .reason = "its data is the newest"};
    }
    return {.kind = Kind::kReplica, .slot = best, .reason = "its data is newer"};
}

/// The sentinels name another server, which follows somebody itself: their word is old, because
/// the one that was promoted was lost before they knew.
bool is_stale(const RoleQuestion& question) {
    const auto named = std::ranges::find(question.peers, *question.named, &RedisPeer::slot);
    return named != question.peers.end() && named->state == State::kReplica;
}

}  // namespace

RoleAnswer decide_role(const RoleQuestion& question) {
    if (question.named && *question.named != question.slot) {
        if (is_stale(question) && question.waited < kRoleStaleWait) {
            return {.kind = question.waited < kRoleElectionWait ? Kind::kWait : Kind::kElect,
                    .reason = "the server that the sentinels name is no primary"};
        }
        return {.kind = Kind::kReplica, .slot = *question.named, .reason = "the sentinels say so"};
    }
    return question.named ? when_named(question) : when_nobody_named(question);
}

}  // namespace shore::engines
