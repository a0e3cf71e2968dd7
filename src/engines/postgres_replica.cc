#include "engines/postgres_replica.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"
#include "engines/postgres_config.h"

namespace shore::engines {

namespace {

using std::chrono::seconds;

constexpr seconds kProbeLimit{3};
constexpr seconds kSlotLimit{10};

template <class Number>
Number number_of(std::string_view text, int base = 10) {
    Number number{};
    std::from_chars(text.data(), text.data() + text.size(), number, base);
    return number;
}

std::string source(const Assignment& assignment, uint16_t port, std::string_view role,
                   std::string_view more) {
    return fmt::format("host={} port={} user={} sslmode=disable gssencmode=disable {}",
                       assignment.socket_directory, port, role, more);
}

}  // namespace

uint64_t parse_position(std::string_view text) {
    const auto halves = base::split_once(base::trim(text), '/');
    if (!halves) {
        return 0;
    }
    return (number_of<uint64_t>(halves->first, 16) << 32) | number_of<uint64_t>(halves->second, 16);
}

Result<PostgresProbe> probe_blocking(SqlSession& session) {
    SHORE_TRY(
        const SqlRows rows,
        session.ask_blocking(
            "SELECT NOT pg_is_in_recovery(),"
            " EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming'),"
            " CASE WHEN NOT pg_is_in_recovery() OR"
            " coalesce(pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn(), true) THEN 0"
            " ELSE coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0) END,"
            " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
            " ELSE pg_current_wal_lsn() END,"
            " (SELECT timeline_id FROM pg_control_checkpoint())",
            kProbeLimit));
    PostgresProbe probe;
    probe.is_primary = rows.truth(0, 0);
    probe.is_streaming = rows.truth(0, 1);
    probe.replay_age = rows.number(0, 2);
    probe.position = rows.text(0, 3);
    probe.position_bytes = parse_position(probe.position);
    probe.timeline = static_cast<int64_t>(rows.number(0, 4));
    return probe;
}

Result<void> make_slot_blocking(SqlSession& primary, uint32_t slot) {
    SHORE_TRY(const PostgresProbe probe, probe_blocking(primary));
    if (!probe.is_primary) {
        return fail(ErrorCode::kConflict, "the server to follow is no primary (yet)");
    }
    const std::string name = sql_text(replication_slot(slot));
    // One that was left too far behind is of no use any more: a copy begins a new one.
    SHORE_CHECK(primary.ask_blocking(
        fmt::format("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                    "WHERE slot_name = {} AND NOT active AND wal_status = 'lost'",
                    name),
        kSlotLimit));
    // The primary and the replica itself may both make it, at the same time.
    SHORE_CHECK(primary.ask_blocking(
        fmt::format("DO $$BEGIN PERFORM pg_create_physical_replication_slot({0}, true) WHERE NOT "
                    "EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = {0}); "
                    "EXCEPTION WHEN duplicate_object THEN NULL; END$$",
                    name),
        kSlotLimit));
    return {};
}

Result<void> make_all_slots_blocking(SqlSession& primary, const Assignment& assignment) {
    const uint32_t servers = model::processes_of(assignment.spec, model::EnginePart::kPostgres);
    for (uint32_t slot = 1; slot <= servers; ++slot) {
        if (slot != assignment.slot) {
            SHORE_CHECK(make_slot_blocking(primary, slot));
        }
    }
    return {};
}

Result<void> drop_all_slots_blocking(SqlSession& replica) {
    SHORE_CHECK(
        replica.ask_blocking("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                             "WHERE slot_name LIKE 'shore\\_%' AND NOT active",
                             kSlotLimit));
    return {};
}

Result<void> drop_stale_slots_blocking(SqlSession& primary, const Assignment& assignment) {
    std::string kept = "''";
    const uint32_t servers = model::processes_of(assignment.spec, model::EnginePart::kPostgres);
    for (uint32_t slot = 1; slot <= servers; ++slot) {
        if (slot != assignment.slot) {
            kept += ", " + sql_text(replication_slot(slot));
        }
    }
    SHORE_CHECK(primary.ask_blocking(
        fmt::format("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                    "WHERE slot_name LIKE 'shore\\_%' AND NOT active AND slot_name NOT IN ({})",
                    kept),
        kSlotLimit));
    return {};
}

std::vector<std::string> basebackup_arguments(const std::string& program,
                                              const Assignment& assignment,
                                              const PostgresPaths& paths, uint16_t port) {
    return {program,
            "--dbname=" + source(assignment, port, kReplicationRole, "passfile=" + paths.passfile),
            "--pgdata=" + paths.staging,
            "--wal-method=stream",
            "--slot=" + replication_slot(assignment.slot),
            "--checkpoint=fast",
            "--no-password"};
}

std::vector<std::string> rewind_arguments(const std::string& program, const Assignment& assignment,
                                          const PostgresPaths& paths, uint16_t port) {
    return {program, "--target-pgdata=" + paths.data,
            "--source-server=" +
                source(assignment, port, kAdminRole, "dbname=postgres passfile=" + paths.passfile),
            "--config-file=" + paths.config};
}

ControlFile parse_control_file(std::string_view text) {
    ControlFile file;
    for (const std::string_view line : base::split(text, '\n')) {
        const auto pair = base::split_once(line, ':');
        if (!pair) {
            continue;
        }
        const std::string_view value = base::trim(pair->second);
        if (pair->first == "Database system identifier") {
            file.system = value;
        } else if (pair->first == "Database cluster state") {
            file.state = value;
        } else if (pair->first == "Latest checkpoint location") {
            file.checkpoint = value;
        } else if (pair->first == "max_connections setting") {
            file.connections = number_of<uint32_t>(value);
        }
    }
    return file;
}

}  // namespace shore::engines
