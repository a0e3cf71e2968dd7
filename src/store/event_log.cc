#include "store/event_log.h"

#include <algorithm>
#include <utility>

#include "async/timer.h"
#include "base/strings.h"
#include "store/limits.h"

namespace shore::store {
namespace {

// Between a write that failed and the next try: long enough not to hammer a full disk.
constexpr Duration kRetryPause = std::chrono::seconds(1);

}  // namespace

async::Task<Result<std::unique_ptr<EventLog>>> EventLog::open(Store& store) {
    SHORE_CO_TRY(const uint64_t last_id, co_await store.run_on_database<uint64_t>(
                                             [](Database& db) { return last_event_id(db); }));
    co_return std::unique_ptr<EventLog>(new EventLog(store, last_id));
}

EventLog::EventLog(Store& store, uint64_t last_id)
    : store_(store),
      last_id_(last_id),
      written_id_(last_id),
      arrived_(store.loop()),
      written_(store.loop()),
      scope_(store.loop()) {
    scope_.spawn(write_all());
}

EventLog::~EventLog() {
    stop();
}

void EventLog::stop() {
    scope_.stop();
    written_.set();
}

void EventLog::record(model::Event event) {
    if (pending_.size() >= kEventsPendingMax) {
        ++dropped_;
        return;
    }
    event.id = ++last_id_;
    if (event.at == WallTime{}) {
        event.at = store_.loop().wall_now();
    }
    if (event.message.size() > kEventMessageBytesMax) {
        event.message = base::utf8_prefix(event.message, kEventMessageBytesMax);
    }
    pending_.push_back(std::move(event));
    arrived_.pulse();
}

async::Task<void> EventLog::write_all() {
    while (true) {
        while (pending_.empty()) {
            co_await arrived_.wait();
        }
        const size_t count = std::min(pending_.size(), kEventsBatch);
        std::vector<model::Event> batch(pending_.begin(),
                                        pending_.begin() + static_cast<ptrdiff_t>(count));
        const Result<void> done = co_await store_.run_on_database<void>(
            [batch = std::move(batch)](Database& db) { return append_events(db, batch); });
        trouble_ = done ? std::string() : done.error().text();
        if (done) {
            written_id_ = pending_[count - 1].id;
            pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(count));
        }
        written_.pulse();
        if (!done) {
            co_await async::sleep_for(store_.loop(), kRetryPause);
        }
    }
}

async::Task<void> EventLog::flush() {
    const uint64_t wanted = last_id_;
    // While writing fails, waiting for it would make every reader wait for the disk's repair.
    while (written_id_ < wanted && trouble_.empty() && !scope_.stopping()) {
        co_await written_.wait();
    }
}

async::Task<Result<std::vector<model::Event>>> EventLog::after(uint64_t cursor, EventFilter filter,
                                                               uint32_t limit) {
    co_await flush();
    co_return co_await store_.run_on_database<std::vector<model::Event>>(
        [cursor, filter = std::move(filter), limit](Database& db) {
            return events_after(db, cursor, filter, limit);
        });
}

async::Task<Result<std::vector<model::Event>>> EventLog::latest(EventFilter filter,
                                                                uint32_t limit) {
    co_await flush();
    co_return co_await store_.run_on_database<std::vector<model::Event>>(
        [filter = std::move(filter), limit](Database& db) {
            return events_latest(db, filter, limit);
        });
}

async::Task<void> EventLog::wait_beyond(uint64_t cursor) {
    while (written_id_ <= cursor && !scope_.stopping()) {
        co_await written_.wait();
    }
}

}  // namespace shore::store
