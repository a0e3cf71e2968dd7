#include "store/records.h"

#include <fmt/format.h>

#include "store/limits.h"
#include "store/times.h"

namespace shore::store {
namespace {

constexpr std::string_view kReleaseColumns =
    "stack, number, manifest, digest, directory, status, reason, origin, created_at, changed_at";

model::Release read_release(const Statement& row) {
    return {
        .stack = row.text(0),
        .number = static_cast<uint64_t>(row.integer(1)),
        .manifest = row.text(2),
        .digest = row.text(3),
        .directory = row.text(4),
        .status = static_cast<model::ReleaseStatus>(row.integer(5)),
        .reason = row.text(6),
        .origin = row.text(7),
        .created_at = from_stored(row.integer(8)),
        .changed_at = from_stored(row.integer(9)),
    };
}

Result<int64_t> one_number(Statement& statement) {
    SHORE_TRY(const bool row, statement.next());
    return row ? statement.integer(0) : 0;
}

/// `before` of a page: 0 means no bound.
int64_t bound(uint64_t before) {
    return before == 0 ? INT64_MAX : static_cast<int64_t>(before);
}

}  // namespace

Result<void> Records::put_stack(const StackRecord& stack) {
    return database_.run(
        "INSERT INTO stacks (id, name, environment, up, created_at) VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (id) DO UPDATE SET name = ?2, environment = ?3, up = ?4",
        stack.id, stack.name, stack.environment, stack.up, to_stored(stack.created_at));
}

Result<std::vector<StackRecord>> Records::stacks() {
    SHORE_TRY(
        Statement statement,
        database_.prepare("SELECT id, name, environment, up, created_at FROM stacks ORDER BY id"));
    std::vector<StackRecord> stacks;
    while (true) {
        SHORE_TRY(const bool row, statement.next());
        if (!row) {
            return stacks;
        }
        stacks.push_back({.id = statement.text(0),
                          .name = statement.text(1),
                          .environment = statement.text(2),
                          .up = statement.integer(3) != 0,
                          .created_at = from_stored(statement.integer(4))});
    }
}

Result<uint64_t> Records::add_release(const model::Release& release) {
    if (release.manifest.size() > kManifestBytesMax) {
        return fail(ErrorCode::kExhausted, "the manifest of {} has {} bytes, at most {} are kept",
                    release.stack, release.manifest.size(), kManifestBytesMax);
    }
    SHORE_TRY(const auto transaction, Transaction::begin(database_));
    SHORE_TRY(Statement last,
              database_.prepare("SELECT max(number) FROM releases WHERE stack = ?1"));
    SHORE_CHECK(last.bind(release.stack));
    SHORE_TRY(const int64_t highest, one_number(last));
    const int64_t number = highest + 1;
    SHORE_CHECK(database_.run(
        fmt::format("INSERT INTO releases ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                    kReleaseColumns),
        release.stack, number, release.manifest, release.digest, release.directory,
        static_cast<int64_t>(release.status), release.reason, release.origin,
        to_stored(release.created_at), to_stored(release.changed_at)));
    // The active release stays, however old it is.
    SHORE_CHECK(
        database_.run("DELETE FROM releases WHERE stack = ?1 AND number <= ?2 AND status <> ?3",
                      release.stack, number - static_cast<int64_t>(kReleasesMax),
                      static_cast<int64_t>(model::ReleaseStatus::kActive)));
    SHORE_CHECK(transaction->commit());
    return static_cast<uint64_t>(number);
}

Result<void> Records::set_release_status(std::string_view stack, uint64_t number,
                                         model::ReleaseStatus status, std::string_view reason,
                                         WallTime at) {
    SHORE_CHECK(
        database_.run("UPDATE releases SET status = ?3, reason = ?4, changed_at = ?5"
                      " WHERE stack = ?1 AND number = ?2",
                      stack, number, static_cast<int64_t>(status), reason, to_stored(at)));
    if (database_.changes() == 0) {
        return fail(ErrorCode::kNotFound, "stack {} has no release {}", stack, number);
    }
    return {};
}

Result<std::optional<model::Release>> Records::release(std::string_view stack, uint64_t number) {
    SHORE_TRY(Statement statement,
              database_.prepare(fmt::format(
                  "SELECT {} FROM releases WHERE stack = ?1 AND number = ?2", kReleaseColumns)));
    SHORE_CHECK(statement.bind(stack, number));
    SHORE_TRY(const bool row, statement.next());
    if (!row) {
        return std::nullopt;
    }
    return read_release(statement);
}

Result<std::vector<model::Release>> Records::releases(std::string_view stack, uint32_t limit,
                                                      uint64_t before) {
    SHORE_TRY(Statement statement,
              database_.prepare(fmt::format("SELECT {} FROM releases WHERE stack = ?1 AND number < "
                                            "?2 ORDER BY number DESC LIMIT ?3",
                                            kReleaseColumns)));
    SHORE_CHECK(statement.bind(stack, bound(before), limit));
    std::vector<model::Release> releases;
    while (true) {
        SHORE_TRY(const bool row, statement.next());
        if (!row) {
            return releases;
        }
        releases.push_back(read_release(statement));
    }
}

Result<std::vector<ServiceOverride>> Records::overrides(std::string_view stack) {
    SHORE_TRY(Statement statement,
              database_.prepare("SELECT service, replicas, stopped, generation FROM "
                                "service_overrides WHERE stack = ?1 ORDER BY service"));
    SHORE_CHECK(statement.bind(stack));
    std::vector<ServiceOverride> overrides;
    while (true) {
        SHORE_TRY(const bool row, statement.next());
        if (!row) {
            return overrides;
        }
        ServiceOverride value{.service = statement.text(0),
                              .stopped = statement.integer(2) != 0,
                              .generation = static_cast<uint64_t>(statement.integer(3))};
        if (!statement.is_null(1)) {
            value.replicas = static_cast<uint32_t>(statement.integer(1));
        }
        overrides.push_back(std::move(value));
    }
}

Result<void> Records::put_override(std::string_view stack, const ServiceOverride& value) {
    return database_.run(
        "INSERT OR REPLACE INTO service_overrides (stack, service, replicas, stopped, generation)"
        " VALUES (?1, ?2, ?3, ?4, ?5)",
        stack, value.service, value.replicas, value.stopped, value.generation);
}

Result<void> Records::clear_overrides(std::string_view stack) {
    return database_.run("DELETE FROM service_overrides WHERE stack = ?1", stack);
}

Result<uint64_t> Records::reserve_ordinals(std::string_view stack, std::string_view service,
                                           uint32_t count) {
    SHORE_TRY(const auto transaction, Transaction::begin(database_));
    SHORE_TRY(Statement statement,
              database_.prepare("SELECT next FROM ordinals WHERE stack = ?1 AND service = ?2"));
    SHORE_CHECK(statement.bind(stack, service));
    SHORE_TRY(const int64_t stored, one_number(statement));
    const int64_t first = stored == 0 ? 1 : stored;
    SHORE_CHECK(
        database_.run("INSERT OR REPLACE INTO ordinals (stack, service, next) VALUES (?1, ?2, ?3)",
                      stack, service, first + count));
    SHORE_CHECK(transaction->commit());
    return static_cast<uint64_t>(first);
}

Result<void> Records::add_audit(const AuditEntry& entry) {
    SHORE_CHECK(database_.run(
        "INSERT INTO audit (at, actor, action, stack, detail, outcome)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        to_stored(entry.at), entry.actor, entry.action, entry.stack, entry.detail, entry.outcome));
    return database_.run("DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?1",
                         kAuditMax);
}

Result<std::vector<AuditEntry>> Records::audit(uint32_t limit, uint64_t before) {
    SHORE_TRY(Statement statement,
              database_.prepare("SELECT id, at, actor, action, stack, detail, outcome FROM audit"
                                " WHERE id < ?1 ORDER BY id DESC LIMIT ?2"));
    SHORE_CHECK(statement.bind(bound(before), limit));
    std::vector<AuditEntry> entries;
    while (true) {
        SHORE_TRY(const bool row, statement.next());
        if (!row) {
            return entries;
        }
        entries.push_back({.id = static_cast<uint64_t>(statement.integer(0)),
                           .at = from_stored(statement.integer(1)),
                           .actor = statement.text(2),
                           .action = statement.text(3),
                           .stack = statement.text(4),
                           .detail = statement.text(5),
                           .outcome = statement.text(6)});
    }
}

}  // namespace shore::store
