#include "store/schema.h"

#include <array>

#include <fmt/format.h>

namespace shore::store {
namespace {

// Times are milliseconds since 1970 UTC; enum values are those of model/. A migration is never
// edited once released: append another.
constexpr std::array<std::string_view, 1> kMigrations = {
    R"sql(
CREATE TABLE stacks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    environment TEXT NOT NULL,
    up INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE releases (
    stack TEXT NOT NULL,
    number INTEGER NOT NULL,
    manifest TEXT NOT NULL,
    digest TEXT NOT NULL,
    directory TEXT NOT NULL,
    status INTEGER NOT NULL,
    reason TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (stack, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE service_overrides (
    stack TEXT NOT NULL,
    service TEXT NOT NULL,
    replicas INTEGER,
    stopped INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (stack, service)
) STRICT, WITHOUT ROWID;
CREATE TABLE ordinals (
    stack TEXT NOT NULL,
    service TEXT NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (stack, service)
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    stack TEXT NOT NULL,
    service TEXT NOT NULL,
    instance TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL
) STRICT;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    stack TEXT NOT NULL,
    detail TEXT NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
)sql",
};

Result<int64_t> stored_version(Database& database) {
    SHORE_TRY(Statement statement, database.prepare("PRAGMA user_version"));
    SHORE_TRY(const bool row, statement.next());
    return row ? statement.integer(0) : 0;
}

Result<void> apply(Database& database, int64_t number) {
    SHORE_TRY(const auto transaction, Transaction::begin(database));
    SHORE_CHECK(database.execute(kMigrations[static_cast<size_t>(number - 1)]));
    SHORE_CHECK(database.execute(fmt::format("PRAGMA user_version = {}", number)));
    return transaction->commit();
}

}  // namespace

int64_t schema_version() {
    return static_cast<int64_t>(kMigrations.size());
}

Result<void> migrate(Database& database) {
    SHORE_TRY(const int64_t version, stored_version(database));
    if (version > schema_version()) {
        return fail(ErrorCode::kUnsupported,
                    "{} has schema {}, written by a newer Shore; this one knows {}: start the "
                    "newer Shore, or restore the database from before its upgrade",
                    database.path().native(), version, schema_version());
    }
    for (int64_t number = version + 1; number <= schema_version(); ++number) {
        if (auto done = apply(database, number); !done) {
            return fail(std::move(done).error().with(fmt::format("migration {}", number)));
        }
    }
    return {};
}

}  // namespace shore::store
