// What PgBouncer is told: pgbouncer.ini and its list of users as text, and how pool.size is
// divided. Pure.
//
// PgBouncer counts server connections for each entry of its [databases], not in all. So that all
// users and databases together never have more than pool.size, the entries share it out: one for
// each database, and one for its reads (<database>_read).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/assignment.h"

namespace shore::engines {

/// One entry of [databases].
struct PoolShare {
    std::string entry;     ///< As clients name it.
    std::string database;  ///< As the server names it.
    bool reads = false;    ///< Goes to replicas.
    uint32_t connections = 0;
    /// Of these, as many for one role: every other role of the database can still get one.
    uint32_t connections_per_role = 0;
    friend bool operator==(const PoolShare&, const PoolShare&) = default;
};

/// The shares' connections add up to pool.size. kInvalid when it is too small for a connection for
/// each role in each database.
Result<std::vector<PoolShare>> plan_pool(const model::EngineSpec& spec);

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
    std::vector<PoolShare> shares;
    PoolServers servers;
    std::string users_file;
};
std::string pgbouncer_ini(const PgBouncerConfigInput& input);

/// `passwords` by role: a password or what the server stores for it.
std::string users_file_text(const std::map<std::string, std::string>& passwords);

}  // namespace shore::engines
