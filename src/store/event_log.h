// EventLog: the event sink that keeps what happened. record() gives the event its id and returns; a
// task writes what has come together in one transaction. Readers page by id and may wait for the
// next one.
//
// When the disk stands still, events queue up to kEventsPendingMax and are then dropped and
// counted. When a write fails it is tried again after a pause; the newest error is kept for `shore
// status`. Control plane's loop.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "model/event.h"
#include "store/event_records.h"
#include "store/store.h"

namespace shore::store {

class EventLog final : public model::EventSink {
 public:
    /// Reads the last id. Blocks: for the start of the daemon. `store` outlives the log and is
    /// stopped after it.
    static async::Task<Result<std::unique_ptr<EventLog>>> open(Store& store);
    ~EventLog() override;

    /// Fills in id, and `at` when it is empty; cuts the message at kEventMessageBytesMax.
    void record(model::Event event) override;

    /// Oldest first, ids above `cursor`. Everything recorded before the call is included.
    async::Task<Result<std::vector<model::Event>>> after(uint64_t cursor, EventFilter filter,
                                                         uint32_t limit);
    /// The newest `limit`, oldest of them first; everything recorded before the call is included.
    async::Task<Result<std::vector<model::Event>>> latest(EventFilter filter, uint32_t limit);
    /// Waits until an event with an id above `cursor` can be read.
    async::Task<void> wait_beyond(uint64_t cursor);
    /// Waits until everything recorded so far is written, or writing has failed.
    async::Task<void> flush();

    /// The highest id given so far.
    uint64_t last_id() const { return last_id_; }
    /// Events lost because the queue was full.
    uint64_t dropped() const { return dropped_; }
    /// Why the last write failed; empty when it did not.
    const std::string& trouble() const { return trouble_; }
    /// Stops writing; what is still queued is lost, so flush() first. May be called twice.
    void stop();

 private:
    EventLog(Store& store, uint64_t last_id);
    async::Task<void> write_all();

    Store& store_;
    uint64_t last_id_;
    uint64_t written_id_;
    uint64_t dropped_ = 0;
    std::string trouble_;
    std::deque<model::Event> pending_;
    async::Event arrived_;
    async::Event written_;
    async::Scope scope_;
};

}  // namespace shore::store
