#include "engines/redis_names.h"

#include <algorithm>

namespace shore::engines {

Member redis_member(const Assignment& assignment) {
    return {.instance = assignment.instance,
            .part = assignment.part,
            .slot = assignment.slot,
            .port = assignment.port};
}

async::Task<std::vector<Member>> redis_members(async::Loop& loop, const Assignment& assignment) {
    std::vector<Member> members = co_await ask_members(loop, assignment);
    members.push_back(redis_member(assignment));
    std::erase_if(members, [](const Member& member) {
        return member.part == model::EnginePart::kRedisEndpoint;
    });
    std::ranges::sort(members, {}, &Member::instance);
    co_return members;
}

std::string redis_name(const std::vector<Member>& members, uint16_t port) {
    const auto found = std::ranges::find(members, port, &Member::port);
    return found == members.end() ? fmt::format("port {}", port) : found->instance;
}

}  // namespace shore::engines
