// Events in the database. Blocking; the store's thread. EventLog is what the control plane uses.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/event.h"
#include "store/database.h"

namespace shore::store {

/// Which events; an empty field means any.
struct EventFilter {
    std::string stack;
    std::string service;
    std::string instance;
    std::optional<WallTime> since;
};

/// Writes all or none. Ids are the caller's and grow. Deletes the oldest beyond kEventsMax (+
/// slack).
Result<void> append_events(Database& database, std::span<const model::Event> events);
/// Oldest first, with ids above `cursor`; at most `limit` (and kEventsPageMax).
Result<std::vector<model::Event>> events_after(Database& database, uint64_t cursor,
                                               const EventFilter& filter, uint32_t limit);
/// The newest `limit`, oldest of them first.
Result<std::vector<model::Event>> events_latest(Database& database, const EventFilter& filter,
                                                uint32_t limit);
/// The highest id ever given; 0 when there was no event.
Result<uint64_t> last_event_id(Database& database);

}  // namespace shore::store
