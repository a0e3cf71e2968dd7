#include "gateway/access_log.h"

#include <algorithm>

#include "gateway/limits.h"
#include "os/directory.h"

namespace shore::gateway {

Result<std::unique_ptr<AccessLog>> AccessLog::open(const std::string& directory,
                                                   const base::Clock& clock) {
    SHORE_CHECK(os::make_directories(directory, 0750));
    auto compress = [](const std::string& path) {
        // A file that stays uncompressed is tried again when the log is opened next.
        [[maybe_unused]] const auto compressed = observe::compress_file_blocking(path);
    };
    SHORE_TRY(auto file, observe::RotatingFile::open(directory + "/access.log", {}, clock,
                                                     std::move(compress)));
    return std::unique_ptr<AccessLog>(new AccessLog(std::move(file)));
}

AccessLog::AccessLog(observe::RotatingFile file)
    : file_(std::move(file)), thread_([this] { run(); }) {
}

AccessLog::~AccessLog() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    filled_.notify_one();
    thread_.join();
}

void AccessLog::write(std::string lines) {
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() + lines.size() > kAccessLogQueueMax) {
            dropped_ += static_cast<uint64_t>(std::ranges::count(lines, '\n'));
            return;
        }
        if (queue_.empty()) {
            queue_.swap(lines);
        } else {
            queue_ += lines;
        }
    }
    filled_.notify_one();
}

void AccessLog::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        filled_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty()) {
            return;
        }
        const std::string lines = std::exchange(queue_, {});
        lock.unlock();
        if (!file_.append(lines)) {
            dropped_ += static_cast<uint64_t>(std::ranges::count(lines, '\n'));
        }
        lock.lock();
    }
}

}  // namespace shore::gateway
