// Whether PgBouncer fails its clients at once: it does from the first login at the server that
// failed until one succeeds ("server login has been failing"), and shows that nowhere. So a client
// asks.
#pragma once

#include "engines/assignment.h"
#include "engines/postgres_sql.h"

namespace shore::engines {

/// Asks as each service in each of the pool's databases that it uses now. False when all of them
/// wait or are served; true also when that cannot be found out. Some ten milliseconds for each.
bool fails_clients_blocking(SqlSession& console, const SqlTarget& pool,
                            const Assignment& assignment);

}  // namespace shore::engines
