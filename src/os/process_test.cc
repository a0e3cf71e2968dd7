#include "os/process.h"

#include <csignal>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/directory.h"
#include "os/file.h"
#include "os/process_stats.h"
#include "os/user.h"

namespace shore::os {
namespace {

const std::vector<std::string> kEnvironment = {"PATH=/usr/bin:/bin", "COLOUR=blue"};

/// What a shell command prints, run with `options` changed as the test wants.
std::string output_of(SpawnOptions options, const std::string& script) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const Fd reading(ends[0]);
    Fd writing(ends[1]);
    options.argv = {"sh", "-c", script};
    if (options.environment.empty()) {
        options.environment = kEnvironment;
    }
    options.standard_output = writing.get();
    auto process = Process::spawn(options);
    writing.close();
    if (!process) {
        return process.error().text();
    }
    std::string text;
    char buffer[256];
    ssize_t got = 0;
    while ((got = read(reading.get(), buffer, sizeof buffer)) > 0) {
        text.append(buffer, static_cast<size_t>(got));
    }
    EXPECT_TRUE(process->wait_blocking());
    return text;
}

TEST(Process, RunsAProgramFoundInThePathOfTheChild) {
    EXPECT_EQ(output_of({}, "echo $COLOUR"), "blue\n");
}

TEST(Process, ReportsTheExitCodeAndTheSignal) {
    auto left = Process::spawn({.argv = {"sh", "-c", "exit 3"}, .environment = kEnvironment});
    ASSERT_TRUE(left);
    EXPECT_EQ(left->wait_blocking().value(), (ExitStatus{.code = 3}));
    EXPECT_EQ(left->try_wait().error().code(), ErrorCode::kUnavailable);  // ECHILD: collected.

    auto killed = Process::spawn({.argv = {"sleep", "60"}, .environment = kEnvironment});
    ASSERT_TRUE(killed);
    EXPECT_FALSE(killed->try_wait().value());
    EXPECT_FALSE(killed->has_ended());
    ASSERT_TRUE(killed->send_signal(SIGKILL));
    const auto status = killed->wait_blocking();
    EXPECT_EQ(status->signal, SIGKILL);
    EXPECT_EQ(status->shell_code(), 137);
    EXPECT_EQ(to_text(*status), "killed by SIGKILL");
    EXPECT_EQ(killed->send_signal(SIGTERM).error().code(), ErrorCode::kNotFound);
}

TEST(Process, SaysWhichStepFailedOnWhat) {
    const auto missing = Process::spawn({.argv = {"no-such-program"}, .environment = kEnvironment});
    EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
    EXPECT_EQ(missing.error().text(), "execute no-such-program: No such file or directory");

    const auto nowhere = Process::spawn(
        {.argv = {"true"}, .environment = kEnvironment, .working_directory = "/no/such/place"});
    EXPECT_EQ(nowhere.error().text(), "enter directory /no/such/place: No such file or directory");

    const auto forbidden = Process::spawn({.argv = {"/etc/passwd"}, .environment = kEnvironment});
    EXPECT_EQ(forbidden.error().code(), ErrorCode::kPermission);

    EXPECT_EQ(Process::spawn({}).error().code(), ErrorCode::kInvalid);
}

TEST(Process, HandsOverOnlyTheDescriptorsThatWereNamed) {
    int leaked[2];
    ASSERT_EQ(pipe(leaked), 0);  // Without close-on-exec, on purpose.
    const Fd a(leaked[0]);
    const Fd b(leaked[1]);
    const auto directory = TemporaryDirectory::create();
    ASSERT_TRUE(write_file_atomically(directory->file("f"), "from the file"));
    const Fd file(::open(directory->file("f").c_str(), O_RDONLY | O_CLOEXEC));
    // Sources and targets overlap: 3 and 4 may well be open in the parent.
    EXPECT_EQ(output_of({.descriptors = {{file.get(), 4}, {a.get(), 3}}}, "cat <&4"),
              "from the file");
    const std::string open = output_of({.descriptors = {{file.get(), 9}}}, "ls /proc/self/fd");
    EXPECT_EQ(open, "0\n1\n2\n3\n9\n");  // 3 is ls reading the directory.
}

TEST(Process, BeginsItsOwnSessionAndAGroupThatCanBeSignalled) {
    auto process = Process::spawn({.argv = {"sh", "-c", "sleep 60 & sleep 60"},
                                   .environment = kEnvironment,
                                   .new_session = true});
    ASSERT_TRUE(process);
    const auto stats = process_stats(process->pid());
    ASSERT_TRUE(stats);
    EXPECT_EQ(stats->session, process->pid());
    EXPECT_EQ(stats->group, process->pid());
    ASSERT_TRUE(signal_group(process->pid(), SIGKILL));
    EXPECT_EQ(process->wait_blocking()->signal, SIGKILL);
    EXPECT_EQ(signal_group(1, SIGTERM).error().code(), ErrorCode::kInvalid);
}

TEST(Process, AppliesLimitsUmaskDirectoryAndOomScore) {
    SpawnOptions options;
    options.limits = {{RLIMIT_NOFILE, 77, 78}, {RLIMIT_CORE, 0, 0}};
    options.umask = 027;
    options.working_directory = "/usr";
    options.oom_score_adjust = 500;
    EXPECT_EQ(
        output_of(options, "ulimit -Sn; ulimit -Hn; umask; pwd; cat /proc/self/oom_score_adj"),
        "77\n78\n0027\n/usr\n500\n");
}

TEST(Process, StartsWithDefaultSignalsWhateverTheParentDoes) {
    sigset_t blocked;
    sigset_t before;
    sigfillset(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    const std::string text = output_of({}, "grep -E 'Sig(Blk|Ign)' /proc/self/status");
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    EXPECT_EQ(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST(Process, BecomesAnotherUser) {
    if (geteuid() != 0) {
        // tidy-allow(unfinished): an ordinary user cannot, and then there is nothing to test.
        GTEST_SKIP() << "only root can become another user";
    }
    SpawnOptions options;
    options.user = 65534;
    options.group = 65534;
    options.groups = {65534};
    options.no_new_privileges = true;
    EXPECT_EQ(output_of(options, "id -u; id -g; id -G"), "65534\n65534\n65534\n");
}

TEST(Process, FollowsItsParentWhenAsked) {
    SpawnOptions options;
    options.parent_death_signal = SIGTERM;
    EXPECT_EQ(output_of(options, "echo alive"), "alive\n");
}

TEST(Process, OpensAStrangerButCannotCollectIt) {
    auto self = Process::open(getppid());
    ASSERT_TRUE(self);
    EXPECT_FALSE(self->has_ended());
    EXPECT_FALSE(self->try_wait());
    EXPECT_EQ(Process::open(0x3fffff).error().code(), ErrorCode::kNotFound);
}

TEST(ProcessStats, ReadsACommandWithParenthesesAndSpaces) {
    const auto stats = parse_process_stat(
        "42 (a) b (c)) S 1 42 40 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 3 0 98765 1000 256 x");
    ASSERT_TRUE(stats);
    EXPECT_EQ(stats->pid, 42);
    EXPECT_EQ(stats->command, "a) b (c)");
    EXPECT_EQ(stats->state, 'S');
    EXPECT_EQ(stats->session, 40);
    EXPECT_EQ(stats->cpu, std::chrono::seconds(2));
    EXPECT_EQ(stats->threads, 3u);
    EXPECT_EQ(stats->start_ticks, 98765u);
    EXPECT_EQ(stats->resident, Bytes{256 * static_cast<uint64_t>(sysconf(_SC_PAGESIZE))});
    EXPECT_EQ(parse_process_stat("rubbish").error().code(), ErrorCode::kCorrupt);
    EXPECT_EQ(parse_process_stat("1 (x) S 2").error().code(), ErrorCode::kCorrupt);
    EXPECT_EQ(parse_process_stat("").error().code(), ErrorCode::kCorrupt);
}

TEST(ProcessStats, SeesThisProcessAndTheMachine) {
    const auto self = process_stats(getpid());
    ASSERT_TRUE(self);
    EXPECT_EQ(self->parent, getppid());
    EXPECT_GT(self->resident.count, 0u);
    EXPECT_EQ(process_start_ticks(getpid()).value(), self->start_ticks);
    EXPECT_EQ(process_stats(0x3fffff).error().code(), ErrorCode::kNotFound);
    const auto all = all_processes();
    ASSERT_TRUE(all);
    EXPECT_TRUE(std::ranges::any_of(*all, [](const ProcessStats& s) { return s.pid == getpid(); }));
    const auto machine = machine_stats();
    ASSERT_TRUE(machine);
    EXPECT_GT(machine->memory_total, machine->memory_available);
    EXPECT_GE(machine->cpus, 1u);
}

TEST(User, IsFoundByNameByNumberAndWithAGroup) {
    const auto root = find_user_blocking("root");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->uid, 0u);
    EXPECT_EQ(root->home, "/root");
    EXPECT_EQ(find_user_blocking("4000001")->uid, 4000001u);
    const auto mixed = find_user_blocking("root:4000002");
    EXPECT_EQ(mixed->gid, 4000002u);
    EXPECT_EQ(find_user_blocking("no-such-user").error().code(), ErrorCode::kNotFound);
    EXPECT_EQ(find_user_blocking("root:no-such-group").error().code(), ErrorCode::kNotFound);
    EXPECT_EQ(find_user_blocking(":0").error().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace shore::os
