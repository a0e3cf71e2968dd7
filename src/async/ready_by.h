// ReadyBy: waits for a Watch to become readable or writable, or for a deadline, whichever comes
// first; without a frame or an allocation of its own.
//
//   if (!co_await ReadyBy(watch, Direction::kRead, deadline)) { /* too late */ }
#pragma once

#include <coroutine>
#include <cstdint>

#include "async/deadline.h"
#include "async/timer.h"
#include "async/watch.h"

namespace shore::async {

enum class Direction : uint8_t { kRead, kWrite };

class [[nodiscard]] ReadyBy final : private Timer {
 public:
    ReadyBy(Watch& watch, Direction direction, Deadline deadline)
        : Timer(watch.loop(), &on_time),
          deadline_(deadline),
          readiness_(direction == Direction::kRead ? watch.readable() : watch.writable()) {}

    bool await_ready() const noexcept { return readiness_.await_ready(); }
    void await_suspend(std::coroutine_handle<> handle) {
        handle_ = handle;
        readiness_.await_suspend(handle);
        if (!deadline_.is_never()) {
            set(deadline_.at);
        }
    }
    /// False when the deadline passed first.
    bool await_resume() {
        clear();
        return !late_;
    }

 private:
    static void on_time(Node& node) {
        auto& self = static_cast<ReadyBy&>(node);
        self.late_ = true;
        // Readiness of the same turn, queued behind this timer, must not resume the coroutine a
        // second time.
        self.readiness_.cancel();
        self.handle_.resume();
    }

    Deadline deadline_;
    Watch::Readiness readiness_;
    std::coroutine_handle<> handle_;
    bool late_ = false;
};

}  // namespace shore::async
