// Changes: what alters a server while it runs (new settings, a restart, a promotion). They belong
// to the server and not to who asked: a client that goes away stops none half-way, and the server's
// stop ends all of them where they are.
#pragma once

#include <memory>

#include "async/event.h"
#include "async/scope.h"
#include "async/task.h"
#include "base/result.h"

namespace shore::engines {

/// Lives on its loop. Declared after what the changes use, so that it is destroyed first.
class Changes final {
 public:
    explicit Changes(async::Loop& loop) : loop_(loop), scope_(loop) {}

    /// Runs `change` to its end, also when the caller is destroyed meanwhile. kStopped when stop()
    /// came first; the change was then destroyed where it was suspended.
    template <class T>
    async::Task<Result<T>> run(async::Task<Result<T>> change);
    /// For what nobody waits for. Nothing happens after stop().
    void spawn(async::Task<void> work) { (void)scope_.spawn(std::move(work)); }
    /// Ends all and refuses more. May be called twice; never from within a change.
    void stop() { scope_.stop(); }

 private:
    /// Where a change and who asked for it meet; outlives both. On the loop only.
    template <class T>
    struct Meeting {
        explicit Meeting(async::Loop& loop) : ended(loop) {}
        Result<T> outcome = fail(ErrorCode::kStopped, "the agent was told to stop");
        async::Event ended;
    };
    template <class T>
    struct EndOf {
        Meeting<T>& meeting;
        ~EndOf() { meeting.ended.set(); }
    };
    template <class T>
    static async::Task<void> carry_out(async::Task<Result<T>> change,
                                       std::shared_ptr<Meeting<T>> meeting) {
        // Also when this is destroyed.
        const EndOf<T> end{*meeting};
        meeting->outcome = co_await std::move(change);
    }

    async::Loop& loop_;
    async::Scope scope_;
};

template <class T>
async::Task<Result<T>> Changes::run(async::Task<Result<T>> change) {
    const auto meeting = std::make_shared<Meeting<T>>(loop_);
    if (scope_.spawn(carry_out(std::move(change), meeting))) {
        co_await meeting->ended.wait();
    }
    co_return std::move(meeting->outcome);
}

}  // namespace shore::engines
