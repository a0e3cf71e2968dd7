// What a new daemon makes of what an earlier one left.
#include "os/cgroup.h"
#include "supervise/supervisor_fixture_test.h"

namespace shore::supervise {
namespace {

using model::InstanceState;
using model::RestartCondition;
using std::chrono::milliseconds;
using std::chrono::seconds;

class AdoptionTest : public SupervisorTest {
 protected:
    /// What the shim says in status.json.
    std::string status_file(const std::string& id) {
        return os::read_file(run_file(id, "status.json"), Bytes::mib(1)).value_or("");
    }
    static pid_t parent_of(pid_t pid) { return os::process_stats(pid)->parent; }
};

TEST_F(AdoptionTest, TakesOverWithoutARestartAndKeepsCountsAndOutput) {
    auto order =
        shell("web-1", fmt::format("test -e {0} || {{ touch {0}; exit 1; }}; "
                                   "trap 'exit 0' TERM; n=0; "
                                   "while :; do n=$((n+1)); echo line $n; sleep 0.01; done",
                                   directory_.file("second")));
    order.service.restart.delay = milliseconds(10);
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    ASSERT_TRUE(wait_until([&] { return get("web-1").restarts == 1 && get("web-1").pid != 0; }));
    const model::Instance before = get("web-1");

    start_daemon();
    EXPECT_TRUE(supervisor_->instances().empty());
    ASSERT_TRUE(run(supervisor_->adopt()));
    ASSERT_TRUE(wait_until([&] { return !events_.of("instance.adopted").empty(); }));
    const model::Instance after = get("web-1");
    EXPECT_EQ(after.pid, before.pid);
    EXPECT_EQ(after.restarts, 1u);
    EXPECT_EQ(after.started_at, before.started_at);
    EXPECT_TRUE(process_exists(before.pid));

    ASSERT_TRUE(run(supervisor_->stop(key("web-1"))));
    EXPECT_FALSE(process_exists(before.pid));
    // No line is missing, however the daemon went.
    const std::string log = log_text("web-1");
    size_t at = 0;
    int count = 0;
    for (int n = 1; (at = log.find(fmt::format("\"line {}\"", n), at)) != std::string::npos; ++n) {
        count = n;
    }
    EXPECT_EQ(static_cast<size_t>(count), static_cast<size_t>(std::ranges::count(log, '\n')));
    EXPECT_GT(count, 0);
}

TEST_F(AdoptionTest, TakesOverAnInstanceThatWasBeingStarted) {
    auto order =
        shell("web-1", "echo port $PORT; trap 'exit 0' TERM; while :; do sleep 0.01; done");
    order.service.needs_port = true;
    // The daemon goes between the start of the shim and the shim's first word.
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(os::file_exists(run_file("web-1", "spec.json")));
    start_daemon();
    ASSERT_TRUE(run(supervisor_->adopt()));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    EXPECT_EQ(events_.of("instance.adopted").size(), 1u);
    EXPECT_EQ(events_.of("instance.exited"), std::vector<std::string>());
    EXPECT_NE(get("web-1").port, 0);
    const std::string said = fmt::format("\"port {}\"", get("web-1").port);
    EXPECT_TRUE(wait_until([&] { return log_text("web-1").contains(said); })) << said;
    ASSERT_TRUE(run(supervisor_->stop(key("web-1"))));
}

TEST_F(AdoptionTest, LearnsHowAnAppEndedWhileNoDaemonRan) {
    auto order =
        shell("web-1", "trap 'echo ouch; exit 7' USR1; echo set; while :; do sleep 0.01; done");
    order.service.restart.condition = RestartCondition::kNo;
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    ASSERT_TRUE(wait_until([&] { return log_text("web-1").find("set") != std::string::npos; }));
    const pid_t pid = get("web-1").pid;
    supervisor_.reset();
    ASSERT_EQ(::kill(pid, SIGUSR1), 0);
    ASSERT_TRUE(
        wait_until([&] { return status_file("web-1").find("exited") != std::string::npos; }));
    start_daemon();
    ASSERT_TRUE(run(supervisor_->adopt()));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kFailed));
    EXPECT_EQ(get("web-1").reason, "exit code 7; last output: ouch");
}

TEST_F(AdoptionTest, AppliesThePolicyToWhatEndedMeanwhile) {
    auto order = shell("web-1", "exec sleep 1000");
    order.service.restart.delay = milliseconds(10);
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    const pid_t pid = get("web-1").pid;
    supervisor_.reset();
    ::kill(pid, SIGKILL);
    ASSERT_TRUE(
        wait_until([&] { return status_file("web-1").find("exited") != std::string::npos; }));
    start_daemon();
    ASSERT_TRUE(run(supervisor_->adopt()));
    ASSERT_TRUE(wait_until([&] { return get("web-1").restarts == 1; }));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    EXPECT_NE(get("web-1").pid, pid);
}

TEST_F(AdoptionTest, CompletesAStopThatTheDaemonDidNotSeeTheEndOf) {
    auto order = shell("web-1", "trap '' TERM; echo ready; while :; do sleep 0.01; done");
    order.service.stop_grace_period = milliseconds(300);
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_until([&] { return log_text("web-1").find("ready") != std::string::npos; }));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    const pid_t pid = get("web-1").pid;
    {
        async::Scope scope(*loop_);
        scope.spawn([](Supervisor& supervisor) -> async::Task<void> {
            (void)co_await supervisor.stop(key("web-1"));
        }(*supervisor_));
        ASSERT_TRUE(wait_for_state("web-1", InstanceState::kStopping));
    }
    start_daemon();
    ASSERT_TRUE(run(supervisor_->adopt()));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kStopped));
    EXPECT_FALSE(process_exists(pid));
}

TEST_F(AdoptionTest, KnowsEndedInstancesAndLeavesThemAlone) {
    ASSERT_TRUE(supervisor_->start(shell("web-1", "exec sleep 1000")));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    ASSERT_TRUE(run(supervisor_->stop(key("web-1"))));
    start_daemon();
    ASSERT_TRUE(run(supervisor_->adopt()));
    EXPECT_EQ(get("web-1").state, InstanceState::kStopped);
    EXPECT_TRUE(supervisor_->forget(key("web-1")));
}

TEST_F(AdoptionTest, ReportsARecordThatCannotBeRead) {
    ASSERT_TRUE(os::make_directories(directory_.file("run/shop/web-1")));
    ASSERT_TRUE(os::write_file_atomically(run_file("web-1", "instance.json"), "{\"id\":"));
    ASSERT_TRUE(run(supervisor_->adopt()));
    EXPECT_EQ(events_.of("instance.not_adopted").size(), 1u);
    EXPECT_TRUE(os::file_exists(run_file("web-1", "instance.json")));
}

TEST_F(AdoptionTest, AKilledShimTakesItsAppAlongAndTheInstanceIsRestarted) {
    auto order = shell("web-1", "sh -c 'echo $$ > child; exec sleep 1000' & exec sleep 1000");
    order.service.working_dir = directory_.path();
    order.service.restart.delay = milliseconds(10);
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    ASSERT_TRUE(wait_until([&] { return os::file_exists(directory_.file("child")); }));
    const pid_t pid = get("web-1").pid;
    ASSERT_TRUE(wait_until([&] {
        return os::read_file(directory_.file("child"), Bytes{100}).value_or("").ends_with('\n');
    }));
    const pid_t child = std::stoi(*os::read_file(directory_.file("child"), Bytes{100}));
    ASSERT_EQ(::kill(parent_of(pid), SIGKILL), 0);
    ASSERT_TRUE(wait_until([&] { return get("web-1").restarts == 1; }));
    EXPECT_FALSE(process_exists(pid));
    EXPECT_FALSE(process_exists(child));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
}

TEST_F(AdoptionTest, NamesAnOutOfMemoryKillWhereLimitsArePermitted) {
    auto order = shell("web-1", "");
    order.service.command = {"/usr/bin/python3", "-c",
                             "print('growing', flush=True)\nx = bytearray(300 * 2**20)"};
    order.service.limits.memory = Bytes::mib(48);
    order.service.restart.condition = RestartCondition::kNo;
    ASSERT_TRUE(supervisor_->start(order));
    if (!os::CgroupTree::discover().can_limit_memory()) {
        ASSERT_TRUE(wait_until([&] { return !events_.of("instance.note").empty(); }));
        EXPECT_NE(events_.of("instance.note")[0].find("memory limit of 48M"), std::string::npos);
        return;
    }
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kFailed));
    EXPECT_EQ(get("web-1").reason,
              "out of memory: killed by the kernel at its limit of 48M; last output: growing");
    EXPECT_EQ(events_.of("instance.oom_killed").size(), 1u);
    EXPECT_FALSE(os::file_exists(fmt::format("/sys/fs/cgroup/memory/shore/shop.web-1")));
}

}  // namespace
}  // namespace shore::supervise
