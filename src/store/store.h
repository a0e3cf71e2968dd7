// Store: state.db and the one thread that touches it. Work is done in the order it was given.
//
//   SHORE_CO_TRY(auto found, co_await store.run<std::vector<model::Release>>(
//                                [stack](Records& records) { return records.releases(stack, 50);
//                                }));
//
// The work runs on the store's thread and owns what it uses. Lives on the control plane's loop.
#pragma once

#include <filesystem>
#include <memory>
#include <utility>

#include "async/worker_pool.h"
#include "store/records.h"

namespace shore::store {

class Store final {
 public:
    /// Opens (or creates) and migrates the database. Blocks: for the start of the daemon and for
    /// tests. `loop` outlives the store. kUnsupported for a newer schema, kCorrupt for a damaged
    /// file.
    static Result<std::unique_ptr<Store>> open(async::Loop& loop,
                                               const std::filesystem::path& path);
    ~Store();

    /// Runs `work(Records&)`, which returns Result<T>. kStopped after stop().
    template <class T, class Work>
    async::Task<Result<T>> run(Work work) {
        return pool_.run<T>(loop_,
                            [this, work = std::move(work)]() mutable { return work(records_); });
    }
    /// The same with the Database itself, for tables that have no class of their own.
    template <class T, class Work>
    async::Task<Result<T>> run_on_database(Work work) {
        return pool_.run<T>(loop_,
                            [this, work = std::move(work)]() mutable { return work(*database_); });
    }

    /// Refuses new work, finishes what was given, closes the thread. May be called twice.
    void stop() { pool_.stop(); }
    async::Loop& loop() { return loop_; }

 private:
    Store(async::Loop& loop, std::unique_ptr<Database> database);

    async::Loop& loop_;
    std::unique_ptr<Database> database_;  // The store's thread only, once open.
    Records records_;                     // The store's thread only.
    async::WorkerPool pool_;              // Last: its thread uses the others.
};

}  // namespace shore::store
