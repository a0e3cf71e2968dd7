#include "engines/pgbouncer_views.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "engines/table.h"
#include "observe/metrics.h"

namespace shore::engines {

using std::chrono::seconds;
using wire::Json;

namespace {

constexpr seconds kAskLimit{5};
/// The console's own database.
constexpr std::string_view kConsole = "pgbouncer";

struct View {
    std::string_view name;
    std::string_view command;
    std::vector<std::string_view> columns;  ///< Of the console's, those that people need.
};

const std::vector<View>& views() {
    static const std::vector<View> kViews = {
        {"pools",
         "SHOW POOLS",
         {"database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used",
          "sv_login", "maxwait", "pool_mode"}},
        {"stats",
         "SHOW STATS",
         {"database", "total_xact_count", "total_query_count", "total_wait_time", "avg_xact_count",
          "avg_query_count", "avg_xact_time", "avg_query_time", "avg_wait_time"}},
        {"clients",
         "SHOW CLIENTS",
         {"database", "user", "state", "addr", "port", "application_name", "connect_time",
          "request_time", "wait"}},
        {"servers",
         "SHOW SERVERS",
         {"database", "user", "state", "addr", "port", "connect_time", "request_time",
          "remote_pid"}},
        {"databases",
         "SHOW DATABASES",
         {"name", "host", "port", "database", "pool_size", "max_connections", "current_connections",
          "paused", "disabled"}},
    };
    return kViews;
}

bool is_number(const SqlRows& rows, std::string_view column) {
    for (size_t row = 0; row < rows.size(); ++row) {
        const std::string_view text = rows.text(row, column);
        if (text.empty() ||
            !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
            return false;
        }
    }
    return !rows.empty();
}

bool is_console(const SqlRows& rows, size_t row) {
    return rows.text(row, "database") == kConsole || rows.text(row, "name") == kConsole;
}

// PgBouncer's times are microseconds.
constexpr double kMicro = 1e-6;

Json value_of(const SqlRows& rows, size_t row, std::string_view column, std::string_view kind) {
    if (kind == "text") {
        return base::printable(rows.text(row, column));
    }
    const double number = rows.number(row, column);
    return kind == "seconds" ? Json(number * kMicro) : Json(static_cast<int64_t>(number));
}

}  // namespace

bool is_pgbouncer_view(std::string_view name) {
    return std::ranges::find(views(), name, &View::name) != views().end();
}

std::unexpected<Error> unknown_pgbouncer_view(std::string_view name) {
    std::vector<std::string> names;
    for (const View& view : views()) {
        names.emplace_back(view.name);
    }
    return fail(ErrorCode::kNotFound, "the pool has no view {}{}: {}", name,
                base::did_you_mean(name, names), base::join(names, ", "));
}

Result<Json> pgbouncer_view_blocking(SqlSession& console, const std::string& name,
                                     const std::string& note) {
    const View& view = *std::ranges::find(views(), name, &View::name);
    SHORE_TRY(const SqlRows rows, console.ask_blocking(view.command, kAskLimit));
    Json columns = Json::array();
    std::vector<std::string_view> kinds;
    for (const std::string_view column : view.columns) {
        const bool is_time = name == "stats" && column.ends_with("_time");
        kinds.push_back(is_time ? "seconds" : is_number(rows, column) ? "number" : "text");
        columns.push(Json::object().set("name", column).set("kind", kinds.back()));
    }
    Json cells = Json::array();
    for (size_t row = 0; row < rows.size(); ++row) {
        if (is_console(rows, row)) {
            continue;
        }
        std::vector<Json> values;
        for (size_t column = 0; column < view.columns.size(); ++column) {
            values.push_back(value_of(rows, row, view.columns[column], kinds[column]));
        }
        cells.push(Json::array(std::move(values)));
    }
    Json notes = Json::array();
    if (name == "stats") {
        notes.push("Averages are of the last minute, for each second.");
    }
    if (name == "pools" && cells.items().empty()) {
        notes.push("No client has come through the pool since it was started.");
    }
    if (!note.empty()) {
        notes.push(note);
    }
    return Json::object()
        .set("columns", std::move(columns))
        .set("rows", std::move(cells))
        .set("notes", std::move(notes));
}

Result<PoolCounts> pool_counts_blocking(SqlSession& console) {
    SHORE_TRY(const SqlRows rows, console.ask_blocking("SHOW POOLS", kAskLimit));
    PoolCounts counts;
    for (size_t row = 0; row < rows.size(); ++row) {
        if (is_console(rows, row)) {
            continue;
        }
        const auto count = [&](std::string_view column) {
            return static_cast<uint64_t>(rows.number(row, column));
        };
        counts.clients_active += count("cl_active");
        counts.clients_waiting += count("cl_waiting");
        counts.servers_active += count("sv_active");
        counts.servers_idle += count("sv_idle") + count("sv_used") + count("sv_tested");
        counts.servers_login += count("sv_login");
        counts.wait_max = std::max(counts.wait_max, rows.number(row, "maxwait"));
    }
    return counts;
}

std::string pgbouncer_metrics_blocking(SqlSession* console, const PgBouncerGauges& gauges) {
    using enum observe::MetricKind;
    observe::MetricsText text;
    text.begin("shore_pgbouncer_up", kGauge, "1 when the pool answers.");
    text.sample({}, uint64_t{console != nullptr});
    text.begin("shore_pgbouncer_paused", kGauge, "1 while clients are held.");
    text.sample({}, uint64_t{gauges.is_paused});
    text.begin("shore_pgbouncer_primary_socket_kept", kGauge,
               "0 when the kernel forbids that: a crash may fail clients.");
    text.sample({}, uint64_t{gauges.keeps_socket});
    text.begin("shore_pgbouncer_connections_passed_on", kGauge,
               "Server connections that were asked for while there was no primary: they go through "
               "the agent until they are recycled.");
    text.sample({}, uint64_t{gauges.passed_on});
    if (console == nullptr) {
        return text.take();
    }
    struct Family {
        std::string_view name;
        observe::MetricKind kind;
        std::string_view help;
        std::string_view column;
        double scale = 1;
    };
    const auto add = [&text](const SqlRows& rows, const Family& family, bool has_user) {
        text.begin(family.name, family.kind, family.help);
        for (size_t row = 0; row < rows.size(); ++row) {
            if (is_console(rows, row)) {
                continue;
            }
            observe::Labels labels = {{"database", std::string(rows.text(row, "database"))}};
            if (has_user) {
                labels.push_back({"role", std::string(rows.text(row, "user"))});
            }
            text.sample(labels, rows.number(row, family.column) * family.scale);
        }
    };
    constexpr std::array<Family, 5> kPools = {{
        {"shore_pgbouncer_clients_active", kGauge, "Clients with a server connection, or idle.",
         "cl_active"},
        {"shore_pgbouncer_clients_waiting", kGauge, "Clients that wait for a server connection.",
         "cl_waiting"},
        {"shore_pgbouncer_servers_active", kGauge, "Server connections in a transaction.",
         "sv_active"},
        {"shore_pgbouncer_servers_idle", kGauge, "Server connections that are free.", "sv_idle"},
        {"shore_pgbouncer_wait_seconds", kGauge, "How long the first in the queue has waited.",
         "maxwait"},
    }};
    constexpr std::array<Family, 6> kStats = {{
        {"shore_pgbouncer_transactions_total", kCounter, "Transactions.", "total_xact_count"},
        {"shore_pgbouncer_queries_total", kCounter, "Queries.", "total_query_count"},
        {"shore_pgbouncer_received_bytes_total", kCounter, "From clients.", "total_received"},
        {"shore_pgbouncer_sent_bytes_total", kCounter, "To clients.", "total_sent"},
        {"shore_pgbouncer_query_seconds_total", kCounter, "Spent in queries.", "total_query_time",
         kMicro},
        {"shore_pgbouncer_wait_seconds_total", kCounter, "Spent waiting for a connection.",
         "total_wait_time", kMicro},
    }};
    if (const auto pools = console->ask_blocking("SHOW POOLS", kAskLimit)) {
        for (const Family& family : kPools) {
            add(*pools, family, true);
        }
    }
    if (const auto stats = console->ask_blocking("SHOW STATS", kAskLimit)) {
        for (const Family& family : kStats) {
            add(*stats, family, false);
        }
    }
    return text.take();
}

}  // namespace shore::engines
