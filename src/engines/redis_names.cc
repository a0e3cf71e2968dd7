#include "engines/redis_names.h"

#include <algorithm>

#include "engines/limits.h"
#include "engines/members.h"

namespace shore::engines {

using async::Task;
using model::EnginePart;
using wire::Json;

namespace {

std::string instance_of(std::string_view socket) {
    socket.remove_prefix(socket.rfind('/') + 1);
    socket.remove_suffix(std::string_view(".sock").size());
    return std::string(socket);
}

}  // namespace

Task<std::vector<RedisProcess>> redis_processes(async::Loop& loop, const Assignment& assignment) {
    std::vector<RedisProcess> found;
    if (assignment.part != EnginePart::kRedisEndpoint) {
        found.push_back({assignment.instance, assignment.part, assignment.slot, assignment.port});
    }
    for (const std::string& socket : other_sockets(assignment)) {
        const auto status =
            co_await call_agent(loop, socket, "GET", "/status", Json(), kRedisAskTime);
        if (!status) {
            continue;  // Left by an instance that is gone, or of one that is starting.
        }
        for (const EnginePart part : {EnginePart::kRedis, EnginePart::kRedisSentinel}) {
            if ((*status)["part"].text() == model::to_string(part)) {
                found.push_back({.instance = instance_of(socket),
                                 .part = part,
                                 .slot = static_cast<uint32_t>((*status)["slot"].integer()),
                                 .port = static_cast<uint16_t>((*status)["port"].integer()),
                                 .is_primary = (*status)["role"].text() == "primary"});
            }
        }
    }
    std::ranges::sort(found, {}, &RedisProcess::instance);
    co_return found;
}

std::string redis_name(const std::vector<RedisProcess>& processes, uint16_t port) {
    const auto found = std::ranges::find(processes, port, &RedisProcess::port);
    return found == processes.end() ? fmt::format("port {}", port) : found->instance;
}

}  // namespace shore::engines
