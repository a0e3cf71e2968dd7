// Event: a condition on one loop that coroutines wait for: set() wakes all who wait and lets later
// ones pass until reset().
#pragma once

#include <coroutine>

#include "async/list.h"

namespace shore::async {

class Loop;

class Event final {
 public:
    explicit Event(Loop& loop) : loop_(loop) {}
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    /// Those who wait run later in this turn, never inside this call.
    void set();
    void reset() { set_ = false; }
    /// set() and reset() in one: wakes those who wait now.
    void pulse();
    bool is_set() const { return set_; }

    class [[nodiscard]] Wait final : private Node {
     public:
        explicit Wait(Event& event) : Node(&wake), event_(event) {}
        bool await_ready() const noexcept { return event_.set_; }
        void await_suspend(std::coroutine_handle<> handle) {
            handle_ = handle;
            event_.waiting_.push_back(*this);
        }
        void await_resume() const noexcept {}

     private:
        static void wake(Node& node) { static_cast<Wait&>(node).handle_.resume(); }
        Event& event_;
        std::coroutine_handle<> handle_;
    };
    Wait wait() { return Wait(*this); }

 private:
    Loop& loop_;
    bool set_ = false;
    List waiting_;
};

/// Awaitable that lets everything else that is ready run first.
class [[nodiscard]] Yield final : private Node {
 public:
    explicit Yield(Loop& loop) : Node(&wake), loop_(loop) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle);
    void await_resume() const noexcept {}

 private:
    static void wake(Node& node) { static_cast<Yield&>(node).handle_.resume(); }
    Loop& loop_;
    std::coroutine_handle<> handle_;
};
inline Yield yield(Loop& loop) {
    return Yield(loop);
}

}  // namespace shore::async
