// A change of primary on purpose: nothing is lost, and clients wait for less than a second.
//
// The primary stops taking writes, the replicas catch up, a sentinel is told to fail over, and as
// soon as a replica is promoted the others are pointed at it: the sentinels would do that only
// after their next look (a second). They stay the ones who decide.
#pragma once

#include <cstdint>

#include "async/loop.h"
#include "async/task.h"
#include "engines/assignment.h"
#include "engines/redis_names.h"
#include "engines/redis_view.h"
#include "wire/json.h"

namespace shore::engines {

struct HandedOver {
    uint32_t from = 0;  ///< Slots.
    uint32_t to = 0;
    uint16_t port = 0;  ///< The new primary's.
    uint16_t port_before = 0;
    Duration writes_paused{};
    Duration held{};  ///< How long the endpoint held commands.
};
wire::Json to_json(const HandedOver& handed, const std::vector<Member>& members);

/// The sentinels' word once none of them is in the middle of a failover and they know a replica:
/// before that they would refuse one. After some time their word as it is.
async::Task<SentinelsWord> idle_sentinels(async::Loop& loop, const Assignment& assignment);

/// kConflict: no replica that could take over; kUnavailable: no sentinel, no primary; kTimeout: a
/// replica did not catch up, nobody was promoted. After a failure the old primary takes writes.
async::Task<Result<HandedOver>> hand_over(async::Loop& loop, const Assignment& assignment);

/// Waits until the sentinels name that server: they learn of a promotion with their next look, and
/// until then would not follow another loss. False when they do not in time.
async::Task<bool> sentinels_agree(async::Loop& loop, const Assignment& assignment, uint16_t port);

/// Tells a sentinel to choose another primary without a majority's vote; does not wait for it. One
/// that is in the middle of a failover is passed over, also when that will come to nothing.
async::Task<Result<void>> force_failover(async::Loop& loop, const Assignment& assignment);

}  // namespace shore::engines
