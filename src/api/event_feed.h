// FollowedEvents: events of the log as server-sent events, then new ones as they are recorded.
#pragma once

#include <vector>

#include "api/feed.h"
#include "model/event.h"
#include "store/event_log.h"

namespace shore::api {

/// The log outlives it.
class FollowedEvents final : public EventFeed {
 public:
    /// Sends `first`, then what matches `filter` with ids above `cursor`.
    FollowedEvents(store::EventLog& log, store::EventFilter filter, uint64_t cursor,
                   std::vector<model::Event> first);
    async::Task<Result<std::optional<std::string>>> next() override;

 private:
    store::EventLog& log_;
    store::EventFilter filter_;
    uint64_t cursor_;
    std::vector<model::Event> first_;
};

}  // namespace shore::api
