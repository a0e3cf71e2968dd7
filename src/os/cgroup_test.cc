#include "os/cgroup.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "os/directory.h"
#include "os/file.h"
#include "os/process.h"
#include "os/user.h"

namespace shore::os {
namespace {

TEST(Cgroup, WritesTheLimitsOfVersion2) {
    const auto mount = std::move(*TemporaryDirectory::create());
    ASSERT_TRUE(
        write_file_atomically(mount.file("cgroup.controllers"), "cpuset cpu io memory pids\n"));
    ASSERT_TRUE(write_file_atomically(mount.file("cgroup.subtree_control"), ""));
    const std::string group = mount.file("shore/shop.api-1");
    ASSERT_TRUE(make_directories(group));
    ASSERT_TRUE(write_file_atomically(mount.file("shore/cgroup.subtree_control"), ""));
    for (const char* name : {"/cpu.max", "/memory.max", "/memory.oom.group", "/pids.max"}) {
        ASSERT_TRUE(write_file_atomically(group + name, ""));
    }
    const CgroupTree tree = CgroupTree::discover(mount.path());
    EXPECT_TRUE(tree.can_limit_cpu() && tree.can_limit_memory() && tree.can_limit_pids())
        << tree.why_not();
    const auto made =
        tree.create("shop.api-1", {.cpus = 0.5, .memory = Bytes::mib(64), .pids = 100});
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(*made, std::vector{group});
    EXPECT_EQ(*read_file(group + "/cpu.max", Bytes{100}), "50000 100000");
    EXPECT_EQ(*read_file(group + "/memory.max", Bytes{100}), "67108864");
    EXPECT_EQ(*read_file(group + "/memory.oom.group", Bytes{100}), "1");
    EXPECT_EQ(*read_file(group + "/pids.max", Bytes{100}), "100");
}

TEST(Cgroup, CountsOutOfMemoryKillsInBothVersions) {
    const auto directory = std::move(*TemporaryDirectory::create());
    EXPECT_EQ(cgroup_oom_kills({directory.path()}), 0u);
    ASSERT_TRUE(write_file_atomically(directory.file("memory.oom_control"),
                                      "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"));
    EXPECT_EQ(cgroup_oom_kills({directory.path()}), 2u);
    ASSERT_TRUE(
        write_file_atomically(directory.file("memory.events"), "low 0\noom 4\noom_kill 3\n"));
    EXPECT_EQ(cgroup_oom_kills({directory.path()}), 3u);
}

TEST(Cgroup, SaysWhyItCannotLimit) {
    const auto mount = std::move(*TemporaryDirectory::create());
    const CgroupTree tree = CgroupTree::discover(mount.path());
    EXPECT_FALSE(tree.can_limit_memory());
    EXPECT_NE(tree.why_not().find("no cgroup controller"), std::string::npos);
    EXPECT_EQ(tree.create("x", {.memory = Bytes::mib(1)})->size(), 0u);
}

TEST(Cgroup, HoldsProcessesOfThisMachineWherePermitted) {
    const CgroupTree tree = CgroupTree::discover();
    if (!tree.can_limit_pids()) {
        EXPECT_FALSE(tree.why_not().empty());
        return;
    }
    const std::string name = fmt::format("test.{}", ::getpid());
    auto group = tree.create(name, {.pids = 10});
    ASSERT_TRUE(group) << group.error().text();
    SpawnOptions options{.argv = {"sleep", "1000"}, .environment = {"PATH=/usr/bin:/bin"}};
    for (const std::string& directory : *group) {
        options.cgroup_procs.push_back(directory + "/cgroup.procs");
    }
    auto process = Process::spawn(options);
    ASSERT_TRUE(process) << process.error().text();
    EXPECT_FALSE(cgroup_remove(*group));
    cgroup_kill(*group);
    EXPECT_EQ(process->wait_blocking()->signal, 9);
    EXPECT_TRUE(cgroup_remove(*group));
    EXPECT_TRUE(cgroup_remove(*group));
}

}  // namespace
}  // namespace shore::os
