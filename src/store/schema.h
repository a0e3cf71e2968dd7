// The tables of state.db, as migrations numbered from 1. A database remembers the number it has
// reached (PRAGMA user_version); opening it applies what is missing, each migration in a
// transaction of its own.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "store/database.h"

namespace shore::store {

/// The schema this program knows.
int64_t schema_version();
/// Brings `database` up to schema_version(). kUnsupported when it was written by a newer Shore;
/// nothing is changed then.
Result<void> migrate(Database& database);

}  // namespace shore::store
