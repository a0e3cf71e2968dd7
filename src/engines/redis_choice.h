// A change of primary to a server that somebody chose: `shore redis failover --to store-server-2`.
//
// The sentinels stay the ones who choose, and prefer the replica with the lowest replica-priority.
// So the chosen one gets a lower one than all others, once it has nearly everything, and the change
// begins when the sentinels have seen that. It takes writes as before until then.
#pragma once

#include <cstdint>
#include <string>

#include "async/loop.h"
#include "async/task.h"
#include "engines/assignment.h"
#include "engines/redis_failover.h"

namespace shore::engines {

struct ChosenServer {
    uint32_t slot = 0;
    uint16_t port = 0;
    std::string instance;
};

/// The server that runs under that name. kInvalid lists those that do; kConflict: it is the
/// primary.
async::Task<Result<ChosenServer>> find_server(async::Loop& loop, const Assignment& assignment,
                                              std::string instance);

/// Waits until the server has nearly all that the primary has, then has the sentinels prefer it.
/// kConflict: it does not follow the primary, or stays behind; kUnavailable: no sentinel, no
/// primary; kTimeout: a sentinel did not see it. After a failure nobody is preferred.
async::Task<Result<void>> prefer(async::Loop& loop, const Assignment& assignment,
                                 ChosenServer chosen);
/// The last step of it: has the sentinels prefer the server on that port, and waits until they have
/// seen it.
async::Task<Result<void>> prefer_server(async::Loop& loop, const Assignment& assignment,
                                        uint16_t port);
/// kConflict when the sentinels have chosen another server all the same: the chosen one was lost in
/// that moment.
Result<void> is_as_chosen(const HandedOver& handed, const ChosenServer& chosen);
/// Ends the preference. One that does not answer keeps it until its next start.
async::Task<void> prefer_nobody(async::Loop& loop, const Assignment& assignment);

}  // namespace shore::engines
