#include "engines/postgres_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"
#include "engines/limits.h"
#include "engines/postgres_config.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/process_stats.h"
#include "os/user.h"
#include "wire/json.h"

namespace shore::engines {

using wire::Json;

namespace {

constexpr Bytes kSmallFile = Bytes::kib(64);

std::string claim_path(const std::string& directory) {
    return directory + "/claim.json";
}

Result<void> rename_to(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) < 0) {
        return fail(os::last_error("rename " + from));
    }
    return {};
}

bool has_data(const std::string& directory) {
    return os::file_exists(directory + "/data/PG_VERSION");
}

// Owner and mode, as PostgreSQL demands them at its start.
Result<void> check_rights(const std::string& data) {
    struct stat found{};
    if (::stat(data.c_str(), &found) < 0) {
        return fail(os::last_error("look at " + data));
    }
    if (found.st_uid != os::effective_user()) {
        return fail(ErrorCode::kPermission,
                    "the data directory {} belongs to user {}, PostgreSQL runs as user {}: chown "
                    "-R {} {}",
                    data, found.st_uid, os::effective_user(), os::effective_user(), data);
    }
    constexpr mode_t kModes = 07777;
    constexpr mode_t kGroupReads = 0750;
    const mode_t mode = found.st_mode & kModes;
    if (mode != 0700 && mode != kGroupReads && ::chmod(data.c_str(), 0700) < 0) {
        return fail(os::last_error("chmod 700 " + data));
    }
    return {};
}

std::optional<pid_t> number_in(std::string_view text) {
    pid_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} && number > 0 ? std::optional(number) : std::nullopt;
}

// Every process of a server but the first is titled so and works in the data directory; a person's
// shell may be there too.
bool is_process_of(pid_t pid, const std::string& data) {
    std::error_code error;
    const auto directory = std::filesystem::read_symlink(fmt::format("/proc/{}/cwd", pid), error);
    if (error || directory != data) {
        return false;
    }
    const auto title = os::read_file(fmt::format("/proc/{}/cmdline", pid), kSmallFile);
    return title && title->starts_with("postgres:");
}

// A PostgreSQL that was started on this directory names it in its arguments, as this agent does.
bool is_postmaster_of(pid_t pid, const std::string& data) {
    const auto arguments = os::read_file(fmt::format("/proc/{}/cmdline", pid), kSmallFile);
    return arguments && arguments->contains("postgres") && arguments->contains(data);
}

}  // namespace

PostgresPaths postgres_paths(const std::string& directory) {
    return {.directory = directory,
            .data = directory + "/data",
            .staging = directory + "/data.new",
            .discarded = directory + "/data.discarded",
            .config = directory + "/postgresql.conf",
            .hba = directory + "/pg_hba.conf",
            .ident = directory + "/pg_ident.conf",
            .passfile = directory + "/replication.pass"};
}

std::string directory_of_slot(const Assignment& assignment, uint32_t slot) {
    if (slot == assignment.slot) {
        return assignment.data_directory;
    }
    const std::string end = fmt::format("-{}", assignment.slot);
    const std::string& own = assignment.data_directory;
    if (!own.ends_with(end)) {
        return {};
    }
    return fmt::format("{}-{}", own.substr(0, own.size() - end.size()), slot);
}

Result<Claim> newest_claim_blocking(const Assignment& assignment) {
    Claim newest;
    for (uint32_t slot = 1; slot <= kPostgresSlotsMax; ++slot) {
        const std::string directory = directory_of_slot(assignment, slot);
        if (directory.empty() || !os::file_exists(claim_path(directory))) {
            continue;
        }
        const std::string path = claim_path(directory);
        SHORE_TRY(const std::string text, os::read_file(path, kSmallFile));
        const auto json = Json::parse(text);
        if (!json || (*json)["primary"].integer() < 1) {
            return fail(ErrorCode::kCorrupt,
                        "{} does not say which server is the primary: remove it when no other "
                        "server of this engine was ever promoted",
                        path);
        }
        const Claim claim{.epoch = static_cast<uint64_t>((*json)["epoch"].integer()),
                          .primary = static_cast<uint32_t>((*json)["primary"].integer())};
        if (claim.epoch > newest.epoch) {
            newest = claim;
        }
    }
    return newest;
}

Result<void> write_claim_blocking(const std::string& directory, const Claim& claim) {
    return os::write_file_atomically(
        claim_path(directory),
        Json::object().set("epoch", claim.epoch).set("primary", claim.primary).dump_indented(),
        0600);
}

Result<DataState> inspect_data_blocking(const PostgresPaths& paths) {
    if (!os::file_exists(paths.data) && os::file_exists(paths.discarded)) {
        // A crash between the two renames of install_staging.
        const bool is_made = os::file_exists(paths.staging + "/PG_VERSION");
        SHORE_CHECK(rename_to(is_made ? paths.staging : paths.discarded, paths.data));
    }
    SHORE_CHECK(os::remove_tree(paths.staging));
    SHORE_CHECK(os::remove_tree(paths.discarded));
    if (!os::file_exists(paths.data)) {
        return DataState::kNone;
    }
    SHORE_CHECK(check_rights(paths.data));
    if (!os::file_exists(paths.data + "/PG_VERSION")) {
        SHORE_TRY(const std::vector<std::string> names, os::list_directory(paths.data));
        if (names.empty()) {
            return DataState::kNone;
        }
        return fail(ErrorCode::kConflict,
                    "{} is not empty and no data directory of PostgreSQL (it has no PG_VERSION): "
                    "move it away; nothing in it was touched",
                    paths.data);
    }
    SHORE_TRY(const std::string version, os::read_file(paths.data + "/PG_VERSION", kSmallFile));
    if (base::trim(version) != std::to_string(kPostgresVersion)) {
        return fail(ErrorCode::kUnsupported,
                    "the data in {} is of PostgreSQL {}, this is PostgreSQL {}: upgrade it with "
                    "pg_upgrade (both packages, postgresql-{} and postgresql-{}, must be "
                    "installed); nothing in it was touched",
                    paths.data, base::printable(base::trim(version)), kPostgresVersion,
                    base::printable(base::trim(version)), kPostgresVersion);
    }
    return os::file_exists(paths.standby_signal()) ? DataState::kStandby : DataState::kPrimary;
}

std::vector<uint32_t> other_slots_with_data_blocking(const Assignment& assignment) {
    std::vector<uint32_t> slots;
    for (uint32_t slot = 1; slot <= kPostgresSlotsMax; ++slot) {
        const std::string directory = directory_of_slot(assignment, slot);
        if (slot != assignment.slot && !directory.empty() && has_data(directory)) {
            slots.push_back(slot);
        }
    }
    return slots;
}

Result<void> install_staging_blocking(const PostgresPaths& paths) {
    if (os::file_exists(paths.data)) {
        SHORE_CHECK(os::remove_tree(paths.discarded));
        SHORE_CHECK(rename_to(paths.data, paths.discarded));
    }
    SHORE_CHECK(rename_to(paths.staging, paths.data));
    SHORE_CHECK(os::sync_directory(paths.directory));
    return os::remove_tree(paths.discarded);
}

Result<void> mark_standby_blocking(const std::string& data) {
    return os::write_file_atomically(data + "/standby.signal", "", 0600);
}

Result<void> mark_primary_blocking(const PostgresPaths& paths) {
    SHORE_CHECK(os::remove_file(paths.standby_signal()));
    return os::sync_directory(paths.data);
}

Result<std::optional<pid_t>> running_postmaster_blocking(const PostgresPaths& paths) {
    const std::string path = paths.data + "/postmaster.pid";
    if (!os::file_exists(path)) {
        return std::optional<pid_t>();
    }
    SHORE_TRY(const std::string text, os::read_file(path, kSmallFile));
    const std::optional<pid_t> pid = number_in(text);
    if (pid && is_postmaster_of(*pid, paths.data)) {
        return pid;
    }
    SHORE_CHECK(os::remove_file(path));
    return std::optional<pid_t>();
}

std::vector<pid_t> leftover_processes_blocking(const PostgresPaths& paths) {
    std::vector<pid_t> found;
    const auto all = os::all_processes();
    if (!all) {
        return found;
    }
    for (const os::ProcessStats& process : *all) {
        if (is_process_of(process.pid, paths.data)) {
            found.push_back(process.pid);
        }
    }
    return found;
}

Result<void> check_disk_blocking(const PostgresPaths& paths) {
    SHORE_TRY(const os::DiskSpace space, os::disk_space(paths.directory));
    if (space.available < kPostgresDiskMin) {
        return fail(ErrorCode::kExhausted,
                    "the disk under {} is full: {} left, PostgreSQL needs {} to start: free some "
                    "space",
                    paths.directory, base::to_human(space.available),
                    base::to_human(kPostgresDiskMin));
    }
    return {};
}

}  // namespace shore::engines
