// What the processes of a Redis are called. The daemon names instances, and Redis knows ports: the
// agents say which of them is whose.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engines/members.h"

namespace shore::engines {

/// An agent as its assignment describes it.
Member redis_member(const Assignment& assignment);
/// Servers and sentinels whose agents answer, the asking one included, by name.
async::Task<std::vector<Member>> redis_members(async::Loop& loop, const Assignment& assignment);
/// "store-server-2"; of one that did not answer, "port 30437".
std::string redis_name(const std::vector<Member>& members, uint16_t port);

}  // namespace shore::engines
