// Tables and figures of one Redis server, from its own answers. Pure.
#pragma once

#include <string>
#include <string_view>

#include "engines/redis_names.h"
#include "engines/redis_view.h"
#include "wire/json.h"

namespace shore::engines {

/// `shore redis replicas`: as the primary sees them.
wire::Json replicas_table(const ReplicationState& state, const std::vector<Member>& members);
/// From SLOWLOG GET.
wire::Json slowlog_table(const wire::RespValue& answer);
/// From CLIENT LIST.
wire::Json clients_table(std::string_view list);
/// From INFO keyspace.
wire::Json keyspace_table(std::string_view info);
/// What `GET /status` adds to role and replication.
void add_status(wire::Json& status, std::string_view info);
/// Keys of all databases.
uint64_t keys_of(std::string_view info);
/// Prometheus text, from INFO.
std::string server_metrics(const ReplicationState& state, std::string_view info);

}  // namespace shore::engines
