// Task<T>: a lazy coroutine. It starts when awaited (or given to a Scope), runs on the loop of
// whoever awaits it, and is owned by its Task object: destroying the Task destroys the frame
// wherever it is suspended, and with it everything the frame owns. That is how work is cancelled in
// this house: every awaitable takes itself off the loop in its destructor.
//
// Rules: parameters by value, or references that the caller is sure to outlive; no capturing lambda
// as a coroutine; no lock, iterator or view of a container across an await. A Task must not be
// destroyed by code that it is itself running.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "async/frame_pool.h"
#include "base/assert.h"

namespace shore::async {

template <class T = void>
class Task;

namespace internal {

class PromiseBase {
 public:
    static void* operator new(size_t size) { return take_frame(size); }
    static void operator delete(void* frame, size_t size) noexcept { return_frame(frame, size); }

    std::suspend_always initial_suspend() noexcept { return {}; }

    struct Final {
        bool await_ready() noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
            return self.promise().continuation_;
        }
        void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }

    [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }

    void set_continuation(std::coroutine_handle<> continuation) { continuation_ = continuation; }

 private:
    std::coroutine_handle<> continuation_ = std::noop_coroutine();
};

template <class T>
class Promise final : public PromiseBase {
 public:
    Task<T> get_return_object();
    template <class U>
    void return_value(U&& value) {
        value_.emplace(std::forward<U>(value));
    }
    T take() {
        SHORE_ASSERT(value_.has_value());
        return std::move(*value_);
    }

 private:
    std::optional<T> value_;
};

template <>
class Promise<void> final : public PromiseBase {
 public:
    Task<void> get_return_object();
    void return_void() {}
    void take() {}
};

}  // namespace internal

template <class T>
class [[nodiscard]] Task final {
 public:
    using promise_type = internal::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    Task() = default;
    explicit Task(Handle handle) : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            reset();
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    ~Task() { reset(); }

    explicit operator bool() const { return handle_ != nullptr; }
    /// Destroys the frame, cancelling whatever it waits for.
    void reset() {
        if (handle_) {
            std::exchange(handle_, nullptr).destroy();
        }
    }

    class Awaiter final {
     public:
        explicit Awaiter(Handle handle) : handle_(handle) {}
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
            handle_.promise().set_continuation(awaiting);
            return handle_;
        }
        T await_resume() { return handle_.promise().take(); }

     private:
        Handle handle_;
    };

    /// Starts the task and continues the awaiting coroutine when it has ended. Once only.
    Awaiter operator co_await() && noexcept {
        SHORE_ASSERT(handle_ && !handle_.done());
        return Awaiter(handle_);
    }

 private:
    Handle handle_;
};

namespace internal {

template <class T>
Task<T> Promise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

}  // namespace internal

}  // namespace shore::async
