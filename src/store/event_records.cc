#include "store/event_records.h"

#include <algorithm>

#include <fmt/format.h>

#include "store/limits.h"
#include "store/times.h"

namespace shore::store {
namespace {

constexpr std::string_view kMatches =
    "(?2 = '' OR stack = ?2) AND (?3 = '' OR service = ?3) AND (?4 = '' OR instance = ?4)"
    " AND at >= ?5";

Result<std::vector<model::Event>> read_events(Database& database, std::string_view sql,
                                              uint64_t cursor, const EventFilter& filter,
                                              uint32_t limit) {
    SHORE_TRY(Statement statement, database.prepare(sql));
    SHORE_CHECK(statement.bind(cursor, filter.stack, filter.service, filter.instance,
                               filter.since ? to_stored(*filter.since) : INT64_MIN,
                               std::min(limit, kEventsPageMax)));
    std::vector<model::Event> events;
    while (true) {
        SHORE_TRY(const bool row, statement.next());
        if (!row) {
            return events;
        }
        events.push_back({.id = static_cast<uint64_t>(statement.integer(0)),
                          .at = from_stored(statement.integer(1)),
                          .stack = statement.text(2),
                          .service = statement.text(3),
                          .instance = statement.text(4),
                          .kind = statement.text(5),
                          .message = statement.text(6)});
    }
}

/// Deletes what is beyond kEventsMax, once kEventsSlack more have come together.
Result<void> forget_oldest(Database& database) {
    SHORE_TRY(Statement statement, database.prepare("SELECT min(id), max(id) FROM events"));
    SHORE_TRY(const bool row, statement.next());
    if (!row || statement.is_null(0)) {
        return {};
    }
    const auto kept = static_cast<uint64_t>(statement.integer(1) - statement.integer(0) + 1);
    if (kept <= kEventsMax + kEventsSlack) {
        return {};
    }
    return database.run("DELETE FROM events WHERE id <= ?1",
                        statement.integer(1) - static_cast<int64_t>(kEventsMax));
}

}  // namespace

Result<void> append_events(Database& database, std::span<const model::Event> events) {
    SHORE_TRY(const auto transaction, Transaction::begin(database));
    {
        SHORE_TRY(Statement insert,
                  database.prepare("INSERT INTO events (id, at, stack, service, instance, kind,"
                                   " message) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
        for (const model::Event& event : events) {
            SHORE_CHECK(insert.run(event.id, to_stored(event.at), event.stack, event.service,
                                   event.instance, event.kind, event.message));
        }
    }
    SHORE_CHECK(forget_oldest(database));
    return transaction->commit();
}

Result<std::vector<model::Event>> events_after(Database& database, uint64_t cursor,
                                               const EventFilter& filter, uint32_t limit) {
    return read_events(database,
                       fmt::format("SELECT id, at, stack, service, instance, kind, message FROM"
                                   " events WHERE id > ?1 AND {} ORDER BY id LIMIT ?6",
                                   kMatches),
                       cursor, filter, limit);
}

Result<std::vector<model::Event>> events_latest(Database& database, const EventFilter& filter,
                                                uint32_t limit) {
    SHORE_TRY(auto events,
              read_events(database,
                          fmt::format("SELECT id, at, stack, service, instance, kind, message FROM"
                                      " events WHERE id > ?1 AND {} ORDER BY id DESC LIMIT ?6",
                                      kMatches),
                          0, filter, limit));
    std::ranges::reverse(events);
    return events;
}

Result<uint64_t> last_event_id(Database& database) {
    SHORE_TRY(Statement statement, database.prepare("SELECT max(id) FROM events"));
    SHORE_TRY(const bool row, statement.next());
    return row ? static_cast<uint64_t>(statement.integer(0)) : 0;
}

}  // namespace shore::store
