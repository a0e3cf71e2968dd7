// Signal: what one coroutine waits for and something else on the same loop announces, with a
// deadline; without a frame or an allocation of its own.
#pragma once

#include <coroutine>

#include "async/deadline.h"
#include "async/list.h"
#include "async/loop.h"
#include "async/timer.h"
#include "base/assert.h"

namespace shore::gateway {

class Signal final {
 public:
    explicit Signal(async::Loop& loop) : loop_(loop) {}

    /// Whoever waits runs later in this turn; nobody: nothing is kept.
    void notify() {
        if (async::Node* const node = waiting_.pop_front()) {
            loop_.make_ready(*node);
        }
    }

    /// False when the deadline passed first. At most one coroutine waits.
    class [[nodiscard]] Wait final : private async::Timer {
     public:
        Wait(Signal& signal, async::Deadline deadline)
            : Timer(signal.loop_, &on_time), signal_(signal), deadline_(deadline), entry_(*this) {}
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> handle) {
            SHORE_ASSERT(signal_.waiting_.empty());
            handle_ = handle;
            signal_.waiting_.push_back(entry_);
            if (!deadline_.is_never()) {
                set(deadline_.at);
            }
        }
        bool await_resume() {
            clear();
            entry_.unlink();
            return !late_;
        }

     private:
        struct Entry final : async::Node {
            explicit Entry(Wait& owner) : Node(&wake), wait(owner) {}
            Wait& wait;
        };
        static void wake(async::Node& node) { static_cast<Entry&>(node).wait.handle_.resume(); }
        static void on_time(Node& node) {
            auto& self = static_cast<Wait&>(node);
            self.late_ = true;
            self.entry_.unlink();
            self.handle_.resume();
        }

        Signal& signal_;
        async::Deadline deadline_;
        Entry entry_;
        std::coroutine_handle<> handle_;
        bool late_ = false;
    };
    Wait wait(async::Deadline deadline) { return Wait(*this, deadline); }

 private:
    async::Loop& loop_;
    async::List waiting_;
};

}  // namespace shore::gateway
