// Members: what the agents of one engine ask of each other, on their sockets: who is primary, how
// far behind a replica is, that a pool holds its clients.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "engines/assignment.h"
#include "wire/json.h"

namespace shore::async {
class Loop;
}

namespace shore::engines {

/// An agent as it describes itself (view "member").
struct Member {
    std::string socket;
    std::string instance;
    model::EnginePart part = model::EnginePart::kPostgres;
    uint32_t slot = 0;
    bool ready = false;
    bool is_primary = false;
    bool is_promoting = false;  ///< It is about to become the primary.
    uint64_t epoch = 0;         ///< Of the claim by which it is primary.
    double lag_seconds = 0;     ///< Of a replica that is ready.
    uint16_t port = 0;          ///< Of its server.
    int pid = 0;                ///< Of its server; 0: none runs.
};
wire::Json to_json(const Member& member);
Member member_of(const wire::Json& json, std::string socket);

/// Sockets of the other agents of the engine. Short file work.
std::vector<std::string> other_sockets(const Assignment& assignment);

/// One request to an agent; its error as it told it.
async::Task<Result<wire::Json>> call_agent(async::Loop& loop, std::string socket,
                                           std::string method, std::string target, wire::Json body,
                                           std::chrono::milliseconds limit);
/// Where the endpoint of a Redis says how its agent is reached.
std::string endpoint_place(const Assignment& assignment);
/// As call_agent, of that. kNotFound when there is none.
async::Task<Result<wire::Json>> call_endpoint(async::Loop& loop, const Assignment& assignment,
                                              std::string method, std::string target,
                                              wire::Json body, std::chrono::milliseconds limit);
/// All others that answer.
async::Task<std::vector<Member>> ask_members(async::Loop& loop, Assignment assignment);
/// As call_agent, of the PostgreSQL server of a slot, whatever its instance is called. kNotFound
/// when it does not answer.
async::Task<Result<wire::Json>> call_slot(async::Loop& loop, Assignment assignment, uint32_t slot,
                                          std::string action, std::chrono::milliseconds limit);

}  // namespace shore::engines
