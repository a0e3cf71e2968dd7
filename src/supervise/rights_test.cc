// The same under other rights: as an ordinary user everything works; as root, users and limits act.
#include <sys/resource.h>
#include <sys/stat.h>

#include "os/cgroup.h"
#include "supervise/supervisor_fixture_test.h"

namespace shore::supervise {
namespace {

using model::InstanceState;
using model::RestartCondition;

constexpr uid_t kNobody = 65'534;

using RightsTest = SupervisorTest;

/// This program, run as an ordinary user on a copy that such a user can read.
os::ExitStatus run_as_nobody(const std::string& filter, const os::TemporaryDirectory& place) {
    EXPECT_EQ(::chmod(place.path().c_str(), 0711), 0);
    const std::string program = place.file("supervise_test");
    const auto content = os::read_file("/proc/self/exe", Bytes::gib(2));
    EXPECT_TRUE(content && os::write_file_atomically(program, *content, 0755));
    os::SpawnOptions options;
    options.argv = {program, "--gtest_filter=" + filter, "--gtest_brief=1"};
    options.environment = {"PATH=/usr/local/bin:/usr/bin:/bin"};
    options.working_directory = "/";
    options.standard_output = os::SpawnOptions::kInherit;
    options.standard_error = os::SpawnOptions::kInherit;
    options.user = kNobody;
    options.group = kNobody;
    auto process = os::Process::spawn(options);
    EXPECT_TRUE(process) << process.error().text();
    return process ? process->wait_blocking().value_or(os::ExitStatus{.code = 1})
                   : os::ExitStatus{.code = 1};
}

TEST_F(RightsTest, EverythingWorksForAnOrdinaryUser) {
    if (::geteuid() != 0) {
        SUCCEED() << "this is an ordinary user, for whom all the other tests ran";
        return;
    }
    const auto place = std::move(*os::TemporaryDirectory::create());
    EXPECT_TRUE(run_as_nobody("SupervisorTest.*:AdoptionTest.*:FullDiskTest.*", place).success());
}

TEST_F(RightsTest, AnAppRunsAsItsUserAndReachesItsFilesAndVolumes) {
    auto order = shell("web-1",
                       "id -un; id -gn; cat $SHORE_FILE_TOKEN; touch $SHORE_VOLUME_DATA/x && "
                       "echo wrote; cat $SHORE_FILE_TOKEN/../../spec.json || echo kept");
    order.service.user = "nobody";
    order.service.one_shot = true;
    order.service.volumes.push_back({.source = "data"});
    order.service.files.push_back({.content = "s3cret\n", .target = "token", .secret = true});
    ASSERT_EQ(::chmod(directory_.path().c_str(), 0711), 0);
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kCompleted));
    const std::string log = log_text("web-1");
    if (::geteuid() != 0) {
        EXPECT_EQ(events_.of("instance.note").size(), ::geteuid() == kNobody ? 0u : 1u);
        return;
    }
    for (const char* message : {"nobody", "nogroup", "s3cret", "wrote", "kept"}) {
        EXPECT_NE(log.find(fmt::format("\"message\":\"{}\"", message)), std::string::npos)
            << message << "\n"
            << log;
    }
}

TEST_F(RightsTest, LimitsActByCgroupAndTheCgroupGoesWithTheInstance) {
    const auto tree = os::CgroupTree::discover();
    auto order = shell("web-1", "cat /proc/self/cgroup; ulimit -n; umask; exec sleep 1000");
    order.service.limits.pids = 20;
    order.service.limits.cpus = 0.5;
    order.service.ulimits.push_back({.name = "nofile", .soft = 77, .hard = 99});
    order.service.umask = 027;
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    ASSERT_TRUE(
        wait_until([&] { return log_text("web-1").find("\"0027\"") != std::string::npos; }));
    const std::string log = log_text("web-1");
    EXPECT_NE(log.find("\"77\""), std::string::npos) << log;
    if (!tree.can_limit_cpu() || !tree.can_limit_pids()) {
        EXPECT_FALSE(events_.of("instance.note").empty());
        return;
    }
    EXPECT_NE(log.find("/shore/shop.web-1"), std::string::npos) << log;
    ASSERT_TRUE(run(supervisor_->stop(key("web-1"))));
    EXPECT_TRUE(events_.of("instance.cgroup_left").empty());
}

/// A disk that is full for the shim: a limit on file size stands for it, as it also cuts writes
/// short.
class FullDiskTest : public SupervisorTest {
 protected:
    static void limit_files(pid_t pid, rlim_t bytes) {
        rlimit limit{};
        ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, nullptr, &limit), 0);
        limit.rlim_cur = std::min(bytes, limit.rlim_max);
        ASSERT_EQ(::prlimit(pid, RLIMIT_FSIZE, &limit, nullptr), 0);
    }
};

TEST_F(FullDiskTest, TheAppGoesOnAndTheLossIsReportedAndLogged) {
    const std::string flag = directory_.file("more");
    auto order =
        shell("web-1", fmt::format("echo first; until test -e {0}1; do sleep 0.01; done; "
                                   "echo a; echo b; until test -e {0}2; do sleep 0.01; done; "
                                   "echo last; exec sleep 1000",
                                   flag));
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_until([&] { return log_text("web-1").find("first") != std::string::npos; }));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kRunning));
    const pid_t shim = os::process_stats(get("web-1").pid)->parent;
    limit_files(shim, 10);
    ASSERT_TRUE(os::write_file_atomically(flag + "1", ""));
    ASSERT_TRUE(wait_until([&] { return !events_.of("instance.output_lost").empty(); }));
    EXPECT_NE(events_.of("instance.output_lost")[0].find("lines of output lost: append to"),
              std::string::npos);
    limit_files(shim, RLIM_INFINITY);
    ASSERT_TRUE(os::write_file_atomically(flag + "2", ""));
    ASSERT_TRUE(
        wait_until([&] { return log_text("web-1").find("\"last\"") != std::string::npos; }));
    EXPECT_NE(log_text("web-1").find("\"stream\":\"shim\",\"message\":\"2 lines lost: "),
              std::string::npos)
        << log_text("web-1");
    EXPECT_EQ(get("web-1").state, InstanceState::kRunning);
    EXPECT_EQ(get("web-1").restarts, 0u);
}

TEST_F(SupervisorTest, OutputOfAnyKindDoesNoHarm) {
    auto order = shell("web-1", "");
    order.service.command = {"/usr/bin/python3", "-c",
                             "import os,sys\no=sys.stdout.buffer\no.write(b'x'*10_000_000+b'\\n')\n"
                             "o.write(os.urandom(3_000_000)+b'\\nthe end\\n')"};
    order.service.one_shot = true;
    order.service.log.file_size_max = Bytes::mib(1);
    order.service.log.files_max = 3;
    ASSERT_TRUE(supervisor_->start(order));
    ASSERT_TRUE(wait_for_state("web-1", InstanceState::kCompleted));
    EXPECT_NE(log_text("web-1").find("the end"), std::string::npos);
    // The live file and those kept, once the last of them is compressed.
    EXPECT_TRUE(wait_until(
        [&] { return os::list_directory(directory_.file("logs/shop/web"))->size() <= 4; }));
}

TEST_F(SupervisorTest, ManyInstancesStartAndStopTogether) {
    constexpr int kInstances = 40;
    for (int i = 1; i <= kInstances; ++i) {
        ASSERT_TRUE(supervisor_->start(shell(fmt::format("web-{}", i), "exec sleep 1000")));
    }
    const auto count = [&](InstanceState state) {
        const auto all = supervisor_->instances();
        return std::ranges::count(all, state, &model::Instance::state);
    };
    ASSERT_TRUE(wait_until([&] { return count(InstanceState::kRunning) == kInstances; }));
    EXPECT_EQ(supervisor_->instances()[1].id, "web-2");
    async::Scope scope(*loop_);
    for (int i = 1; i <= kInstances; ++i) {
        scope.spawn([](Supervisor& supervisor, std::string name) -> async::Task<void> {
            EXPECT_TRUE(co_await supervisor.stop(name));
        }(*supervisor_, key(fmt::format("web-{}", i))));
    }
    ASSERT_TRUE(wait_until([&] { return count(InstanceState::kStopped) == kInstances; }));
}

}  // namespace
}  // namespace shore::supervise
