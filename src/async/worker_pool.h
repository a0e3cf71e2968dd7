// WorkerPool: threads for blocking work (SQLite, DNS, compression, big files). The answer comes
// back to the loop that asked.
//
//   auto rows = co_await pool.run<Rows>(loop, [path] { return read_rows_blocking(path); });
//
// The work must own what it uses: if the asking coroutine is cancelled, the work still runs to its
// end and its result is dropped. Stop the pool before destroying a loop that used it.
#pragma once

#include <condition_variable>
#include <coroutine>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "async/loop.h"
#include "async/task.h"
#include "base/result.h"

namespace shore::async {

class WorkerPool final {
 public:
    /// `name` is shown by debuggers (at most 15 bytes). Threads start at once.
    WorkerPool(std::string name, size_t threads);
    ~WorkerPool();

    /// Runs `work` (which returns Result<T>) on a worker. kExhausted when kWorkQueueMax jobs wait;
    /// kStopped after stop().
    template <class T, class Work>
    Task<Result<T>> run(Loop& loop, Work work);

    /// Refuses new work, lets what is queued or running finish, joins the threads. May be called
    /// twice.
    void stop();

 private:
    /// Where worker and asker meet; outlives both.
    template <class T>
    struct Meeting;
    using Job = std::move_only_function<void()>;

    Result<void> enqueue(Job job);
    void work();

    std::string name_;
    std::mutex mutex_;
    std::condition_variable wake_up_;
    std::deque<Job> jobs_;   // Guarded by mutex_.
    bool stopping_ = false;  // Guarded by mutex_.
    std::vector<std::thread> threads_;
};

template <class T>
struct WorkerPool::Meeting {
    std::optional<Result<T>> result;   // Written by the worker, read by the loop after the post.
    std::coroutine_handle<> awaiting;  // Loop's thread only; null once cancelled.
};

template <class T, class Work>
Task<Result<T>> WorkerPool::run(Loop& loop, Work work) {
    struct Awaiter {
        std::shared_ptr<Meeting<T>> meeting;
        explicit Awaiter(std::shared_ptr<Meeting<T>> m) : meeting(std::move(m)) {}
        Awaiter(const Awaiter&) = delete;
        Awaiter& operator=(const Awaiter&) = delete;
        ~Awaiter() { meeting->awaiting = nullptr; }
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) { meeting->awaiting = handle; }
        Result<T> await_resume() { return std::move(*meeting->result); }
    };
    auto meeting = std::make_shared<Meeting<T>>();
    SHORE_CO_CHECK(enqueue([meeting, &loop, work = std::move(work)]() mutable {
        meeting->result.emplace(work());
        loop.post([meeting = std::move(meeting)] {
            if (meeting->awaiting) {
                meeting->awaiting.resume();
            }
        });
    }));
    co_return co_await Awaiter(std::move(meeting));
}

}  // namespace shore::async
