// A primary whose process has ended: its agent knows that at once and for certain, and has the
// sentinels promote a successor without their second of doubt. They stay the ones who do it; when
// this fails, or the agent ended as well, they do it by themselves a moment later.
#pragma once

#include <cstdint>
#include <string>

#include "async/loop.h"
#include "async/task.h"
#include "engines/assignment.h"

namespace shore::engines {

/// To be called by the agent of the server that has ended. `history`: whose writes it counted
/// (ReplicationState::replication_id). The successor's slot, once that is primary and the others
/// were told to follow it. kConflict: it was not the primary, or nobody may succeed it
/// (may_succeed) yet; kUnavailable: no sentinel; kTimeout: they promoted nobody.
async::Task<Result<uint32_t>> replace_lost_primary(async::Loop& loop, const Assignment& assignment,
                                                   std::string history);

}  // namespace shore::engines
