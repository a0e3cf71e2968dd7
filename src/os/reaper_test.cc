#include "os/reaper.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/process.h"

namespace shore::os {
namespace {

const std::vector<std::string> kEnvironment = {"PATH=/usr/bin:/bin"};

/// A shell whose whole family (itself, a shell, two sleepers) is there once this returns.
Process family() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const Fd reading(ends[0]);
    Fd writing(ends[1]);
    auto shell =
        Process::spawn({.argv = {"sh", "-c", "sleep 1000 & sh -c 'sleep 1000 & echo; wait' & wait"},
                        .environment = kEnvironment,
                        .standard_output = writing.get(),
                        .new_session = true});
    writing.close();
    char line = 0;
    EXPECT_EQ(read(reading.get(), &line, 1), 1);
    return std::move(*shell);
}

std::vector<pid_t> sorted(std::vector<pid_t> pids) {
    std::ranges::sort(pids);
    return pids;
}

TEST(Reaper, KnowsWhetherAnyChildIsLeftUntilTheLastIsCollected) {
    EXPECT_FALSE(has_children());
    auto child = Process::spawn({.argv = {"sleep", "1000"}, .environment = kEnvironment});
    ASSERT_TRUE(child);
    EXPECT_TRUE(has_children());
    ASSERT_TRUE(child->send_signal(SIGKILL));
    EXPECT_TRUE(child->wait_blocking());
    EXPECT_FALSE(has_children());
}

TEST(Reaper, FindsTheSameDescendantsInTheKernelsListsAsInAPassOverEverything) {
    Process shell = family();
    const std::vector<pid_t> found = sorted(descendants(getpid()));
    EXPECT_EQ(found.size(), 4u);
    EXPECT_TRUE(std::ranges::binary_search(found, shell.pid()));
    EXPECT_EQ(found, sorted(descendants_by_scan(getpid())));
    ASSERT_TRUE(signal_group(shell.pid(), SIGKILL));
    EXPECT_TRUE(shell.wait_blocking());
}

TEST(Reaper, FindsAChildThatAnotherThreadStarted) {
    pid_t started = 0;
    std::atomic<bool> done = false;
    Process child;
    std::thread thread([&] {
        child =
            std::move(*Process::spawn({.argv = {"sleep", "1000"}, .environment = kEnvironment}));
        started = child.pid();
        done = true;
        done.notify_one();
        done.wait(true);
    });
    done.wait(false);
    EXPECT_EQ(descendants(getpid()), std::vector<pid_t>{started});
    done = false;
    done.notify_one();
    thread.join();
    ASSERT_TRUE(child.send_signal(SIGKILL));
    EXPECT_TRUE(child.wait_blocking());
}

TEST(Reaper, LeavesOutTheDeadAndFindsNothingBelowAProcessThatIsGone) {
    auto child = Process::spawn({.argv = {"true"}, .environment = kEnvironment});
    ASSERT_TRUE(child);
    siginfo_t ended{};
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child->pid()), &ended, WEXITED | WNOWAIT), 0);
    EXPECT_TRUE(descendants(getpid()).empty());
    EXPECT_TRUE(descendants_by_scan(getpid()).empty());
    EXPECT_TRUE(child->wait_blocking());
    EXPECT_TRUE(descendants(child->pid()).empty());
}

}  // namespace
}  // namespace shore::os
