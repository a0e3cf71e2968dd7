// What PgBouncer is told: pgbouncer.ini and its list of users as text. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/assignment.h"
#include "model/connection_plan.h"

namespace shore::engines {

/// Where the servers are now.
struct PoolServers {
    /// Directory that leads to the primary's socket under kLinkedPort (pgbouncer_gate.h). Always
    /// the same: when the address of a database changes, PgBouncer drops the logins under way.
    std::string primary;
    /// Directories that each hold one replica's socket under kLinkedPort. None: the primary reads.
    std::vector<std::string> readers;
    friend bool operator==(const PoolServers&, const PoolServers&) = default;
};
/// PgBouncer takes many hosts for an entry but one port, so all sockets are called so.
inline constexpr uint16_t kLinkedPort = 5432;

/// The console's user; its password is made anew at every start.
inline constexpr std::string_view kConsoleRole = "shore_console";

struct PgBouncerConfigInput {
    const Assignment& assignment;
    std::vector<model::PoolShare> shares;
    PoolServers servers;
    std::string users_file;
};
std::string pgbouncer_ini(const PgBouncerConfigInput& input);

/// `passwords` by role: a password or what the server stores for it.
std::string users_file_text(const std::map<std::string, std::string>& passwords);

}  // namespace shore::engines
