#include "engines/redis_turn.h"

#include "async/timer.h"
#include "engines/limits.h"

namespace shore::engines {

async::Task<Result<os::FileLock>> take_restart_turn(async::Loop& loop, Assignment assignment) {
    const std::string path = assignment.socket_directory + "/redis-restart.lock";
    while (true) {
        SHORE_CO_TRY(auto turn, os::FileLock::try_lock(path));
        if (turn) {
            co_return std::move(*turn);
        }
        co_await async::sleep_for(loop, kRoleLookInterval);
    }
}

Result<std::optional<os::FileLock>> try_promotion_turn(const Assignment& assignment,
                                                       uint32_t slot) {
    return os::FileLock::try_lock(
        fmt::format("{}/redis-promotion-{}.lock", assignment.socket_directory, slot));
}

async::Task<Result<os::FileLock>> take_promotion_turn(async::Loop& loop, Assignment assignment,
                                                      uint32_t slot) {
    const SteadyTime last = loop.now() + kRedisAskTime;
    while (true) {
        SHORE_CO_TRY(auto turn, try_promotion_turn(assignment, slot));
        if (turn) {
            co_return std::move(*turn);
        }
        if (loop.now() >= last) {
            co_return fail(ErrorCode::kTimeout,
                           "another change of primary has server {} in its hands", slot);
        }
        co_await async::sleep_for(loop, kHandOverLookInterval);
    }
}

}  // namespace shore::engines
