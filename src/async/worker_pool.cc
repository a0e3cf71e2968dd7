#include "async/worker_pool.h"

#include <csignal>

#include <pthread.h>

#include "async/limits.h"

namespace shore::async {

WorkerPool::WorkerPool(std::string name, size_t threads) : name_(std::move(name)) {
    // Workers take no signals: those belong to the loop that watches for them.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; i < threads; ++i) {
        threads_.emplace_back([this] { work(); });
        pthread_setname_np(threads_.back().native_handle(), name_.substr(0, 15).c_str());
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

WorkerPool::~WorkerPool() {
    stop();
}

Result<void> WorkerPool::enqueue(Job job) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            return fail(ErrorCode::kStopped, "the {} workers are stopping", name_);
        }
        if (jobs_.size() >= kWorkQueueMax) {
            return fail(ErrorCode::kExhausted, "{} jobs wait for the {} workers; try again later",
                        jobs_.size(), name_);
        }
        jobs_.push_back(std::move(job));
    }
    wake_up_.notify_one();
    return {};
}

void WorkerPool::work() {
    while (true) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            wake_up_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
            if (jobs_.empty()) {
                return;
            }
            job = std::move(jobs_.front());
            jobs_.pop_front();
        }
        job();
    }
}

void WorkerPool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_up_.notify_all();
    for (std::thread& thread : threads_) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

}  // namespace shore::async
