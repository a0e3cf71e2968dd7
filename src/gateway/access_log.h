// AccessLog: writes the loops' lines to a rotating file on a thread of its own, so that no loop
// waits for a disk. What does not fit into the queue, or on the disk, is dropped and counted.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "observe/rotating_file.h"

namespace shore::gateway {

class AccessLog final {
 public:
    /// Opens `directory`/access.log (the directory is made). `clock` outlives it.
    static Result<std::unique_ptr<AccessLog>> open(const std::string& directory,
                                                   const base::Clock& clock);
    /// Writes what is queued, then ends.
    ~AccessLog();

    /// Queues whole lines. Any thread.
    void write(std::string lines);
    uint64_t dropped_lines() const { return dropped_.load(std::memory_order_relaxed); }

 private:
    explicit AccessLog(observe::RotatingFile file);
    void run();

    observe::RotatingFile file_;
    std::mutex mutex_;
    std::condition_variable filled_;
    std::string queue_;      // Guarded by mutex_.
    bool stopping_ = false;  // Guarded by mutex_.
    std::atomic<uint64_t> dropped_ = 0;
    std::thread thread_;
};

}  // namespace shore::gateway
