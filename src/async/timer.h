// Timer: one moment in the future on a loop. TimerHeap: all of a loop's timers, a 4-ary heap of
// pointers, so that setting and clearing cost O(log n) without an allocation per timer.
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <vector>

#include "async/list.h"
#include "base/clock.h"

namespace shore::async {

class Loop;
class TimerHeap;

/// Runs `fire` on the loop when its moment has come. Not movable; destroying it clears it. Loop's
/// thread.
class Timer : public Node {
 public:
    Timer(Loop& loop, Run fire) : Node(fire), loop_(loop) {}
    ~Timer() { clear(); }

    /// Sets or moves the moment. A moment in the past fires in the next turn.
    void set(SteadyTime at);
    void clear();
    bool is_set() const { return index_ != kNone || linked(); }

 protected:
    Loop& loop() { return loop_; }

 private:
    friend class TimerHeap;
    static constexpr uint32_t kNone = UINT32_MAX;
    Loop& loop_;
    SteadyTime at_{};
    uint32_t index_ = kNone;
};

class TimerHeap final {
 public:
    void insert(Timer& timer);
    void erase(Timer& timer);
    /// The earliest moment, or nothing.
    std::optional<SteadyTime> next() const;
    /// Takes the earliest timer off when its moment is not after `now`.
    Timer* pop_due(SteadyTime now);
    size_t size() const { return entries_.size(); }

 private:
    // The moment stands beside the pointer, so that comparing children touches no timer.
    struct Entry {
        SteadyTime at;
        Timer* timer;
    };
    void sift_up(uint32_t index);
    void sift_down(uint32_t index);
    void place(uint32_t index, Entry entry);
    std::vector<Entry> entries_;
};

/// Awaitable: `co_await sleep_until(loop, at)`.
class [[nodiscard]] SleepUntil final : private Timer {
 public:
    SleepUntil(Loop& loop, SteadyTime at) : Timer(loop, &wake), at_(at) {}
    bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> handle) {
        handle_ = handle;
        set(at_);
    }
    void await_resume() const noexcept {}

 private:
    static void wake(Node& node) { static_cast<SleepUntil&>(node).handle_.resume(); }
    SteadyTime at_;
    std::coroutine_handle<> handle_;
};

SleepUntil sleep_until(Loop& loop, SteadyTime at);
SleepUntil sleep_for(Loop& loop, Duration duration);

}  // namespace shore::async
