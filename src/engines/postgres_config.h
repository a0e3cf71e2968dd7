// What PostgreSQL is told: postgresql.conf and pg_hba.conf as text, each value with its reason.
// Pure: the same options give the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/assignment.h"
#include "model/connection_plan.h"

namespace shore::engines {

/// The one version that this program runs: that of Debian 12.
inline constexpr uint32_t kPostgresVersion = 15;

/// Roles of Shore's own besides kAdminRole. Services may not be called so.
inline constexpr std::string_view kReplicationRole = "shore_replication";
inline constexpr std::string_view kPoolRole = "shore_pool";        ///< Looks passwords up.
inline constexpr std::string_view kMonitorRole = "shore_monitor";  ///< Reads statistics.

/// kInvalid for settings that are Shore's own (port, paths, replication), with what to use instead.
/// Names and values are PostgreSQL's to judge.
Result<void> check_postgres_settings(const model::EngineSpec& spec);

struct PostgresConfigInput {
    const Assignment& assignment;
    model::PostgresBudget budget;
    bool has_statements = false;  ///< pg_stat_statements is installed.
    /// A standby may not have less than its primary had: max_connections of its control file.
    uint32_t connections_at_least = 0;
    uint16_t primary_port = 0;  ///< Of the server to follow; 0: this one is the primary.
    std::string hba_file;
    std::string ident_file;
    std::string passfile;  ///< The replication role's password, for libpq.
};

/// What the server says of a configuration that it does not take, without its decoration:
/// `invalid value for parameter "work_mem": "lots"`.
std::string words_about_settings(std::string_view output);
/// The setting that the server does not know, in such words; empty when it is about another thing.
std::string unknown_setting(std::string_view words);

std::string postgresql_conf(const PostgresConfigInput& input);
std::string pg_hba_conf();
/// A line of libpq's password file for any server of this machine.
std::string passfile_line(std::string_view role, std::string_view password);

/// "shore_2": the slot on the primary from which the server of that slot is fed.
std::string replication_slot(uint32_t slot);

/// `apt-get install …` for an extension that is not installed; by name where Debian's package is
/// known.
std::string extension_package(std::string_view extension);

}  // namespace shore::engines
