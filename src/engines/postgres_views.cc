#include "engines/postgres_views.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.h"
#include "engines/postgres_config.h"
#include "engines/table.h"
#include "observe/metrics.h"

namespace shore::engines {

using std::chrono::seconds;
using wire::Json;

namespace {

constexpr seconds kAskLimit{10};

// Rows that a person reads; the rest is in the statistics views themselves.
constexpr size_t kQueriesShown = 10;
constexpr size_t kHintsShown = 3;
constexpr size_t kTextShown = 300;

const std::array<std::string, 5> kViews = {"queries", "indexes", "activity", "replicas",
                                           "settings"};

Json cell(const SqlRows& rows, size_t row, size_t column, ColumnKind kind) {
    if (rows.is_null(row, column)) {
        return {};
    }
    if (kind == ColumnKind::kText) {
        return base::printable(rows.text(row, column), kTextShown);
    }
    const double number = rows.number(row, column);
    if (kind == ColumnKind::kBytes || !rows.text(row, column).contains('.')) {
        return static_cast<int64_t>(number);
    }
    return number;
}

void fill(Table& table, const SqlRows& rows, std::initializer_list<ColumnKind> kinds) {
    for (size_t row = 0; row < rows.size(); ++row) {
        std::vector<Json> cells;
        size_t column = 0;
        for (const ColumnKind kind : kinds) {
            cells.push_back(cell(rows, row, column++, kind));
        }
        table.add(std::move(cells));
    }
}

// Of one database: tables that are read whole, many rows each time; small ones rightly are.
std::string whole_reads_sql() {
    return "SELECT current_database(), schemaname || '.' || relname, n_live_tup,"
           " pg_total_relation_size(relid), seq_scan, seq_tup_read / greatest(seq_scan, 1),"
           " coalesce(idx_scan, 0), 'an index may be missing: look at the WHERE clauses'"
           " FROM pg_stat_user_tables WHERE seq_scan >= 10 AND"
           " seq_tup_read / greatest(seq_scan, 1) >= 1000 AND n_live_tup >= 1000";
}

Result<SqlClient> connect_blocking(const PostgresViewInput& input, const std::string& database) {
    SqlTarget target = input.target;
    target.database = database;
    return SqlClient::connect_blocking(target, kAskLimit);
}

// The worst of each database, beside the statements that may be the reason.
Result<void> note_whole_reads(const PostgresViewInput& input, Table& table) {
    for (const std::string& database : model::databases_of(input.spec)) {
        SHORE_TRY(SqlClient client, connect_blocking(input, database));
        SHORE_TRY(const SqlRows rows,
                  client.run_blocking(
                      whole_reads_sql() +
                          fmt::format(" ORDER BY seq_tup_read DESC LIMIT {}", kHintsShown),
                      kAskLimit));
        for (size_t row = 0; row < rows.size(); ++row) {
            table.note(fmt::format(
                "{}: {} was read whole {} times, {} rows each: an index may be missing (shore db "
                "indexes).",
                database, base::printable(rows.text(row, 1)), rows.text(row, 4),
                rows.text(row, 5)));
        }
    }
    return {};
}

Result<Json> queries_view(const PostgresViewInput& input) {
    // The extension's view is the same in every database that has it.
    SHORE_TRY(SqlClient client, connect_blocking(input, model::databases_of(input.spec).front()));
    auto rows = client.run_blocking(
        fmt::format(
            "WITH s AS (SELECT s.*, d.datname, r.rolname,"
            " rank() OVER (ORDER BY total_exec_time DESC) AS by_time,"
            " rank() OVER (ORDER BY mean_exec_time DESC) AS by_mean,"
            " rank() OVER (ORDER BY calls DESC) AS by_calls,"
            " sum(total_exec_time) OVER () AS all_time"
            " FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid"
            " JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname NOT LIKE 'shore\\_%')"
            " SELECT datname, rolname, calls, total_exec_time / 1000.0, mean_exec_time / 1000.0,"
            " max_exec_time / 1000.0, round((100 * total_exec_time / nullif(all_time, 0))::numeric,"
            " 1), rows, round((100.0 * shared_blks_hit /"
            " nullif(shared_blks_hit + shared_blks_read, 0))::numeric, 1),"
            " regexp_replace(query, '\\s+', ' ', 'g'), queryid"
            " FROM s WHERE by_time <= {0} OR by_mean <= {0} OR by_calls <= {0}"
            " ORDER BY total_exec_time DESC",
            kQueriesShown),
        kAskLimit);
    if (!rows) {
        return fail(std::move(rows).error().with("pg_stat_statements"));
    }
    using enum ColumnKind;
    Table table({{"database"},
                 {"service"},
                 {"calls", kNumber},
                 {"total", kSeconds},
                 {"mean", kSeconds},
                 {"max", kSeconds},
                 {"percent", kNumber},
                 {"rows", kNumber},
                 {"cached_percent", kNumber},
                 {"query"}});
    const auto service = [&](size_t row) {
        const std::string_view text = rows->text(row, 10);
        int64_t query = 0;
        std::from_chars(text.data(), text.data() + text.size(), query);
        return base::printable(
            caller_name(input.spec, rows->text(row, 0), rows->text(row, 1), query, input.callers));
    };
    for (size_t row = 0; row < rows->size(); ++row) {
        std::vector<Json> cells;
        size_t column = 0;
        for (const ColumnKind kind : {kText, kText, kNumber, kSeconds, kSeconds, kSeconds, kNumber,
                                      kNumber, kNumber, kText}) {
            cells.push_back(cell(*rows, row, column++, kind));
        }
        cells[1] = service(row);
        table.add(std::move(cells));
    }
    table.note(
        "The slowest, in all and in the mean, and the most frequent since the statistics were "
        "reset.");
    if (has_shared_groups(input.spec)) {
        table.note("Services that share a database are named when they are seen at it.");
    }
    SHORE_CHECK(note_whole_reads(input, table));
    return std::move(table).json();
}

Result<Json> indexes_view(const PostgresViewInput& input) {
    using enum ColumnKind;
    Table table({{"database"},
                 {"table"},
                 {"rows", kNumber},
                 {"size", kBytes},
                 {"scans", kNumber},
                 {"rows_per_scan", kNumber},
                 {"index_scans", kNumber},
                 {"hint"}});
    for (const std::string& database : model::databases_of(input.spec)) {
        SHORE_TRY(SqlClient client, connect_blocking(input, database));
        SHORE_TRY(const SqlRows rows,
                  client.run_blocking(
                      whole_reads_sql() +
                          " UNION ALL"
                          " SELECT current_database(), schemaname || '.' || relname || ' / ' || "
                          "indexrelname,"
                          " NULL, pg_relation_size(i.indexrelid), NULL, NULL, idx_scan,"
                          " 'never used: costs every write'"
                          " FROM pg_stat_user_indexes i JOIN pg_index x USING (indexrelid)"
                          " WHERE idx_scan = 0 AND NOT indisunique"
                          " AND pg_relation_size(i.indexrelid) >= 1048576"
                          " ORDER BY 5 DESC NULLS LAST, 4 DESC LIMIT 50",
                      kAskLimit));
        fill(table, rows, {kText, kText, kNumber, kBytes, kNumber, kNumber, kNumber, kText});
    }
    table.note("From the statistics since the last reset; EXPLAIN of the query decides.");
    return std::move(table).json();
}

Result<Json> activity_view(SqlSession& session) {
    SHORE_TRY(const SqlRows rows,
              session.ask_blocking(
                  "SELECT pid, datname, usename, application_name, state,"
                  " extract(epoch FROM now() - xact_start), wait_event_type || ':' || wait_event,"
                  " array_to_string(pg_blocking_pids(pid), ' '),"
                  " regexp_replace(query, '\\s+', ' ', 'g') FROM pg_stat_activity"
                  " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                  " ORDER BY xact_start NULLS LAST, pid LIMIT 200",
                  kAskLimit));
    using enum ColumnKind;
    Table table({{"pid", kNumber},
                 {"database"},
                 {"role"},
                 {"application"},
                 {"state"},
                 {"transaction", kSeconds},
                 {"waits_for"},
                 {"blocked_by"},
                 {"query"}});
    fill(table, rows, {kNumber, kText, kText, kText, kText, kSeconds, kText, kText, kText});
    return std::move(table).json();
}

Result<Json> replicas_view(SqlSession& session) {
    SHORE_TRY(const SqlRows rows,
              session.ask_blocking(
                  "SELECT s.slot_name, coalesce(r.state, 'not connected'), s.wal_status,"
                  " pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()"
                  " ELSE pg_current_wal_lsn() END, r.replay_lsn),"
                  " extract(epoch FROM coalesce(r.replay_lag, interval '0')), r.replay_lsn,"
                  " pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()"
                  " ELSE pg_current_wal_lsn() END, s.restart_lsn)"
                  " FROM pg_replication_slots s LEFT JOIN pg_stat_replication r"
                  " ON r.pid = s.active_pid ORDER BY 1",
                  kAskLimit));
    using enum ColumnKind;
    Table table({{"replica"},
                 {"state"},
                 {"wal"},
                 {"lag", kBytes},
                 {"lag_time", kSeconds},
                 {"position"},
                 {"kept", kBytes}});
    fill(table, rows, {kText, kText, kText, kBytes, kSeconds, kText, kBytes});
    table.note("As this server sees those that follow it; shore db status has each replica's own.");
    return std::move(table).json();
}

Result<Json> settings_view(SqlSession& session) {
    SHORE_TRY(
        const SqlRows rows,
        session.ask_blocking("SELECT name, current_setting(name), context, pending_restart,"
                             " short_desc FROM pg_settings WHERE source = 'configuration file'"
                             " AND name NOT IN ('primary_conninfo') ORDER BY name",
                             kAskLimit));
    using enum ColumnKind;
    Table table({{"name"}, {"value"}, {"changes_by"}, {"restart_pending"}, {"meaning"}});
    for (size_t row = 0; row < rows.size(); ++row) {
        const std::string_view context = rows.text(row, 2);
        table.add({rows.text(row, 0), base::printable(rows.text(row, 1), kTextShown),
                   context == "postmaster" ? "restart" : "reload", rows.truth(row, 3),
                   rows.text(row, 4)});
    }
    return std::move(table).json();
}

Json list_of(const SqlRows& rows,
             std::initializer_list<std::pair<std::string_view, ColumnKind>> columns) {
    Json list = Json::array();
    for (size_t row = 0; row < rows.size(); ++row) {
        Json item = Json::object();
        size_t column = 0;
        for (const auto& [name, kind] : columns) {
            item.set(name, cell(rows, row, column++, kind));
        }
        list.push(std::move(item));
    }
    return list;
}

void add_database_metrics(SqlSession& session, observe::MetricsText& text) {
    using enum observe::MetricKind;
    const auto rows = session.ask_blocking(
        "SELECT d.datname, pg_database_size(d.oid), numbackends, xact_commit, xact_rollback,"
        " blks_hit, blks_read, deadlocks, temp_bytes FROM pg_stat_database s"
        " JOIN pg_database d ON d.oid = s.datid WHERE NOT datistemplate ORDER BY 1",
        kAskLimit);
    if (!rows) {
        return;
    }
    struct Family {
        std::string_view name;
        observe::MetricKind kind;
        std::string_view help;
    };
    constexpr std::array<Family, 8> kFamilies = {{
        {"shore_postgres_database_size_bytes", kGauge, "Size of a database on disk."},
        {"shore_postgres_database_connections", kGauge, "Connections to a database."},
        {"shore_postgres_commits_total", kCounter, "Transactions committed."},
        {"shore_postgres_rollbacks_total", kCounter, "Transactions rolled back."},
        {"shore_postgres_blocks_hit_total", kCounter, "Blocks found in shared buffers."},
        {"shore_postgres_blocks_read_total", kCounter, "Blocks read from outside of them."},
        {"shore_postgres_deadlocks_total", kCounter, "Deadlocks."},
        {"shore_postgres_temporary_bytes_total", kCounter, "Written to temporary files."},
    }};
    for (size_t family = 0; family < kFamilies.size(); ++family) {
        text.begin(kFamilies[family].name, kFamilies[family].kind, kFamilies[family].help);
        for (size_t row = 0; row < rows->size(); ++row) {
            const observe::Labels labels = {{"database", std::string(rows->text(row, 0))}};
            text.sample(labels, rows->number(row, family + 1));
        }
    }
}

void add_server_metrics(SqlSession& session, observe::MetricsText& text) {
    using enum observe::MetricKind;
    const auto rows = session.ask_blocking(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
        " current_setting('max_connections'), checkpoints_timed, checkpoints_req,"
        " extract(epoch FROM now() - pg_postmaster_start_time()),"
        " extract(epoch FROM now() - (SELECT checkpoint_time FROM pg_control_checkpoint()))"
        " FROM pg_stat_bgwriter",
        kAskLimit);
    if (!rows || rows->empty()) {
        return;
    }
    const auto one = [&](std::string_view name, observe::MetricKind kind, std::string_view help,
                         size_t column) {
        text.begin(name, kind, help);
        text.sample({}, rows->number(0, column));
    };
    one("shore_postgres_connections", kGauge, "Client connections.", 0);
    one("shore_postgres_connections_max", kGauge, "Client connections allowed.", 1);
    one("shore_postgres_checkpoints_timed_total", kCounter, "Checkpoints that were due.", 2);
    one("shore_postgres_checkpoints_requested_total", kCounter,
        "Checkpoints because the WAL had grown.", 3);
    one("shore_postgres_uptime_seconds", kGauge, "Since the server's start.", 4);
    one("shore_postgres_checkpoint_age_seconds", kGauge, "Since the last checkpoint.", 5);
}

}  // namespace

bool is_postgres_view(std::string_view name) {
    return std::ranges::find(kViews, name) != kViews.end();
}

std::unexpected<Error> unknown_postgres_view(std::string_view name) {
    return fail(ErrorCode::kNotFound, "PostgreSQL has no view {}{}: {}", name,
                base::did_you_mean(name, kViews), base::join(kViews, ", "));
}

Result<Json> postgres_view_blocking(SqlSession& session, const PostgresViewInput& input,
                                    const std::string& name) {
    if (name == "queries") {
        return queries_view(input);
    }
    if (name == "indexes") {
        return indexes_view(input);
    }
    if (name == "activity") {
        return activity_view(session);
    }
    if (name == "replicas") {
        return replicas_view(session);
    }
    if (name == "settings") {
        return settings_view(session);
    }
    return unknown_postgres_view(name);
}

Result<Json> with_status_blocking(SqlSession& session, Json status) {
    SHORE_TRY(const SqlRows rows,
              session.ask_blocking(
                  "SELECT current_setting('server_version'),"
                  " extract(epoch FROM now() - pg_postmaster_start_time()),"
                  " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
                  " current_setting('max_connections'), checkpoint_time::text,"
                  " extract(epoch FROM now() - checkpoint_time),"
                  " CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE"
                  " pg_current_wal_lsn() END, timeline_id,"
                  " (SELECT sum(size) FROM pg_ls_waldir()), current_setting('data_checksums')"
                  " FROM pg_control_checkpoint()",
                  kAskLimit));
    status.set("version", rows.text(0, 0))
        .set("uptime_seconds", rows.number(0, 1))
        .set("connections", Json::object()
                                .set("used", static_cast<int64_t>(rows.number(0, 2)))
                                .set("max", static_cast<int64_t>(rows.number(0, 3))))
        .set("checkpoint",
             Json::object().set("at", rows.text(0, 4)).set("age_seconds", rows.number(0, 5)))
        .set("wal", Json::object()
                        .set("position", rows.text(0, 6))
                        .set("timeline", static_cast<int64_t>(rows.number(0, 7)))
                        .set("size_bytes", static_cast<int64_t>(rows.number(0, 8))))
        .set("checksums", rows.text(0, 9));
    SHORE_TRY(const SqlRows databases,
              session.ask_blocking("SELECT datname, pg_database_size(oid) FROM pg_database "
                                   "WHERE NOT datistemplate ORDER BY 1",
                                   kAskLimit));
    status.set("databases", list_of(databases, {{"name", ColumnKind::kText},
                                                {"size_bytes", ColumnKind::kBytes}}));
    SHORE_TRY(const SqlRows replicas,
              session.ask_blocking(
                  "SELECT application_name, state, pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() "
                  "THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END, replay_lsn), "
                  "extract(epoch FROM coalesce(replay_lag, interval '0')) "
                  "FROM pg_stat_replication ORDER BY 1",
                  kAskLimit));
    status.set("replicas", list_of(replicas, {{"name", ColumnKind::kText},
                                              {"state", ColumnKind::kText},
                                              {"behind_bytes", ColumnKind::kBytes},
                                              {"lag_seconds", ColumnKind::kSeconds}}));
    return status;
}

std::string postgres_metrics_blocking(SqlSession* session, const PostgresGauges& gauges) {
    using enum observe::MetricKind;
    observe::MetricsText text;
    text.begin("shore_postgres_up", kGauge, "1 when the server answers.");
    text.sample({}, uint64_t{gauges.is_up});
    text.begin("shore_postgres_primary", kGauge, "1 on the primary, 0 on a replica.");
    text.sample({}, uint64_t{gauges.is_primary});
    text.begin("shore_postgres_replica_streaming", kGauge, "1 on a replica that is fed now.");
    text.sample({}, uint64_t{gauges.is_streaming});
    text.begin("shore_postgres_replica_lag_seconds", kGauge, "How old a replica's data is.");
    text.sample({}, gauges.lag_seconds);
    text.begin("shore_postgres_replica_lag_bytes", kGauge, "WAL that a replica lacks.");
    text.sample({}, gauges.lag_bytes);
    if (session != nullptr) {
        add_server_metrics(*session, text);
        add_database_metrics(*session, text);
    }
    return text.take();
}

}  // namespace shore::engines
