// Loop: one thread's turn of events: edge-triggered epoll, timers, and messages from other threads.
//
// A turn: wait for events, read the clock once, mark what became ready, run what is ready. Nothing
// runs while marking, so a coroutine may destroy any other that waits. All members belong to the
// loop's thread, except post() and stop().
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "async/list.h"
#include "async/timer.h"
#include "base/clock.h"
#include "base/result.h"
#include "os/fd.h"

namespace shore::async {

class Watch;

class Loop final {
 public:
    using Message = std::move_only_function<void()>;

    /// Opens an epoll instance and its wake-up descriptor. `clock` outlives the loop; with a
    /// ManualClock the loop never sleeps for a timer: the test moves time and calls poll(). Fails
    /// when descriptors run out.
    static Result<std::unique_ptr<Loop>> open(const base::Clock& clock);
    ~Loop();

    /// Runs turns until stop(). The calling thread becomes the loop's thread.
    void run();
    /// One turn without waiting: everything that is ready now, and what that makes ready. True when
    /// anything ran.
    bool poll();
    /// One turn that may wait for an event, a timer or a message.
    void turn();
    /// For so long after an event, the loop looks for the next one again and again before it
    /// sleeps, and lets whoever wants the core have it in between: being woken costs more than most
    /// answers take to come. The loop's thread, or before it runs.
    void set_vigil(Duration vigil) { vigil_ = vigil; }
    /// Makes run() return after the current turn. Any thread.
    void stop();
    /// Runs `message` on the loop's thread in a later turn; order per sender is kept. Any thread.
    /// Messages not yet run when the loop is destroyed are dropped.
    void post(Message message);

    /// The steady time at the start of this turn.
    SteadyTime now() const { return now_; }
    /// The wall time at the start of this turn.
    WallTime wall_now() const { return wall_now_; }
    /// Counts turns; a per-turn cache compares it.
    uint64_t turn_count() const { return turns_; }

    /// Queues `node` to run in this turn, or the next when called from outside a turn.
    void make_ready(Node& node) { ready_.push_back(node); }
    TimerHeap& timers() { return timers_; }

 private:
    friend class Watch;
    Loop(const base::Clock& clock, os::Fd epoll, os::Fd wake_up);

    void wait(bool may_block);
    void take_messages();
    bool run_ready();
    void read_clock();

    const base::Clock& clock_;
    os::Fd epoll_;
    os::Fd wake_up_;
    SteadyTime now_;
    WallTime wall_now_;
    SteadyTime last_event_{};
    Duration vigil_{};
    uint64_t turns_ = 0;
    List ready_;
    TimerHeap timers_;
    std::atomic<bool> stopping_ = false;
    std::mutex messages_mutex_;
    std::vector<Message> messages_;  // Guarded by messages_mutex_.
    std::vector<Message> taken_;
};

}  // namespace shore::async
