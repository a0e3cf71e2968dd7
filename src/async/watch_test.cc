#include "async/watch.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "async/block_on.h"
#include "async/process_watch.h"
#include "async/ready_by.h"
#include "async/signal_watch.h"

namespace shore::async {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class WatchTest : public testing::Test {
 protected:
    WatchTest() : loop_(std::move(*Loop::open(clock_))) {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        mine_ = os::Fd(ends[0]);
        other_ = os::Fd(ends[1]);
    }
    void drain() {
        while (loop_->poll()) {
        }
    }
    base::ManualClock clock_;
    std::unique_ptr<Loop> loop_;
    os::Fd mine_;
    os::Fd other_;
};

Task<void> wait_until(Watch& watch, Direction direction, Deadline deadline,
                      std::optional<bool>& in_time) {
    in_time = co_await ReadyBy(watch, direction, deadline);
}

TEST_F(WatchTest, ReadinessOrTheDeadlineWhicheverIsFirst) {
    Watch watch(*loop_);
    ASSERT_TRUE(watch.start(mine_.get()));
    drain();
    watch.read_drained();
    Scope scope(*loop_);
    std::optional<bool> in_time;
    scope.spawn(wait_until(watch, Direction::kRead, Deadline::in(*loop_, seconds(1)), in_time));
    clock_.advance(seconds(1));
    drain();
    EXPECT_EQ(in_time, false);

    in_time.reset();
    scope.spawn(wait_until(watch, Direction::kRead, Deadline::in(*loop_, seconds(1)), in_time));
    ASSERT_EQ(::write(other_.get(), "x", 1), 1);
    drain();
    EXPECT_EQ(in_time, true);
    EXPECT_EQ(loop_->timers().size(), 0u);
}

TEST_F(WatchTest, BothInOneTurnResumeTheWaiterOnce) {
    Watch watch(*loop_);
    ASSERT_TRUE(watch.start(mine_.get()));
    drain();
    watch.read_drained();
    Scope scope(*loop_);
    std::optional<bool> in_time;
    scope.spawn(wait_until(watch, Direction::kRead, Deadline::in(*loop_, seconds(1)), in_time));
    ASSERT_EQ(::write(other_.get(), "x", 1), 1);
    clock_.advance(seconds(1));
    drain();
    EXPECT_TRUE(in_time);
    EXPECT_EQ(scope.size(), 0u);
}

TEST_F(WatchTest, ReaderAndWriterWaitIndependently) {
    char block[4096] = {};
    while (::write(mine_.get(), block, sizeof block) > 0) {
    }
    Watch watch(*loop_);
    ASSERT_TRUE(watch.start(mine_.get()));
    drain();
    watch.read_drained();
    watch.write_full();
    Scope scope(*loop_);
    std::optional<bool> readable;
    std::optional<bool> writable;
    scope.spawn(wait_until(watch, Direction::kRead, Deadline::never(), readable));
    scope.spawn(wait_until(watch, Direction::kWrite, Deadline::never(), writable));
    drain();
    EXPECT_FALSE(readable);
    EXPECT_FALSE(writable);
    while (::read(other_.get(), block, sizeof block) > 0) {
    }
    drain();
    EXPECT_FALSE(readable);
    EXPECT_TRUE(writable);
    ASSERT_EQ(::write(other_.get(), "x", 1), 1);
    drain();
    EXPECT_TRUE(readable);
}

TEST_F(WatchTest, APeerThatClosesWakesBoth) {
    char block[4096] = {};
    while (::write(mine_.get(), block, sizeof block) > 0) {
    }
    Watch watch(*loop_);
    ASSERT_TRUE(watch.start(mine_.get()));
    drain();
    watch.read_drained();
    watch.write_full();
    Scope scope(*loop_);
    std::optional<bool> readable;
    std::optional<bool> writable;
    scope.spawn(wait_until(watch, Direction::kRead, Deadline::never(), readable));
    scope.spawn(wait_until(watch, Direction::kWrite, Deadline::never(), writable));
    other_.close();
    drain();
    EXPECT_TRUE(readable);
    EXPECT_TRUE(writable);
    EXPECT_TRUE(watch.hung_up());
}

TEST_F(WatchTest, WatchesAnotherDescriptorAfterStop) {
    Watch watch(*loop_);
    ASSERT_TRUE(watch.start(mine_.get()));
    watch.stop();
    watch.stop();
    ASSERT_TRUE(watch.start(other_.get()));
    EXPECT_FALSE(watch.hung_up());
    Watch wrong(*loop_);
    EXPECT_FALSE(wrong.start(12345));
}

TEST(ProcessWatch, SeesTheEndAndCollectsIt) {
    const base::SystemClock clock;
    auto loop = std::move(*Loop::open(clock));
    auto quick = os::Process::spawn({.argv = {"/bin/sh", "-c", "exit 4"}});
    EXPECT_EQ(block_on(*loop, wait_for_exit(*loop, *quick)).value(), (os::ExitStatus{.code = 4}));
    auto slow = os::Process::spawn({.argv = {"/bin/sleep", "60"}});
    const auto late =
        block_on(*loop, wait_for_exit(*loop, *slow, Deadline::in(*loop, milliseconds(5))));
    EXPECT_EQ(late.error().code(), ErrorCode::kTimeout);
    ASSERT_TRUE(slow->send_signal(SIGKILL));
    EXPECT_EQ(block_on(*loop, wait_for_exit(*loop, *slow))->signal, SIGKILL);
}

TEST(SignalWatch, DeliversSignalsInTheOrderOfTheirNumbers) {
    const base::SystemClock clock;
    auto loop = std::move(*Loop::open(clock));
    const int numbers[] = {SIGUSR1, SIGUSR2};
    SignalWatch watch(*loop, std::move(*os::SignalSet::open(numbers)));
    ASSERT_TRUE(watch.start());
    ::kill(getpid(), SIGUSR2);
    ::kill(getpid(), SIGUSR1);
    EXPECT_EQ(block_on(*loop, watch.next()).number, SIGUSR1);
    EXPECT_EQ(block_on(*loop, watch.next()).number, SIGUSR2);
}

}  // namespace
}  // namespace shore::async
