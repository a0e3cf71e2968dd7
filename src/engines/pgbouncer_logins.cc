#include "engines/pgbouncer_logins.h"

#include <algorithm>

namespace shore::engines {

namespace {

constexpr std::chrono::milliseconds kConnectLimit{500};
// One that is failed is failed within a turn of PgBouncer's loop.
constexpr std::chrono::milliseconds kAnswerLimit{20};

bool fails(const SqlTarget& target) {
    auto client = SqlClient::connect_blocking(target, kConnectLimit);
    // Until PgBouncer has seen the server once, logging in waits for it.
    if (!client) {
        return client.error().code() != ErrorCode::kTimeout;
    }
    const auto rows = client->run_blocking("SELECT 1", kAnswerLimit);
    return !rows && rows.error().code() != ErrorCode::kTimeout;
}

}  // namespace

bool fails_clients_blocking(SqlSession& console, const SqlTarget& pool,
                            const Assignment& assignment) {
    const auto rows = console.ask_blocking("SHOW POOLS", kConnectLimit);
    if (!rows) {
        return true;
    }
    for (size_t row = 0; row < rows->size(); ++row) {
        const auto& users = assignment.spec.users;
        const auto user = std::ranges::find_if(users, [&](const model::EngineUser& each) {
            return role_name(each.service) == rows->text(row, "user");
        });
        if (user == users.end()) {
            continue;
        }
        SqlTarget target = pool;
        target.user = role_name(user->service);
        target.password = password_of(assignment, user->service);
        target.database = rows->text(row, "database");
        if (fails(target)) {
            return true;
        }
    }
    return false;
}

}  // namespace shore::engines
