#include "api/event_feed.h"

#include "api/encode.h"
#include "api/limits.h"
#include "net/sse.h"

namespace shore::api {

FollowedEvents::FollowedEvents(store::EventLog& log, store::EventFilter filter, uint64_t cursor,
                               std::vector<model::Event> first)
    : log_(log), filter_(std::move(filter)), cursor_(cursor), first_(std::move(first)) {
}

async::Task<Result<std::optional<std::string>>> FollowedEvents::next() {
    std::vector<model::Event> found = std::exchange(first_, {});
    while (found.empty()) {
        co_await log_.wait_beyond(cursor_);
        const uint64_t newest = log_.last_id();
        SHORE_CO_TRY(found, co_await log_.after(cursor_, filter_, kPageItemsMax));
        // Events of other stacks must not be looked at again; those that came while reading must.
        cursor_ = found.empty() ? std::max(cursor_, newest) : cursor_;
    }
    std::string text;
    for (const model::Event& event : found) {
        text += net::to_text(
            {.id = std::to_string(event.id), .event = "event", .data = to_json(event).dump()});
        cursor_ = std::max(cursor_, event.id);
    }
    co_return text;
}

}  // namespace shore::api
