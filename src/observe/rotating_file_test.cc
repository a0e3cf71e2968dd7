#include "observe/rotating_file.h"

#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "os/directory.h"
#include "os/file.h"

namespace shore::observe {
namespace {

class RotatingFileTest : public testing::Test {
 protected:
    RotatingFileTest()
        : directory_(std::move(*os::TemporaryDirectory::create())),
          path_(directory_.file("a.log")) {}

    RotatingFile open(RotationLimits limits) {
        auto file = RotatingFile::open(path_, limits, clock_, [](const std::string& path) {
            ASSERT_TRUE(compress_file_blocking(path));
        });
        EXPECT_TRUE(file) << file.error().text();
        return std::move(*file);
    }
    std::string content(const std::string& path) {
        return os::read_file(path, Bytes::mib(64)).value_or("(unreadable)");
    }
    std::string decompressed(const std::string& path) {
        const std::string packed = content(path);
        std::string text(1'000'000, '\0');
        const size_t size = ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size());
        EXPECT_FALSE(ZSTD_isError(size)) << path;
        text.resize(ZSTD_isError(size) ? 0 : size);
        return text;
    }

    base::ManualClock clock_{
        std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
    os::TemporaryDirectory directory_;
    std::string path_;
};

TEST_F(RotatingFileTest, RotatesBeforeALineWouldPassTheSize) {
    RotatingFile file = open({.file_size_max = Bytes{10}});
    ASSERT_TRUE(file.append("12345678\n"));
    ASSERT_TRUE(file.append("abc\n"));
    EXPECT_EQ(content(path_), "abc\n");
    const auto rotated = rotated_files(path_);
    ASSERT_EQ(rotated.size(), 1u);
    EXPECT_TRUE(rotated[0].ends_with("Z.zst"));
    EXPECT_EQ(decompressed(rotated[0]), "12345678\n");
}

TEST_F(RotatingFileTest, KeepsOnlyTheNewestFiles) {
    RotatingFile file = open({.file_size_max = Bytes{4}, .files_max = 3});
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(file.append(fmt::format("{:03}\n", i)));
    }
    const auto rotated = rotated_files(path_);
    ASSERT_EQ(rotated.size(), 3u);
    EXPECT_EQ(decompressed(rotated[0]), "006\n");
    EXPECT_EQ(decompressed(rotated[2]), "008\n");
}

TEST_F(RotatingFileTest, RotatesAndThenDeletesByAge) {
    RotatingFile file = open({.age_max = std::chrono::hours(24)});
    ASSERT_TRUE(file.append("old\n"));
    clock_.advance(std::chrono::hours(25));
    file.rotate_if_old();
    EXPECT_EQ(file.size(), 0u);
    // Its lines are as old as its last change, which the real clock set just now; 25 hours have
    // passed by the moved one.
    EXPECT_TRUE(rotated_files(path_).empty() || rotated_files(path_).size() == 1u);
    clock_.advance(std::chrono::hours(25));
    file.rotate_if_old();
    EXPECT_TRUE(rotated_files(path_).empty());
}

TEST_F(RotatingFileTest, LosesWholeLinesOnAFullDiskAndGoesOn) {
    // A limit on file size stands for the full disk: a write fails after a part of it was done.
    RotatingFile file = open({});
    ASSERT_TRUE(file.append("before\n"));
    rlimit saved{};
    getrlimit(RLIMIT_FSIZE, &saved);
    const auto handler = signal(SIGXFSZ, SIG_IGN);
    rlimit tight = saved;
    tight.rlim_cur = 10;
    setrlimit(RLIMIT_FSIZE, &tight);
    const auto lost = file.append("this line does not fit\n");
    setrlimit(RLIMIT_FSIZE, &saved);
    signal(SIGXFSZ, handler);
    EXPECT_FALSE(lost);
    EXPECT_EQ(content(path_), "before\n");
    ASSERT_TRUE(file.append("after\n"));
    EXPECT_EQ(content(path_), "before\nafter\n");
}

TEST_F(RotatingFileTest, CompressesWhatACrashLeftBehind) {
    const std::string left = path_ + ".20261121T042207.123Z";
    ASSERT_TRUE(os::write_file_atomically(left, "left\n"));
    RotatingFile file = open({});
    EXPECT_FALSE(os::file_exists(left));
    EXPECT_EQ(decompressed(left + ".zst"), "left\n");
}

TEST_F(RotatingFileTest, WhatIsPrunedWhileItIsCompressedDoesNotComeBack) {
    // A pipe under the file's name: the compression has opened it when the other end opens.
    const std::string path = directory_.file("pruned");
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    std::thread pruner([&] {
        const os::Fd end(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        ::unlink(path.c_str());
        EXPECT_TRUE(os::write_all_blocking(end.get(), "line\n"));
    });
    EXPECT_TRUE(compress_file_blocking(path));
    pruner.join();
    EXPECT_FALSE(os::file_exists(path + ".zst"));
    EXPECT_FALSE(os::file_exists(path + ".zst.tmp"));
}

TEST_F(RotatingFileTest, CompressesMegabytes) {
    std::string text;
    for (int i = 0; i < 40'000; ++i) {
        text += fmt::format("line {}\n", i * 7919);
    }
    const std::string path = directory_.file("big");
    ASSERT_TRUE(os::write_file_atomically(path, text));
    ASSERT_TRUE(compress_file_blocking(path));
    EXPECT_EQ(decompressed(path + ".zst"), text);
    EXPECT_LT(content(path + ".zst").size(), text.size() / 3);
}

TEST_F(RotatingFileTest, SeesOnlyItsOwnRotatedFiles) {
    ASSERT_TRUE(os::write_file_atomically(path_ + ".20261121T042207.123Z.zst.tmp", ""));
    ASSERT_TRUE(os::write_file_atomically(path_ + ".keep", ""));
    ASSERT_TRUE(os::write_file_atomically(directory_.file("a.log2.20261121T042207.123Z"), ""));
    EXPECT_TRUE(rotated_files(path_).empty());
}

}  // namespace
}  // namespace shore::observe
