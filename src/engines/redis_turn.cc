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

}  // namespace shore::engines
