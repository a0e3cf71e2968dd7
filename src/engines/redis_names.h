// What the processes of a Redis are called. The daemon names instances, and an engine's files know
// slots and ports: the agents say which of them is whose.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "async/loop.h"
#include "async/task.h"
#include "engines/assignment.h"

namespace shore::engines {

struct RedisProcess {
    std::string instance;
    model::EnginePart part = model::EnginePart::kRedis;
    uint32_t slot = 0;
    uint16_t port = 0;
    bool is_primary = false;  ///< Of others only.
};

/// Servers and sentinels whose agents answer, the asking one included, by name.
async::Task<std::vector<RedisProcess>> redis_processes(async::Loop& loop,
                                                       const Assignment& assignment);
/// "store-server-2"; of one that did not answer, "port 30437".
std::string redis_name(const std::vector<RedisProcess>& processes, uint16_t port);

}  // namespace shore::engines
