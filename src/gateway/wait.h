// Awaitable for the middle of an exchange: until the upstream is readable, the client has something
// to say or is gone, or a deadline passes; without a frame or an allocation of its own.
#pragma once

#include <coroutine>
#include <cstdint>

#include "async/deadline.h"
#include "async/timer.h"
#include "async/watch.h"

namespace shore::gateway {

enum class Woken : uint8_t { kFirst, kSecond, kLate };

/// Waits for `first` to be readable; `second` only wakes, its readiness is left as it is. A null
/// `second`, or one that is readable already, is not waited for.
class [[nodiscard]] EitherReadable final : private async::Timer {
 public:
    EitherReadable(async::Watch& first, async::Watch* second, async::Deadline deadline)
        : Timer(first.loop(), &on_time),
          first_watch_(first),
          deadline_(deadline),
          first_(first.readable()),
          second_(second != nullptr ? second->readable() : first.readable()),
          two_(second != nullptr && !second->is_readable()) {}

    bool await_ready() const noexcept { return first_.await_ready(); }
    void await_suspend(std::coroutine_handle<> handle) {
        handle_ = handle;
        first_.await_suspend(handle);
        if (two_) {
            second_.await_suspend(handle);
        }
        if (!deadline_.is_never()) {
            set(deadline_.at);
        }
    }
    Woken await_resume() {
        clear();
        first_.cancel();
        second_.cancel();
        return late_ ? Woken::kLate : first_watch_.is_readable() ? Woken::kFirst : Woken::kSecond;
    }

 private:
    static void on_time(Node& node) {
        auto& self = static_cast<EitherReadable&>(node);
        self.late_ = true;
        self.handle_.resume();
    }

    async::Watch& first_watch_;
    async::Deadline deadline_;
    async::Watch::Readiness first_;
    async::Watch::Readiness second_;
    bool two_;
    std::coroutine_handle<> handle_;
    bool late_ = false;
};

}  // namespace shore::gateway
