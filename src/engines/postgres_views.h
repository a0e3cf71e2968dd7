// What PostgreSQL tells of itself: status, tables for people (`shore db queries`), metrics.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "engines/postgres_callers.h"
#include "engines/postgres_sql.h"
#include "wire/json.h"

namespace shore::engines {

/// `status` with version, uptime, connections, databases, checkpoint, WAL, replicas.
Result<wire::Json> with_status_blocking(SqlSession& session, wire::Json status);

/// queries, indexes, activity, replicas, settings.
bool is_postgres_view(std::string_view name);
/// kNotFound, with those that there are.
std::unexpected<Error> unknown_postgres_view(std::string_view name);
/// What a table is made from.
struct PostgresViewInput {
    SqlTarget target;  ///< Of the superuser; completed for each database.
    model::EngineSpec spec;
    PostgresCallers callers;
};
/// A table. `session` is to the database "postgres".
Result<wire::Json> postgres_view_blocking(SqlSession& session, const PostgresViewInput& input,
                                          const std::string& name);

/// What the agent knows without asking.
struct PostgresGauges {
    bool is_up = false;
    bool is_primary = false;
    bool is_streaming = false;
    double lag_seconds = 0;
    uint64_t lag_bytes = 0;
};
/// Prometheus text. `session` is null when the server does not answer.
std::string postgres_metrics_blocking(SqlSession* session, const PostgresGauges& gauges);

}  // namespace shore::engines
