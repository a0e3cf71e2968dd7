// What Shore writes for Redis servers and sentinels: redis.conf, sentinel.conf, users. Pure: from
// an assignment to text, with the reason of each value beside it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engines/assignment.h"

namespace shore::engines {

/// Whether there is more than one server: sentinels, an endpoint.
bool is_replicated(const Assignment& assignment);

/// The files, in the data directory.
std::string redis_conf_path(const Assignment& assignment);
std::string redis_users_path(const Assignment& assignment);
/// The Unix socket of the server in that slot, in the socket directory.
std::string redis_socket(const Assignment& assignment, uint32_t slot);

/// The same of a sentinel.
std::string sentinel_socket(const Assignment& assignment, uint32_t slot);

/// The server's configuration. `primary_port` 0: it is the primary itself. kInvalid names a setting
/// that Shore keeps to itself.
Result<std::string> redis_conf(const Assignment& assignment, uint16_t primary_port);
/// Settings that change with the assignment, as (name, value) for CONFIG SET.
std::vector<std::pair<std::string, std::string>> redis_live_settings(const Assignment& assignment);
/// The users of a server (aclfile).
std::string redis_users(const Assignment& assignment);

/// Commands that turn the users of one such file into those of another. ACL LOAD would do it too,
/// and end the connections of all users.
std::vector<std::vector<std::string>> user_changes(std::string_view before, std::string_view after);

/// What the sentinel in that slot calls itself for ever ("sentinel myid"): 40 characters.
std::string sentinel_id(const Assignment& assignment, uint32_t slot);
/// The sentinel's first configuration, without its ports (redis_tls.h); from then on the file is
/// the sentinel's, which rewrites it. It names all other sentinels and servers: they can elect as
/// soon as they reach each other, and need not find one another by way of the primary first. `ids`:
/// by slot, what sentinels that run already call themselves; the others' are as sentinel_id.
std::string sentinel_conf(const Assignment& assignment, uint16_t primary_port,
                          const std::map<uint32_t, std::string>& ids);
/// The users of a sentinel: services may ask it who is primary, nothing else.
std::string sentinel_users(const Assignment& assignment);
/// Votes that it takes: the majority.
uint32_t sentinel_quorum(const Assignment& assignment);

}  // namespace shore::engines
