#include "engines/redis_failover.h"

#include <algorithm>
#include <memory>

#include "async/timer.h"
#include "engines/limits.h"
#include "engines/redis_promotion.h"
#include "engines/redis_turn.h"
#include "engines/redis_view.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using model::EnginePart;

wire::Json to_json(const HandedOver& handed, const std::vector<Member>& members) {
    return wire::Json::object()
        .set("from", redis_name(members, handed.port_before))
        .set("to", redis_name(members, handed.port))
        .set("port", uint32_t{handed.port})
        .set("writes_paused_seconds", std::chrono::duration<double>(handed.writes_paused).count());
}

namespace {

struct Follower {
    uint16_t port = 0;
    std::unique_ptr<RedisClient> client;
};

/// One change of primary, with its connections.
class HandOver final {
 public:
    HandOver(async::Loop& loop, const Assignment& assignment)
        : loop_(loop), assignment_(assignment) {}

    Task<Result<HandedOver>> run() {
        const SentinelsWord word = co_await idle_sentinels(loop_, assignment_);
        if (word.electing) {
            co_return fail(ErrorCode::kConflict, "the primary is being replaced already");
        }
        if (word.port == 0) {
            co_return fail(ErrorCode::kUnavailable, "no sentinel says who is primary");
        }
        handed_.from = slot_of_port(assignment_, word.port);
        handed_.port_before = word.port;
        SHORE_CO_TRY(primary_, co_await connect(word.port));
        SHORE_CO_CHECK(co_await find_followers());
        const SteadyTime begun = loop_.now();
        // Longer than anything below may take: it ends by itself when this process does.
        SHORE_CO_CHECK(co_await tell(*primary_, {"CLIENT", "PAUSE", pause_text(), "WRITE"}));
        auto changed = co_await change();
        if (!changed) {
            (void)co_await tell(*primary_, {"CLIENT", "UNPAUSE"});
            co_return fail(std::move(changed).error());
        }
        SHORE_CO_CHECK(co_await tell(*primary_, replica_of()));
        (void)co_await tell(*primary_, {"CLIENT", "UNPAUSE"});
        handed_.writes_paused = loop_.now() - begun;
        co_return handed_;
    }

 private:
    static std::string pause_text() { return std::to_string(kHandOverTime.count() * 2); }
    std::vector<std::string> replica_of() const {
        return {"REPLICAOF", "127.0.0.1", std::to_string(handed_.port)};
    }
    Deadline soon() const { return Deadline::in(loop_, kRedisAskTime); }

    Task<Result<std::unique_ptr<RedisClient>>> connect(uint16_t port) {
        return RedisClient::connect(loop_, server_address(assignment_, port),
                                    admin_login(assignment_), soon());
    }

    Task<Result<void>> tell(RedisClient& server, std::vector<std::string> command) {
        auto answer = co_await server.ask(std::move(command), soon());
        if (!answer) {
            co_return fail(std::move(answer).error());
        }
        co_return Result<void>();
    }

    /// Every server that answers must follow: the sentinels may choose any of them, also one that
    /// has just started and has old data.
    Task<Result<void>> wait_for_all() {
        const Deadline deadline = Deadline::in(loop_, kHandOverTime);
        while (true) {
            uint16_t behind = 0;
            SHORE_CO_TRY(const ReplicationState state, co_await ask_replication(*primary_, soon()));
            for (const Peer& peer : peers_of(assignment_, EnginePart::kRedis)) {
                const bool online = std::ranges::any_of(state.replicas, [&](const auto& replica) {
                    return replica.online && replica.port == peer.port;
                });
                if (online || slot_of_port(assignment_, peer.port) == handed_.from) {
                    continue;
                }
                if (co_await connect(peer.port)) {
                    behind = peer.port;
                }
            }
            if (behind == 0) {
                co_return Result<void>();
            }
            if (loop_.now() >= deadline.at) {
                co_return fail(ErrorCode::kConflict,
                               "the server on port {} does not follow the primary yet", behind);
            }
            co_await async::sleep_for(loop_, kRoleLookInterval);
        }
    }

    Task<Result<void>> find_followers() {
        SHORE_CO_CHECK(co_await wait_for_all());
        SHORE_CO_TRY(const ReplicationState state, co_await ask_replication(*primary_, soon()));
        if (!state.primary) {
            co_return fail(ErrorCode::kConflict, "the primary is being replaced already");
        }
        for (const ReplicationState::Replica& replica : state.replicas) {
            if (!replica.online || slot_of_port(assignment_, replica.port) == 0) {
                continue;
            }
            if (auto client = co_await connect(replica.port)) {
                followers_.push_back({.port = replica.port, .client = std::move(*client)});
            }
        }
        if (followers_.empty()) {
            co_return fail(ErrorCode::kConflict,
                           "no replica is in step with the primary: nobody could take over");
        }
        co_return Result<void>();
    }

    Task<Result<void>> change() {
        const Deadline deadline = Deadline::in(loop_, kHandOverTime);
        SHORE_CO_TRY(const ReplicationState state, co_await ask_replication(*primary_, soon()));
        SHORE_CO_CHECK(co_await catch_up(state.offset, deadline));
        std::vector<os::FileLock> turns;
        auto done = co_await promote(turns, deadline);
        // Also after a failure: the permission is for this change.
        for (Follower& follower : followers_) {
            (void)co_await forbid_promotion(*follower.client, soon());
        }
        SHORE_CO_CHECK(std::move(done));
        for (Follower& follower : followers_) {
            if (follower.port != handed_.port) {
                SHORE_CO_CHECK(co_await tell(*follower.client, replica_of()));
            }
        }
        co_return Result<void>();
    }

    /// `turns`: of those who may be promoted, until the change has ended.
    Task<Result<void>> promote(std::vector<os::FileLock>& turns, Deadline deadline) {
        for (Follower& follower : followers_) {
            SHORE_CO_TRY(os::FileLock turn,
                         co_await take_promotion_turn(loop_, assignment_,
                                                      slot_of_port(assignment_, follower.port)));
            turns.push_back(std::move(turn));
            SHORE_CO_CHECK(co_await permit_promotion(*follower.client, soon()));
        }
        SHORE_CO_CHECK(co_await force_failover(loop_, assignment_));
        co_return co_await promoted(deadline);
    }

    /// All of them, since any may be chosen.
    Task<Result<void>> catch_up(uint64_t offset, Deadline deadline) {
        for (Follower& follower : followers_) {
            while (true) {
                SHORE_CO_TRY(const ReplicationState state,
                             co_await ask_replication(*follower.client, soon()));
                if (state.offset >= offset) {
                    break;
                }
                if (loop_.now() >= deadline.at) {
                    co_return fail(ErrorCode::kTimeout, "the replica on port {} did not catch up",
                                   follower.port);
                }
                co_await async::sleep_for(loop_, kHandOverLookInterval);
            }
        }
        co_return Result<void>();
    }

    Task<Result<void>> promoted(Deadline deadline) {
        while (loop_.now() < deadline.at) {
            for (Follower& follower : followers_) {
                // A connection of its own: a sentinel that promotes a server ends the others.
                const auto state = co_await ask_replication(
                    loop_, server_address(assignment_, follower.port), admin_login(assignment_));
                if (state && state->primary) {
                    handed_.port = follower.port;
                    handed_.to = slot_of_port(assignment_, follower.port);
                    co_return Result<void>();
                }
            }
            co_await async::sleep_for(loop_, kHandOverLookInterval);
        }
        co_return fail(ErrorCode::kTimeout, "the sentinels promoted no replica in {}",
                       base::to_text(Duration(kHandOverTime)));
    }

    async::Loop& loop_;
    const Assignment& assignment_;
    std::unique_ptr<RedisClient> primary_;
    std::vector<Follower> followers_;
    HandedOver handed_;
};

}  // namespace

namespace {

/// Whether a sentinel has heard of a replica that it would promote: it asks each one only a moment
/// after it has met it.
Task<bool> replica_is_known(async::Loop& loop, const Assignment& assignment) {
    for (const Peer& peer : peers_of(assignment, EnginePart::kRedisSentinel)) {
        const Deadline deadline = Deadline::in(loop, kRedisAskTime);
        auto sentinel = co_await RedisClient::connect(loop, sentinel_address(assignment, peer),
                                                      monitor_login(assignment), deadline);
        if (!sentinel) {
            continue;
        }
        const auto replicas =
            co_await (*sentinel)->ask({"SENTINEL", "REPLICAS", assignment.spec.service}, deadline);
        if (replicas && std::ranges::any_of(replicas->items, is_candidate)) {
            co_return true;
        }
    }
    co_return false;
}

}  // namespace

Task<SentinelsWord> idle_sentinels(async::Loop& loop, const Assignment& assignment) {
    const SteadyTime last = loop.now() + kFailoverIdleWait;
    while (true) {
        SentinelsWord word = co_await ask_sentinels(loop, assignment);
        const bool is_idle = !word.electing && co_await replica_is_known(loop, assignment);
        if (is_idle || loop.now() >= last) {
            co_return word;
        }
        co_await async::sleep_for(loop, kRoleLookInterval);
    }
}

Task<Result<HandedOver>> hand_over(async::Loop& loop, const Assignment& assignment) {
    HandOver change(loop, assignment);
    co_return co_await change.run();
}

Task<bool> sentinels_agree(async::Loop& loop, const Assignment& assignment, uint16_t port) {
    const SteadyTime last = loop.now() + kHandOverTime;
    while (loop.now() < last) {
        const SentinelsWord word = co_await ask_sentinels(loop, assignment);
        if (word.port == port) {
            co_return true;
        }
        co_await async::sleep_for(loop, kRoleLookInterval);
    }
    co_return false;
}

Task<Result<void>> force_failover(async::Loop& loop, const Assignment& assignment) {
    Error last(ErrorCode::kUnavailable, "no sentinel answers");
    bool is_under_way = false;
    for (const Peer& peer : peers_of(assignment, EnginePart::kRedisSentinel)) {
        const Deadline deadline = Deadline::in(loop, kRedisAskTime);
        auto sentinel = co_await RedisClient::connect(loop, sentinel_address(assignment, peer),
                                                      monitor_login(assignment), deadline);
        if (!sentinel) {
            last = std::move(sentinel).error();
            continue;
        }
        auto begun =
            co_await (*sentinel)->ask({"SENTINEL", "FAILOVER", assignment.spec.service}, deadline);
        if (begun) {
            co_return Result<void>();
        }
        is_under_way |= begun.error().message().starts_with("INPROG");
        last = std::move(begun).error();
    }
    co_return is_under_way ? Result<void>() : fail(std::move(last));
}

}  // namespace shore::engines
