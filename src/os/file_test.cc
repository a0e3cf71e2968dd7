#include "os/file.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/directory.h"
#include "os/random.h"
#include "os/signal.h"

namespace shore::os {
namespace {

TEST(File, IsReplacedWholeAndWithItsMode) {
    const auto directory = TemporaryDirectory::create();
    ASSERT_TRUE(directory);
    const std::string path = directory->file("state");
    ASSERT_TRUE(write_file_atomically(path, "one", 0600));
    ASSERT_TRUE(write_file_atomically(path, std::string(100'000, 'x'), 0640));
    EXPECT_EQ(read_file(path, Bytes::mib(1))->size(), 100'000u);
    struct stat about{};
    ASSERT_EQ(stat(path.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 07777, 0640u);
    EXPECT_EQ(list_directory(directory->path()).value(), (std::vector<std::string>{"state"}));
    const auto nowhere = write_file_atomically(directory->file("no/such"), "x");
    EXPECT_EQ(nowhere.error().code(), ErrorCode::kNotFound);
}

TEST(File, LargerThanTheLimitIsRefused) {
    const auto directory = TemporaryDirectory::create();
    const std::string path = directory->file("f");
    ASSERT_TRUE(write_file_atomically(path, "12345"));
    EXPECT_EQ(read_file(path, Bytes{5}).value(), "12345");
    EXPECT_EQ(read_file(path, Bytes{4}).error().code(), ErrorCode::kExhausted);
    EXPECT_EQ(read_file("/proc/self/status", Bytes{10}).error().code(), ErrorCode::kExhausted);
    EXPECT_GT(read_file("/proc/self/status", Bytes::kib(64))->size(), 100u);
    EXPECT_EQ(read_file(directory->path(), Bytes{4}).error().code(), ErrorCode::kInvalid);
    EXPECT_EQ(read_file("/no/such", Bytes{4}).error().code(), ErrorCode::kNotFound);
}

TEST(FileLock, IsHeldByOneAtATime) {
    const auto directory = TemporaryDirectory::create();
    const std::string path = directory->file("lock");
    {
        const auto mine = FileLock::try_lock(path);
        ASSERT_TRUE(mine && *mine);
        const auto other = FileLock::try_lock(path);
        ASSERT_TRUE(other);
        EXPECT_FALSE(*other);
    }
    EXPECT_TRUE(FileLock::try_lock(path).value());
}

TEST(Directory, IsMadeWithItsParentsAndRemovedWithItsContents) {
    const auto directory = TemporaryDirectory::create();
    const std::string deep = directory->file("a/b/c");
    ASSERT_TRUE(make_directories(deep, 0700));
    ASSERT_TRUE(make_directories(deep + "/", 0700));
    ASSERT_TRUE(write_file_atomically(deep + "/f", "x"));
    // What a link points to stays.
    ASSERT_TRUE(write_file_atomically(directory->file("kept"), "x"));
    ASSERT_EQ(symlink(directory->path().c_str(), (deep + "/link").c_str()), 0);
    EXPECT_EQ(make_directories(deep + "/f/g").error().code(), ErrorCode::kConflict);
    EXPECT_EQ(make_directories(deep + "/f").error().code(), ErrorCode::kConflict);
    ASSERT_TRUE(remove_tree(directory->file("a")));
    ASSERT_TRUE(remove_tree(directory->file("a")));
    EXPECT_EQ(list_directory(directory->path()).value(), (std::vector<std::string>{"kept"}));
    EXPECT_EQ(list_directory(directory->path(), 0).error().code(), ErrorCode::kExhausted);
    EXPECT_GT(disk_space(directory->path())->total.count, 0u);
}

TEST(Signal, NamesAndNumbersAgree) {
    EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
    EXPECT_EQ(signal_number("SIGTERM"), SIGTERM);
    EXPECT_EQ(signal_number("usr1"), SIGUSR1);
    EXPECT_EQ(signal_number("9"), SIGKILL);
    EXPECT_EQ(signal_number("SIGRTMIN+3"), SIGRTMIN + 3);
    EXPECT_EQ(signal_name(SIGRTMIN + 3), "SIGRTMIN+3");
    EXPECT_EQ(signal_number("RTMAX-1"), SIGRTMAX - 1);
    EXPECT_EQ(signal_name(0), "signal 0");
    for (const char* wrong : {"", "0", "-1", "999", "SIG", "SIGNOPE", "RTMIN+99", "RTMIN-1"}) {
        EXPECT_FALSE(signal_number(wrong)) << wrong;
    }
}

TEST(SignalSet, DeliversWhatWasSent) {
    const int numbers[] = {SIGUSR1, SIGUSR2};
    auto set = SignalSet::open(numbers);
    ASSERT_TRUE(set);
    EXPECT_FALSE(set->take());
    ::kill(getpid(), SIGUSR2);
    const auto received = set->take();
    ASSERT_TRUE(received);
    EXPECT_EQ(received->number, SIGUSR2);
    EXPECT_EQ(received->sender, getpid());
    EXPECT_FALSE(set->take());
    const int wrong[] = {999};
    EXPECT_EQ(SignalSet::open(wrong).error().code(), ErrorCode::kInvalid);
}

TEST(Random, IsDifferentEveryTime) {
    EXPECT_EQ(random_hex(16).size(), 32u);
    EXPECT_NE(random_hex(16), random_hex(16));
    EXPECT_NE(random_seed(), random_seed());
}

}  // namespace
}  // namespace shore::os
