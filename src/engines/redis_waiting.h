// RedisWaiting: whatever a connection of the endpoint waits for, in one awaitable without an
// allocation: sockets, a moment, a kick by somebody else of its loop. The base of those of a
// session and of a lane, which say what they want when they are suspended.
#pragma once

#include <coroutine>

#include "async/list.h"
#include "async/loop.h"
#include "async/watch.h"

namespace shore::engines {

class RedisWaiting : protected async::Timer {
 public:
    RedisWaiting(const RedisWaiting&) = delete;
    RedisWaiting& operator=(const RedisWaiting&) = delete;

    bool await_ready() const noexcept { return false; }

 protected:
    explicit RedisWaiting(async::Loop& loop) : Timer(loop, &on_time), kick_(*this) {}
    ~RedisWaiting() = default;

    /// To begin with. Who pops the node from `kicked` and makes it ready resumes the coroutine.
    void begin(std::coroutine_handle<> handle, async::List& kicked) {
        handle_ = handle;
        kicked.push_back(kick_);
    }
    /// Resumes later in this turn.
    void resume_soon() { loop().make_ready(kick_); }
    void want(bool wanted, async::Watch::Readiness& readiness) {
        if (!wanted) {
            return;
        }
        if (readiness.await_ready()) {
            resume_soon();
        } else {
            readiness.await_suspend(handle_);
        }
    }
    void want(SteadyTime moment) {
        if (moment != SteadyTime::max()) {
            set(moment);
        }
    }
    /// The end of waiting; the readiness of sockets is cancelled by who has it.
    void end() {
        clear();
        kick_.unlink();
    }

 private:
    struct Kick final : async::Node {
        explicit Kick(RedisWaiting& owner) : Node(&wake), waiting(owner) {}
        static void wake(Node& node) { static_cast<Kick&>(node).waiting.handle_.resume(); }
        RedisWaiting& waiting;
    };
    static void on_time(Node& node) { static_cast<RedisWaiting&>(node).handle_.resume(); }

    std::coroutine_handle<> handle_;
    Kick kick_;
};

}  // namespace shore::engines
