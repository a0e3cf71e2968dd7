#include "engines/redis_choice.h"

#include <algorithm>
#include <vector>

#include "async/timer.h"
#include "base/strings.h"
#include "engines/limits.h"
#include "engines/redis_names.h"
#include "engines/redis_promotion.h"
#include "engines/redis_view.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using model::EnginePart;
using wire::Json;
using wire::RespValue;

namespace {

Task<Result<void>> set_priority(async::Loop& loop, const Assignment& assignment, uint16_t port,
                                std::string_view priority) {
    const Deadline deadline = Deadline::in(loop, kRedisAskTime);
    SHORE_CO_TRY(const auto server,
                 co_await RedisClient::connect(loop, server_address(assignment, port),
                                               admin_login(assignment), deadline));
    co_return co_await set_priority(*server, priority, deadline);
}

/// How many bytes the server lacks; kConflict when it does not follow the primary.
Task<Result<uint64_t>> distance(async::Loop& loop, const Assignment& assignment,
                                const ChosenServer& chosen) {
    const SentinelsWord word = co_await ask_sentinels(loop, assignment);
    if (word.port == 0) {
        co_return fail(ErrorCode::kUnavailable, "no sentinel says who is primary");
    }
    SHORE_CO_TRY(const ReplicationState state,
                 co_await ask_replication(loop, server_address(assignment, word.port),
                                          admin_login(assignment)));
    const auto found =
        std::ranges::find(state.replicas, chosen.port, &ReplicationState::Replica::port);
    if (found == state.replicas.end() || !found->online) {
        co_return fail(ErrorCode::kConflict, "{} does not follow the primary", chosen.instance);
    }
    co_return state.offset - std::min(state.offset, found->offset);
}

Task<Result<void>> wait_until_near(async::Loop& loop, const Assignment& assignment,
                                   const ChosenServer& chosen) {
    const SteadyTime last = loop.now() + kCatchUpTime;
    while (true) {
        const auto behind = co_await distance(loop, assignment, chosen);
        if (behind && *behind <= kCatchUpDistance.count) {
            co_return Result<void>();
        }
        if (loop.now() >= last) {
            if (!behind) {
                co_return fail(behind.error());
            }
            co_return fail(ErrorCode::kConflict, "{} is {} behind the primary and stays so",
                           chosen.instance, base::to_human(Bytes{*behind}));
        }
        co_await async::sleep_for(loop, kRoleLookInterval);
    }
}

/// Whether every sentinel that answers has seen that the server is preferred; one at least must.
Task<bool> is_preferred(async::Loop& loop, const Assignment& assignment, uint16_t port) {
    size_t answered = 0;
    for (const Peer& peer : peers_of(assignment, EnginePart::kRedisSentinel)) {
        const Deadline deadline = Deadline::in(loop, kRedisProbeTime);
        const auto sentinel = co_await RedisClient::connect(
            loop, sentinel_address(assignment, peer), monitor_login(assignment), deadline);
        if (!sentinel) {
            continue;
        }
        const auto rows =
            co_await (*sentinel)->ask({"SENTINEL", "REPLICAS", assignment.spec.service}, deadline);
        const bool sees = rows && std::ranges::any_of(rows->items, [port](const RespValue& row) {
                              return row.find("port").text == std::to_string(port) &&
                                     row.find("slave-priority").text == kPreferredPriority;
                          });
        if (!sees) {
            co_return false;
        }
        ++answered;
    }
    co_return answered > 0;
}

}  // namespace

Task<Result<ChosenServer>> find_server(async::Loop& loop, const Assignment& assignment,
                                       std::string instance) {
    std::vector<std::string> others;
    for (const Member& member : co_await redis_members(loop, assignment)) {
        if (member.part != EnginePart::kRedis) {
            continue;
        }
        if (member.instance != instance) {
            others.push_back(member.instance);
            continue;
        }
        if (member.is_primary) {
            co_return fail(ErrorCode::kConflict, "{} is the primary already", instance);
        }
        co_return ChosenServer{
            .slot = member.slot, .port = member.port, .instance = std::move(instance)};
    }
    co_return fail(ErrorCode::kInvalid, "no server of {} answers as {}: {}",
                   assignment.spec.service, instance, base::join(others, ", "));
}

Task<Result<void>> prefer(async::Loop& loop, const Assignment& assignment, ChosenServer chosen) {
    SHORE_CO_CHECK(co_await wait_until_near(loop, assignment, chosen));
    // One that a change which was broken off has left preferred.
    co_await prefer_nobody(loop, assignment);
    auto seen = co_await prefer_server(loop, assignment, chosen.port);
    if (!seen) {
        co_await prefer_nobody(loop, assignment);
        co_return fail(std::move(seen).error().with(chosen.instance));
    }
    co_return Result<void>();
}

Task<Result<void>> prefer_server(async::Loop& loop, const Assignment& assignment, uint16_t port) {
    SHORE_CO_CHECK(co_await set_priority(loop, assignment, port, kPreferredPriority));
    const SteadyTime last = loop.now() + kHandOverTime;
    while (loop.now() < last) {
        if (co_await is_preferred(loop, assignment, port)) {
            co_return Result<void>();
        }
        co_await async::sleep_for(loop, kPreferredLookInterval);
    }
    co_return fail(ErrorCode::kTimeout, "the sentinels did not see in {} that it is to be chosen",
                   base::to_text(Duration(kHandOverTime)));
}

Result<void> is_as_chosen(const HandedOver& handed, const ChosenServer& chosen) {
    if (chosen.slot == 0 || handed.to == chosen.slot) {
        return {};
    }
    return fail(ErrorCode::kConflict,
                "the sentinels have made server {} the primary, not {}: it did not answer them",
                handed.to, chosen.instance);
}

Task<void> prefer_nobody(async::Loop& loop, const Assignment& assignment) {
    for (const Peer& peer : peers_of(assignment, EnginePart::kRedis)) {
        (void)co_await set_priority(loop, assignment, peer.port, kUsualPriority);
    }
}

}  // namespace shore::engines
