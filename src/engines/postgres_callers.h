// Which service runs a statement. pg_stat_statements counts by the role that acts, and services
// that write act as their database's group. Where a group has one service, that is the answer;
// where it has several, who of them was seen running the statement (pg_stat_activity knows who
// logged in). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "engines/postgres_sql.h"
#include "model/engine_spec.h"

namespace shore::engines {

/// Roles that were seen, by the statement's query id.
using PostgresCallers = std::map<int64_t, std::set<std::string>>;

/// Whether a look is needed at all: several services act as one group.
bool has_shared_groups(const model::EngineSpec& spec);
/// What a look asks: rows for note_callers.
std::string callers_sql();
/// Forgets all when there would be more than kPostgresStatementsMax statements.
void note_callers(const SqlRows& rows, PostgresCallers& callers);

/// "api"; "api, worker" when both run it; "api or worker" when neither was seen yet; `role` itself
/// when it is no service's.
std::string caller_name(const model::EngineSpec& spec, std::string_view database,
                        std::string_view role, int64_t query, const PostgresCallers& callers);

}  // namespace shore::engines
