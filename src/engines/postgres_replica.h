// What a server of PostgreSQL is to the others: primary or replica, how far behind; the slot that
// feeds a replica; and the programs that make or repair a copy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/assignment.h"
#include "engines/postgres_files.h"
#include "engines/postgres_sql.h"

namespace shore::engines {

/// A moment of a server.
struct PostgresProbe {
    bool is_primary = false;
    bool is_streaming = false;  ///< A replica that is fed now.
    double replay_age = 0;      ///< Seconds since the last change that a replica has; 0: none left.
    std::string position;       ///< LSN: written by a primary, replayed by a replica.
    uint64_t position_bytes = 0;
    int64_t timeline = 0;
};
Result<PostgresProbe> probe_blocking(SqlSession& session);

/// Makes the slot that feeds the replica, on its primary. kConflict: that server is no primary.
Result<void> make_slot_blocking(SqlSession& primary, uint32_t slot);
/// Makes the slots of all replicas of the engine.
Result<void> make_all_slots_blocking(SqlSession& primary, const Assignment& assignment);
/// Drops slots of replicas that the engine has no more: they would keep WAL for ever.
Result<void> drop_stale_slots_blocking(SqlSession& primary, const Assignment& assignment);
/// Drops all slots of Shore's: of a server that feeds nobody any more.
Result<void> drop_all_slots_blocking(SqlSession& replica);

/// Arguments of pg_basebackup: a copy of the primary at `port` into the staging directory.
std::vector<std::string> basebackup_arguments(const std::string& program,
                                              const Assignment& assignment,
                                              const PostgresPaths& paths, uint16_t port);
/// Arguments of pg_rewind: `data` as of where it left the history of the primary at `port`.
std::vector<std::string> rewind_arguments(const std::string& program, const Assignment& assignment,
                                          const PostgresPaths& paths, uint16_t port);

/// Of what pg_controldata prints.
struct ControlFile {
    std::string system;        ///< "Database system identifier": equal for copies.
    std::string state;         ///< "shut down", "in production", "shut down in recovery".
    std::string checkpoint;    ///< LSN of the latest one.
    uint32_t connections = 0;  ///< max_connections that the data was written under.
    bool is_clean() const { return state == "shut down" || state == "shut down in recovery"; }
};
ControlFile parse_control_file(std::string_view text);

/// "0/3000060" as a number; 0 for what is none.
uint64_t parse_position(std::string_view text);

}  // namespace shore::engines
