// Turns among the agents of a Redis engine, by file locks: they end with who holds them.
//
// - Who restarts its server: one process at a time, sentinels among them, so that the others can go
//   on and elect.
// - Who says what the sentinels may do with a server: its agent, or a change of primary, which
//   holds the turn of all that may be promoted until one is. An agent that has just heard of an
//   earlier change would forbid it otherwise.
#pragma once

#include <optional>

#include "async/loop.h"
#include "async/task.h"
#include "engines/assignment.h"
#include "os/file.h"

namespace shore::engines {

/// Waits until no other process of the engine has the turn, for as long as that takes. It is given
/// back when the lock is destroyed, and when the agent dies.
async::Task<Result<os::FileLock>> take_restart_turn(async::Loop& loop, Assignment assignment);

/// The turn of the server in that slot; nothing while another has it.
Result<std::optional<os::FileLock>> try_promotion_turn(const Assignment& assignment, uint32_t slot);
/// Waits for it, which takes milliseconds; kTimeout after kRedisAskTime.
async::Task<Result<os::FileLock>> take_promotion_turn(async::Loop& loop, Assignment assignment,
                                                      uint32_t slot);

}  // namespace shore::engines
