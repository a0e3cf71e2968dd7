// What PgBouncer's console tells: tables for people (`shore pool pools`), metrics.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"
#include "engines/postgres_sql.h"
#include "wire/json.h"

namespace shore::engines {

/// pools, stats, clients, servers, databases.
bool is_pgbouncer_view(std::string_view name);
std::unexpected<Error> unknown_pgbouncer_view(std::string_view name);
/// A table (table.h) with `note` below it, unless that is empty.
Result<wire::Json> pgbouncer_view_blocking(SqlSession& console, const std::string& name,
                                           const std::string& note);

/// Sums over all pools: what `status` and people ask first.
struct PoolCounts {
    uint64_t clients_active = 0;
    uint64_t clients_waiting = 0;
    uint64_t servers_active = 0;
    uint64_t servers_idle = 0;
    uint64_t servers_login = 0;
    double wait_max = 0;  ///< Seconds that the first in a queue has waited.
};
Result<PoolCounts> pool_counts_blocking(SqlSession& console);

/// What the agent knows without asking.
struct PgBouncerGauges {
    bool is_paused = false;
    bool keeps_socket = true;  ///< Of the primary.
    size_t passed_on = 0;      ///< Connections through the gate (pgbouncer_gate.h).
};
/// Prometheus text; `console` is null when the pool does not answer.
std::string pgbouncer_metrics_blocking(SqlSession* console, const PgBouncerGauges& gauges);

}  // namespace shore::engines
