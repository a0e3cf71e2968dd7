// Channel<T>: a bounded queue between coroutines of one loop. Full means: wait (push) or refuse
// (try_push). Closing lets what is queued be taken, then pop() gives nothing.
#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "async/event.h"
#include "async/task.h"

namespace shore::async {

template <class T>
class Channel final {
 public:
    Channel(Loop& loop, size_t capacity) : capacity_(capacity), filled_(loop), drained_(loop) {}

    /// False when full or closed; the value is then dropped.
    bool try_push(T value) {
        if (closed_ || queue_.size() >= capacity_) {
            return false;
        }
        queue_.push_back(std::move(value));
        filled_.pulse();
        return true;
    }
    /// Waits while full. False when closed.
    Task<bool> push(T value) {
        while (!closed_ && queue_.size() >= capacity_) {
            co_await drained_.wait();
        }
        co_return try_push(std::move(value));
    }
    /// Waits while empty. Nothing once closed and empty.
    Task<std::optional<T>> pop() {
        while (queue_.empty() && !closed_) {
            co_await filled_.wait();
        }
        co_return try_pop();
    }
    std::optional<T> try_pop() {
        if (queue_.empty()) {
            return std::nullopt;
        }
        std::optional<T> value(std::move(queue_.front()));
        queue_.pop_front();
        drained_.pulse();
        return value;
    }
    void close() {
        closed_ = true;
        filled_.pulse();
        drained_.pulse();
    }
    bool closed() const { return closed_; }
    size_t size() const { return queue_.size(); }

 private:
    size_t capacity_;
    bool closed_ = false;
    std::deque<T> queue_;
    Event filled_;
    Event drained_;
};

}  // namespace shore::async
