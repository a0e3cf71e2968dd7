// Who restarts its server: one process of a Redis engine at a time, sentinels among them, so that
// the others can go on and elect.
#pragma once

#include "async/loop.h"
#include "async/task.h"
#include "engines/assignment.h"
#include "os/file.h"

namespace shore::engines {

/// Waits until no other process of the engine has the turn, for as long as that takes. It is given
/// back when the lock is destroyed, and when the agent dies.
async::Task<Result<os::FileLock>> take_restart_turn(async::Loop& loop, Assignment assignment);

}  // namespace shore::engines
