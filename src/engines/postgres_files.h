// The files of a PostgreSQL server: where they are, what a data directory is, and whose claim to be
// the primary counts.
//
// One server of an engine is the primary: the one that the newest claim names. A claim is a small
// file in the server's directory, written by who becomes primary before it takes writes; all
// servers of an engine run as one user on one machine and read each other's. So a server that was
// down during a promotion learns of it from the disk, whoever starts first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engines/assignment.h"

namespace shore::engines {

struct PostgresPaths {
    std::string directory;  ///< The assignment's.
    std::string data;       ///< PGDATA.
    std::string staging;    ///< Where a data directory is made before it is renamed to `data`.
    std::string discarded;  ///< What `data` was, until it is removed.
    std::string config;
    std::string hba;
    std::string ident;
    std::string passfile;

    std::string standby_signal() const { return data + "/standby.signal"; }
};
PostgresPaths postgres_paths(const std::string& directory);

/// The directory of another slot of the same engine: they differ in the number at their end. Empty
/// when this one has no such end.
std::string directory_of_slot(const Assignment& assignment, uint32_t slot);

/// Who is primary. Newer claims have greater epochs.
struct Claim {
    uint64_t epoch = 0;
    uint32_t primary = 1;  ///< A slot.
    friend bool operator==(const Claim&, const Claim&) = default;
};
/// The newest claim in the directories of all slots; none anywhere: slot 1, epoch 0. kCorrupt when
/// one cannot be read: then nobody may take writes.
Result<Claim> newest_claim_blocking(const Assignment& assignment);
Result<void> write_claim_blocking(const std::string& directory, const Claim& claim);

enum class DataState : uint8_t {
    kNone,     ///< No data yet.
    kPrimary,  ///< Would start as a primary.
    kStandby,  ///< Would start as a standby.
};
/// Looks at a data directory, repairs its mode, removes what an interrupted start left.
/// kUnsupported for another version of PostgreSQL, kPermission for another owner, kConflict for a
/// directory that is no data directory: each with what to do.
Result<DataState> inspect_data_blocking(const PostgresPaths& paths);
/// What slots other than this one have data.
std::vector<uint32_t> other_slots_with_data_blocking(const Assignment& assignment);

/// Puts the staging directory in the place of `data`. A crash in between leaves one of both there.
Result<void> install_staging_blocking(const PostgresPaths& paths);
/// Makes the data directory start as a standby, or not.
Result<void> mark_standby_blocking(const std::string& data);
Result<void> mark_primary_blocking(const PostgresPaths& paths);

/// The process of postmaster.pid when it is a live PostgreSQL on this data directory. A pid file
/// whose process is another program's is removed: PostgreSQL would refuse to start over it.
Result<std::optional<pid_t>> running_postmaster_blocking(const PostgresPaths& paths);

/// Processes of a server whose first process was killed: they hold its shared memory, and no other
/// server starts on this data until they have ended.
std::vector<pid_t> leftover_processes_blocking(const PostgresPaths& paths);

/// kExhausted when less than what recovery needs is left on the disk.
Result<void> check_disk_blocking(const PostgresPaths& paths);

}  // namespace shore::engines
