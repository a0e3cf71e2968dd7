// DiskTier: answers as files of one directory, each a record (record.h) named by a number. They
// outlive a restart, `kill -9` and a hand-over to another gateway; what was torn or damaged is
// known by its checksum, dropped and counted, never served.
//
// What exists is known by an index in memory: all that the memory tier knows of an entry but its
// head and body. Its limits are hard, and its choice of what makes room is the same (SIEVE). One
// thread of the tier's own writes, removes and, at the start, reads the heads of what is there;
// answers are read by two others. A lock on the directory keeps two gateways apart: during an
// upgrade the new one waits for the old one to let go.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "async/worker_pool.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "cache/epochs.h"
#include "cache/memory_tier.h"
#include "cache/tier.h"
#include "os/file.h"

namespace shore::cache {

class DiskTier final : public Tier {
 public:
    struct Options {
        std::string directory;  ///< Made when missing; nothing else may lie there.
        Bytes bytes_max;
        uint64_t entries_max = kDiskEntriesMax;
        HashSeed seed;  ///< The cache's.
        /// Says in a sentence what goes wrong, at most once a minute; on the writer's thread.
        std::function<void(std::string)> on_trouble;
    };

    /// `epochs` and `clock` outlive it. The clock is used by several threads.
    DiskTier(Options options, const Epochs& epochs, const base::Clock& clock);
    ~DiskTier() override { stop(); }

    void set_limit(Bytes bytes_max);

    std::string_view name() const override { return "disk"; }
    async::Task<std::shared_ptr<const Entry>> find(async::Loop& loop, Key key,
                                                   RequestView request) override;
    void store(std::shared_ptr<const Entry> entry, uint32_t epoch) override;
    void erase(const Key& key) override { index_.erase(key); }
    async::Task<uint64_t> purge(async::Loop& loop, Purge purge, Dropped elsewhere) override;
    Stats stats() const override;
    void stop() override;

    /// Waits until all that was stored or dropped so far is written or removed, or it stops. For
    /// tests and worker threads.
    void settle_blocking();

 private:
    struct Job {
        std::shared_ptr<const Entry> entry;
        uint32_t epoch = 0;
    };

    std::string path_of(uint64_t file) const;
    void run();
    bool lock_directory();
    void adopt_files();
    std::shared_ptr<Entry> read_head(uint64_t file);
    void write(const Job& job);
    void remove_doomed();
    bool is_worth(const Entry& entry) const;
    void note_trouble(const std::string& what);
    std::shared_ptr<const Entry> load_blocking(const std::shared_ptr<const Entry>& stub);

    Options options_;
    const Epochs& epochs_;
    const base::Clock& clock_;
    MemoryTier index_;
    async::WorkerPool readers_;

    std::mutex mutex_;
    std::condition_variable changed_;  // For the writer: there is work; for others: there is none.
    std::deque<Job> jobs_;             // Guarded by mutex_, like what follows.
    size_t job_bytes_ = 0;
    std::vector<uint64_t> doomed_;  // Files to remove.
    bool busy_ = true;              // The writer is at work.
    bool stopping_ = false;

    uint64_t next_file_ = 1;     // The writer's.
    SteadyTime paused_until_{};  // Likewise: the disk was full a moment ago.
    SteadyTime trouble_told_{};  // Likewise.
    bool trouble_was_told_ = false;
    std::atomic<uint64_t> stored_ = 0;
    std::atomic<uint64_t> purged_ = 0;
    std::atomic<uint64_t> damaged_ = 0;
    std::atomic<uint64_t> failed_ = 0;
    std::optional<os::FileLock> lock_;
    std::thread writer_;
};

}  // namespace shore::cache
