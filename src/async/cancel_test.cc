// Cancellation: whatever a task waits for, destroying it takes it off the loop, and what it would
// have waited for happens without it.
#include <csignal>
#include <random>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "async/block_on.h"
#include "async/channel.h"
#include "async/deadline.h"
#include "async/process_watch.h"
#include "async/ready_by.h"
#include "async/scope.h"
#include "async/signal_watch.h"
#include "async/worker_pool.h"
#include "base/random.h"

namespace shore::async {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Counts frames that hold one.
struct Held {
    int& count;
    explicit Held(int& c) : count(c) { ++count; }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() { --count; }
};

class CancelTest : public testing::Test {
 protected:
    CancelTest() : loop_(std::move(*Loop::open(clock_))) {}
    ~CancelTest() override {
        EXPECT_EQ(frames_, 0);
        EXPECT_EQ(resumed_, 0);
        EXPECT_EQ(loop_->timers().size(), 0u);
    }
    void drain() {
        while (loop_->poll()) {
        }
    }
    std::pair<os::Fd, os::Fd> pair() {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        return {os::Fd(ends[0]), os::Fd(ends[1])};
    }
    /// Runs `task` until it waits, destroys it, then lets `afterwards` make its wish come true.
    template <class Afterwards>
    void cancel(Task<void> task, Afterwards afterwards) {
        {
            Scope scope(*loop_);
            scope.spawn(std::move(task));
            drain();
            EXPECT_EQ(scope.size(), 1u);
            EXPECT_EQ(frames_, 1);
        }
        afterwards();
        drain();
    }

    base::ManualClock clock_;
    std::unique_ptr<Loop> loop_;
    int frames_ = 0;
    int resumed_ = 0;
};

Task<void> wait_for_event(Event& event, int& frames, int& resumed) {
    const Held held(frames);
    co_await event.wait();
    ++resumed;
}

TEST_F(CancelTest, AnEvent) {
    Event event(*loop_);
    cancel(wait_for_event(event, frames_, resumed_), [&] { event.set(); });
}

TEST_F(CancelTest, AnEventThatHasBeenSetButNotYetRunItsWaiter) {
    Event event(*loop_);
    Scope scope(*loop_);
    scope.spawn(wait_for_event(event, frames_, resumed_));
    event.set();  // The waiter is ready now.
    scope.stop();
    drain();
}

Task<void> wait_for_time(Loop& loop, int& frames, int& resumed) {
    const Held held(frames);
    co_await sleep_for(loop, seconds(1));
    ++resumed;
}

TEST_F(CancelTest, ASleep) {
    cancel(wait_for_time(*loop_, frames_, resumed_), [&] { clock_.advance(seconds(2)); });
}

TEST_F(CancelTest, ASleepLongerThanTheClockCounts) {
    Scope scope(*loop_);
    scope.spawn([](Loop& loop, int& resumed) -> Task<void> {
        co_await sleep_for(loop, Duration::max());
        ++resumed;
    }(*loop_, resumed_));
    clock_.advance(std::chrono::hours(24 * 365));
    drain();
    EXPECT_TRUE(Deadline::in(*loop_, Duration::max()).is_never());
}

Task<void> wait_for_bytes(Loop& loop, int descriptor, Direction direction, Deadline deadline,
                          int& frames, int& resumed) {
    const Held held(frames);
    Watch watch(loop);
    EXPECT_TRUE(watch.start(descriptor));
    watch.read_drained();
    watch.write_full();
    co_await ReadyBy(watch, direction, deadline);
    ++resumed;
}

TEST_F(CancelTest, AReader) {
    auto [mine, other] = pair();
    // Edge-triggered: the socket is writable, which must not wake the reader.
    cancel(
        wait_for_bytes(*loop_, mine.get(), Direction::kRead, Deadline::never(), frames_, resumed_),
        [&] { EXPECT_EQ(::write(other.get(), "x", 1), 1); });
}

TEST_F(CancelTest, AWriter) {
    auto [mine, other] = pair();
    char block[4096] = {};
    while (::write(mine.get(), block, sizeof block) > 0) {
    }
    cancel(
        wait_for_bytes(*loop_, mine.get(), Direction::kWrite, Deadline::never(), frames_, resumed_),
        [&] {
            while (::read(other.get(), block, sizeof block) > 0) {
            }
        });
}

TEST_F(CancelTest, AReaderWithADeadline) {
    auto [mine, other] = pair();
    cancel(wait_for_bytes(*loop_, mine.get(), Direction::kRead, Deadline::in(*loop_, seconds(1)),
                          frames_, resumed_),
           [&] {
               EXPECT_EQ(::write(other.get(), "x", 1), 1);
               clock_.advance(seconds(2));
           });
}

Task<void> wait_to_push(Channel<int>& channel, int& frames, int& resumed) {
    const Held held(frames);
    co_await channel.push(2);
    ++resumed;
}
Task<void> wait_to_pop(Channel<int>& channel, int& frames, int& resumed) {
    const Held held(frames);
    co_await channel.pop();
    ++resumed;
}

TEST_F(CancelTest, AChannelOnBothSides) {
    Channel<int> full(*loop_, 1);
    EXPECT_TRUE(full.try_push(1));
    cancel(wait_to_push(full, frames_, resumed_), [&] { EXPECT_EQ(full.try_pop(), 1); });
    EXPECT_EQ(full.size(), 0u);
    Channel<int> empty(*loop_, 1);
    cancel(wait_to_pop(empty, frames_, resumed_), [&] { EXPECT_TRUE(empty.try_push(1)); });
    EXPECT_EQ(empty.size(), 1u);
}

Task<Result<void>> wait_inside(Event& event, int& frames) {
    const Held held(frames);
    co_await event.wait();
    co_return Result<void>();
}
Task<void> wait_with_deadline(Loop& loop, Event& event, int& frames, int& resumed) {
    co_await with_deadline(loop, Deadline::in(loop, seconds(1)), "the event",
                           wait_inside(event, frames));
    ++resumed;
}

TEST_F(CancelTest, ARaceAgainstADeadline) {
    Event event(*loop_);
    cancel(wait_with_deadline(*loop_, event, frames_, resumed_), [&] {
        event.set();
        clock_.advance(seconds(2));
    });
}

Task<void> wait_for_worker(Loop& loop, WorkerPool& pool, std::atomic<bool>& go, int& frames,
                           int& resumed) {
    const Held held(frames);
    auto result = co_await pool.run<int>(loop, [&go]() -> Result<int> {
        go.wait(false);
        return 1;
    });
    EXPECT_TRUE(result);
    ++resumed;
}

TEST_F(CancelTest, AWorkersAnswer) {
    WorkerPool pool("test", 1);
    std::atomic<bool> go = false;
    cancel(wait_for_worker(*loop_, pool, go, frames_, resumed_), [&] {
        go = true;
        go.notify_all();
        pool.stop();
    });
}

TEST_F(CancelTest, AWorkersAnswerThatIsAlreadyPosted) {
    WorkerPool pool("test", 1);
    std::atomic<bool> go = true;
    {
        Scope scope(*loop_);
        scope.spawn(wait_for_worker(*loop_, pool, go, frames_, resumed_));
        pool.stop();  // The answer waits in the loop's messages.
    }
    drain();
}

Task<void> wait_for_process(Loop& loop, os::Process& process, int& frames, int& resumed) {
    const Held held(frames);
    EXPECT_TRUE(co_await wait_for_exit(loop, process));
    ++resumed;
}

TEST_F(CancelTest, AProcess) {
    auto process = os::Process::spawn({.argv = {"/bin/sleep", "60"}});
    ASSERT_TRUE(process);
    cancel(wait_for_process(*loop_, *process, frames_, resumed_), [&] {
        EXPECT_TRUE(process->send_signal(SIGKILL));
        EXPECT_TRUE(process->wait_blocking());
    });
}

Task<void> wait_for_signal(SignalWatch& watch, int& frames, int& resumed) {
    const Held held(frames);
    co_await watch.next();
    ++resumed;
}

TEST_F(CancelTest, ASignal) {
    const int numbers[] = {SIGUSR1};
    SignalWatch watch(*loop_, std::move(*os::SignalSet::open(numbers)));
    ASSERT_TRUE(watch.start());
    cancel(wait_for_signal(watch, frames_, resumed_), [&] { ::kill(getpid(), SIGUSR1); });
    EXPECT_EQ(block_on(*loop_, watch.next()).number, SIGUSR1);  // It was kept.
}

Task<void> wait_for_turn(Loop& loop, int& frames, int& resumed) {
    const Held held(frames);
    co_await yield(loop);
    ++resumed;
}

TEST_F(CancelTest, AYield) {
    Scope scope(*loop_);
    scope.spawn(wait_for_turn(*loop_, frames_, resumed_));
    scope.stop();
    drain();
}

Task<void> nested(Loop& loop, int depth, int& frames) {
    const Held held(frames);
    if (depth == 0) {
        co_await sleep_for(loop, std::chrono::hours(1));
    } else {
        co_await nested(loop, depth - 1, frames);
    }
}

TEST_F(CancelTest, AChainOfTasksEndsWhole) {
    {
        Scope scope(*loop_);
        scope.spawn(nested(*loop_, 1000, frames_));
        EXPECT_EQ(frames_, 1001);
    }
}

/// Any mixture of waiting and destroying: what is destroyed never runs again, what is not always
/// does.
TEST_F(CancelTest, ARandomWalkOverTasksThatWaitAndAreDestroyed) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    base::Random random(seed);
    Event event(*loop_);
    std::vector<std::unique_ptr<Scope>> scopes;
    int expected = 0;
    int resumed = 0;
    for (int step = 0; step < 2000; ++step) {
        const uint64_t choice = random.below(10);
        if (choice < 6) {
            scopes.push_back(std::make_unique<Scope>(*loop_));
            if (random.below(2) == 0) {
                scopes.back()->spawn(wait_for_event(event, frames_, resumed));
            } else {
                scopes.back()->spawn(wait_for_time(*loop_, frames_, resumed));
            }
        } else if (choice < 8 && !scopes.empty()) {
            scopes.erase(scopes.begin() + static_cast<long>(random.below(scopes.size())));
        } else if (choice == 8) {
            event.pulse();
            if (random.below(2) == 0 && !scopes.empty()) {
                scopes.pop_back();  // Perhaps one that is ready but has not run.
            }
        } else {
            clock_.advance(milliseconds(random.below(1500)));
            loop_->poll();
        }
        if (step % 100 == 0) {
            drain();
        }
    }
    const int before = resumed;
    expected = frames_;
    event.set();
    clock_.advance(seconds(2));
    drain();
    EXPECT_EQ(resumed - before, expected);
    scopes.clear();
}

}  // namespace
}  // namespace shore::async
