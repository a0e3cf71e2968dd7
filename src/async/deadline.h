// Deadline: the moment by which something must have happened. with_deadline ends a task that is not
// done by then.
#pragma once

#include <coroutine>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "async/event.h"
#include "async/loop.h"
#include "async/task.h"
#include "async/timer.h"
#include "base/result.h"

namespace shore::async {

struct Deadline {
    SteadyTime at = SteadyTime::max();

    static Deadline never() { return {}; }
    /// A duration too long for the clock means never.
    static Deadline in(const Loop& loop, Duration duration) {
        return duration < SteadyTime::max() - loop.now() ? Deadline{loop.now() + duration}
                                                         : never();
    }
    bool is_never() const { return at == SteadyTime::max(); }
};

namespace internal {

/// Awaits a task or a moment, whichever comes first; the task that lost is destroyed before the
/// awaiter resumes.
template <class T>
class [[nodiscard]] Race final : private Timer {
 public:
    Race(Loop& loop, Deadline deadline, Task<T> task)
        : Timer(loop, &on_ready), deadline_(deadline), task_(std::move(task)) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
        awaiting_ = handle;
        if (!deadline_.is_never()) {
            set(deadline_.at);
        }
        runner_ = run(*this);
        runner_.start();
    }
    /// Nothing when the deadline passed first.
    std::optional<T> await_resume() { return std::move(result_); }

 private:
    // The task's end makes the awaiter ready instead of resuming it, so that the frame that just
    // ended is not destroyed by what it resumes.
    static void on_ready(Node& node) {
        auto& race = static_cast<Race&>(node);
        race.runner_.reset();
        race.task_.reset();
        race.awaiting_.resume();
    }
    struct Runner {
        struct promise_type {
            static void* operator new(size_t size) { return take_frame(size); }
            static void operator delete(void* frame, size_t size) noexcept {
                return_frame(frame, size);
            }
            Runner get_return_object() {
                return {std::coroutine_handle<promise_type>::from_promise(*this)};
            }
            std::suspend_always initial_suspend() noexcept { return {}; }
            std::suspend_always final_suspend() noexcept { return {}; }
            void return_void() {}
            [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
        };
        std::coroutine_handle<promise_type> handle;

        Runner(std::coroutine_handle<promise_type> h = nullptr) : handle(h) {}
        Runner(Runner&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
        Runner& operator=(Runner&& other) noexcept {
            reset();
            handle = std::exchange(other.handle, nullptr);
            return *this;
        }
        ~Runner() { reset(); }
        void start() { handle.resume(); }
        void reset() {
            if (handle) {
                std::exchange(handle, nullptr).destroy();
            }
        }
    };
    static Runner run(Race& race) {
        race.result_.emplace(co_await std::move(race.task_));
        race.clear();
        race.loop().make_ready(race);
    }

    Deadline deadline_;
    Task<T> task_;
    Runner runner_;
    std::optional<T> result_;
    std::coroutine_handle<> awaiting_;
};

}  // namespace internal

namespace internal {
template <class T>
Task<Result<T>> race_deadline(Loop& loop, Deadline deadline, std::string what,
                              Task<Result<T>> task) {
    auto result = co_await Race<Result<T>>(loop, deadline, std::move(task));
    if (!result) {
        co_return fail(ErrorCode::kTimeout, "{} took longer than allowed", what);
    }
    co_return std::move(*result);
}
}  // namespace internal

/// Runs `task` until `deadline`. When that passes first, the task is destroyed where it is
/// suspended and the result is kTimeout with the message "`what` took longer than allowed".
template <class T>
Task<Result<T>> with_deadline(Loop& loop, Deadline deadline, std::string_view what,
                              Task<Result<T>> task) {
    // No coroutine: `what` is copied now, not when the task is first awaited.
    return internal::race_deadline<T>(loop, deadline, std::string(what), std::move(task));
}

/// Waits until `event` is pulsed or set; false when the deadline passes first.
Task<bool> pulsed(Loop& loop, Event& event, Deadline deadline);

}  // namespace shore::async
