#include "async/loop.h"

#include <random>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "async/block_on.h"
#include "async/channel.h"
#include "async/deadline.h"
#include "async/scope.h"
#include "async/watch.h"
#include "async/worker_pool.h"
#include "base/random.h"

namespace shore::async {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LoopTest : public testing::Test {
 protected:
    LoopTest() : loop_(std::move(*Loop::open(clock_))) {}
    void advance(Duration by) {
        clock_.advance(by);
        while (loop_->poll()) {
        }
    }
    base::ManualClock clock_;
    std::unique_ptr<Loop> loop_;
};

Task<void> note_after(Loop& loop, Duration delay, int number, std::vector<int>& notes) {
    co_await sleep_for(loop, delay);
    notes.push_back(number);
}

Task<int> add(Task<int> a, Task<int> b) {
    co_return co_await std::move(a) + co_await std::move(b);
}
Task<int> value(int number) {
    co_return number;
}

TEST_F(LoopTest, LooksAgainForAWhileBeforeItSleeps) {
    loop_->set_vigil(std::chrono::microseconds(40));
    loop_->post([] {});
    loop_->turn();
    const uint64_t before = loop_->turn_count();
    loop_->turn();  // By the clock no time has passed since: it returns.
    EXPECT_EQ(loop_->turn_count(), before + 1);
}

TEST_F(LoopTest, RunsNestedTasksToAValue) {
    EXPECT_EQ(block_on(*loop_, add(value(1), add(value(2), value(3)))), 6);
}

TEST_F(LoopTest, FiresTimersInOrderOfTheirMoments) {
    std::vector<int> notes;
    Scope scope(*loop_);
    scope.spawn(note_after(*loop_, seconds(3), 3, notes));
    scope.spawn(note_after(*loop_, seconds(1), 1, notes));
    scope.spawn(note_after(*loop_, seconds(2), 2, notes));
    advance(milliseconds(999));
    EXPECT_TRUE(notes.empty());
    advance(seconds(2));
    EXPECT_EQ(notes, (std::vector{1, 2}));
    advance(seconds(1));
    EXPECT_EQ(notes, (std::vector{1, 2, 3}));
    EXPECT_EQ(scope.size(), 0u);
}

TEST_F(LoopTest, KeepsTheHeapInOrderUnderRandomSettingAndClearing) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    base::Random random(seed);
    TimerHeap& heap = loop_->timers();
    std::vector<std::unique_ptr<Timer>> timers;
    for (int i = 0; i < 200; ++i) {
        timers.push_back(std::make_unique<Timer>(*loop_, [](Node&) {}));
    }
    for (int step = 0; step < 5000; ++step) {
        Timer& timer = *timers[random.below(timers.size())];
        if (random.below(3) == 0) {
            timer.clear();
        } else {
            timer.set(loop_->now() + milliseconds(random.below(1000)));
        }
    }
    SteadyTime last = loop_->now();
    while (const auto next = heap.next()) {
        ASSERT_GE(*next, last);
        last = *next;
        ASSERT_NE(heap.pop_due(*next), nullptr);
    }
}

TEST_F(LoopTest, StoppingAScopeDestroysItsTasksAndTheirTimers) {
    std::vector<int> notes;
    {
        Scope scope(*loop_);
        scope.spawn(note_after(*loop_, seconds(1), 1, notes));
        EXPECT_EQ(loop_->timers().size(), 1u);
        scope.stop();
        scope.stop();
        EXPECT_FALSE(scope.spawn(note_after(*loop_, seconds(1), 2, notes)));
    }
    EXPECT_EQ(loop_->timers().size(), 0u);
    advance(seconds(5));
    EXPECT_TRUE(notes.empty());
}

Task<Result<int>> slow(Loop& loop, Duration duration) {
    co_await sleep_for(loop, duration);
    co_return 7;
}
Task<void> keep(Task<Result<int>> task, std::optional<Result<int>>& result) {
    result.emplace(co_await std::move(task));
}

TEST_F(LoopTest, ADeadlineEndsATaskThatIsTooSlow) {
    std::optional<Result<int>> late;
    std::optional<Result<int>> early;
    Scope scope(*loop_);
    scope.spawn(keep(with_deadline(*loop_, Deadline::in(*loop_, seconds(1)), "the slow thing",
                                   slow(*loop_, seconds(2))),
                     late));
    scope.spawn(keep(with_deadline(*loop_, Deadline::in(*loop_, seconds(3)), "the quick thing",
                                   slow(*loop_, seconds(2))),
                     early));
    advance(seconds(1));
    ASSERT_TRUE(late);
    EXPECT_EQ(late->error().code(), ErrorCode::kTimeout);
    advance(seconds(1));
    ASSERT_TRUE(early);
    EXPECT_EQ(early->value(), 7);
    EXPECT_EQ(loop_->timers().size(), 0u);
}

Task<void> produce(Channel<int>& channel, int count) {
    for (int i = 0; i < count; ++i) {
        co_await channel.push(i);
    }
    channel.close();
}
Task<int> consume(Channel<int>& channel) {
    int sum = 0;
    while (auto number = co_await channel.pop()) {
        sum += *number;
    }
    co_return sum;
}

TEST_F(LoopTest, AChannelPassesEverythingThroughABoundedQueue) {
    Channel<int> channel(*loop_, 3);
    Scope scope(*loop_);
    scope.spawn(produce(channel, 100));
    EXPECT_EQ(channel.size(), 3u);
    EXPECT_EQ(block_on(*loop_, consume(channel)), 4950);
}

TEST_F(LoopTest, MessagesFromOtherThreadsArriveInOrder) {
    std::vector<int> seen;
    std::thread sender([&] {
        for (int i = 0; i < 1000; ++i) {
            loop_->post([&seen, i] { seen.push_back(i); });
        }
        loop_->post([this] { loop_->stop(); });
    });
    loop_->run();
    sender.join();
    ASSERT_EQ(seen.size(), 1000u);
    EXPECT_TRUE(std::ranges::is_sorted(seen));
}

Task<size_t> echo_until_end(Loop& loop, int descriptor) {
    Watch watch(loop);
    EXPECT_TRUE(watch.start(descriptor));
    size_t total = 0;
    char buffer[64];
    while (true) {
        const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
        if (got == 0) {
            co_return total;
        }
        if (got < 0) {
            watch.read_drained();
            co_await watch.readable();
            continue;
        }
        total += static_cast<size_t>(got);
    }
}

TEST_F(LoopTest, AWatchSeesEveryByteAndTheEnd) {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    os::Fd mine(pair[0]);
    ASSERT_TRUE(os::set_nonblocking(pair[1], false));
    std::thread writer([other = pair[1]] {
        for (int i = 0; i < 500; ++i) {
            EXPECT_EQ(::write(other, "0123456789", 10), 10);
        }
        ::close(other);
    });
    EXPECT_EQ(block_on(*loop_, echo_until_end(*loop_, mine.get())), 5000u);
    writer.join();
}

TEST_F(LoopTest, ADestroyedWaiterIsNotResumedByAnEventOfTheSameTurn) {
    int a[2];
    int b[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, a), 0);
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, b), 0);
    const os::Fd fds[] = {os::Fd(a[0]), os::Fd(a[1]), os::Fd(b[0]), os::Fd(b[1])};
    Task<size_t> second = echo_until_end(*loop_, b[0]);
    Scope holder(*loop_);
    std::optional<size_t> result;
    holder.spawn(internal::store_result(std::move(second), result));
    loop_->poll();
    // Both events arrive in one turn; the message that runs first destroys the waiter of the
    // second.
    ASSERT_EQ(::write(b[1], "x", 1), 1);
    loop_->post([&] { holder.stop(); });
    loop_->poll();
    EXPECT_FALSE(result);
}

TEST_F(LoopTest, WorkersAnswerOnTheAskingLoop) {
    WorkerPool pool("test", 2);
    const auto loop_thread = std::this_thread::get_id();
    const auto result = block_on(*loop_, pool.run<bool>(*loop_, [loop_thread]() -> Result<bool> {
        return std::this_thread::get_id() != loop_thread;
    }));
    ASSERT_TRUE(result);
    EXPECT_TRUE(*result);
    pool.stop();
    pool.stop();
    const auto refused =
        block_on(*loop_, pool.run<bool>(*loop_, []() -> Result<bool> { return true; }));
    EXPECT_EQ(refused.error().code(), ErrorCode::kStopped);
}

TEST_F(LoopTest, ACancelledAskerLeavesTheWorkersResultUnread) {
    WorkerPool pool("test", 1);
    std::optional<Result<int>> result;
    {
        Scope scope(*loop_);
        scope.spawn(keep(pool.run<int>(*loop_, []() -> Result<int> { return 1; }), result));
    }
    pool.stop();
    while (loop_->poll()) {
    }
    EXPECT_FALSE(result);
}

}  // namespace
}  // namespace shore::async
