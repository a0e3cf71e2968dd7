#include "engines/postgres_callers.h"

#include <charconv>
#include <vector>

#include "base/strings.h"
#include "engines/assignment.h"
#include "engines/limits.h"
#include "engines/postgres_config.h"
#include "engines/postgres_roles.h"

namespace shore::engines {

namespace {

std::set<std::string> writers_of(const model::EngineSpec& spec, std::string_view database) {
    std::set<std::string> services;
    for (const model::EngineUser& user : spec.users) {
        if (user.database == database && user.access == model::EngineAccess::kWrite) {
            services.insert(user.service);
        }
    }
    return services;
}

std::string joined(const std::set<std::string>& names, std::string_view separator) {
    return base::join(std::vector<std::string>(names.begin(), names.end()), separator);
}

}  // namespace

bool has_shared_groups(const model::EngineSpec& spec) {
    for (const std::string& database : model::databases_of(spec)) {
        if (writers_of(spec, database).size() > 1) {
            return true;
        }
    }
    return false;
}

std::string callers_sql() {
    return "SELECT DISTINCT query_id, usename FROM pg_catalog.pg_stat_activity"
           " WHERE backend_type = 'client backend' AND query_id IS NOT NULL"
           " AND usename NOT LIKE 'shore\\_%'";
}

void note_callers(const SqlRows& rows, PostgresCallers& callers) {
    for (size_t row = 0; row < rows.size(); ++row) {
        const std::string_view text = rows.text(row, 0);
        int64_t query = 0;
        std::from_chars(text.data(), text.data() + text.size(), query);
        if (callers.size() >= kPostgresStatementsMax && !callers.contains(query)) {
            callers.clear();
        }
        callers[query].emplace(rows.text(row, 1));
    }
}

std::string caller_name(const model::EngineSpec& spec, std::string_view database,
                        std::string_view role, int64_t query, const PostgresCallers& callers) {
    for (const model::EngineUser& user : spec.users) {
        if (role_name(user.service) == role) {
            return user.service;
        }
    }
    const std::set<std::string> writers = writers_of(spec, database);
    if (role != owner_group(database) || writers.empty()) {
        return std::string(role);
    }
    std::set<std::string> seen;
    if (const auto found = callers.find(query); found != callers.end()) {
        for (const std::string& service : writers) {
            if (found->second.contains(role_name(service))) {
                seen.insert(service);
            }
        }
    }
    return seen.empty() ? joined(writers, " or ") : joined(seen, ", ");
}

}  // namespace shore::engines
