#include "supervise/log_reader.h"

#include <gtest/gtest.h>

#include "async/block_on.h"
#include "async/worker_pool.h"
#include "observe/rotating_file.h"
#include "os/directory.h"
#include "os/file.h"
#include "supervise/log_files.h"
#include "supervise/log_writer.h"

namespace shore::supervise {
namespace {

using std::chrono::seconds;

class LogReaderTest : public testing::Test {
 protected:
    LogReaderTest()
        : directory_(std::move(*os::TemporaryDirectory::create())),
          loop_(std::move(*async::Loop::open(real_clock_))),
          workers_("test", 1) {}

    LogWriter writer(const std::string& service, const std::string& instance,
                     Bytes file_size_max = Bytes::mib(1), uint32_t files_max = 1000) {
        const std::string directory = directory_.file("shop/" + service);
        EXPECT_TRUE(os::make_directories(directory));
        LaunchSpec spec;
        spec.stack = "shop";
        spec.service = service;
        spec.instance = instance;
        spec.log_path = fmt::format("{}/{}.log", directory, instance);
        spec.log.file_size_max = file_size_max;
        spec.log.files_max = files_max;
        return LogWriter(spec, clock_, [](const std::string& path) {
            ASSERT_TRUE(observe::compress_file_blocking(path));
        });
    }
    void write(LogWriter& log, const std::string& line) {
        log.feed(async::OutputStream::kStdout, line + "\n");
        clock_.advance(seconds(1));
    }
    std::vector<std::string> read(LogFilter filter) {
        filter.stack = "shop";
        return messages(*read_log_blocking(directory_.path(), filter));
    }
    static std::vector<std::string> messages(const std::vector<LogLine>& lines) {
        std::vector<std::string> texts;
        for (const LogLine& line : lines) {
            texts.push_back(line.message);
        }
        return texts;
    }

    base::SystemClock real_clock_;
    base::ManualClock clock_{std::chrono::floor<seconds>(std::chrono::system_clock::now())};
    os::TemporaryDirectory directory_;
    std::unique_ptr<async::Loop> loop_;
    async::WorkerPool workers_;
};

using Texts = std::vector<std::string>;

TEST_F(LogReaderTest, MergesInstancesByTimeAndFilters) {
    LogWriter a = writer("api", "api-1");
    LogWriter b = writer("worker", "worker-2");
    const WallTime begin = clock_.wall_now();
    write(a, "one");
    write(b, "two");
    write(a, "three");
    EXPECT_EQ(read({}), (Texts{"one", "two", "three"}));
    EXPECT_EQ(read({.services = {"api"}}), (Texts{"one", "three"}));
    EXPECT_EQ(read({.instances = {"worker-2"}}), (Texts{"two"}));
    EXPECT_EQ(read({.since = begin + seconds(1)}), (Texts{"two", "three"}));
    EXPECT_EQ(read({.tail = 2}), (Texts{"two", "three"}));
    EXPECT_TRUE(read_log_blocking(directory_.path(), {.stack = "other"})->empty());
}

TEST_F(LogReaderTest, ReadsAcrossRotatedAndCompressedFiles) {
    LogWriter log = writer("api", "api-1", Bytes{400});
    Texts expected;
    for (int i = 0; i < 20; ++i) {
        expected.push_back(fmt::format("line {}", i));
        write(log, expected.back());
    }
    EXPECT_GT(os::list_directory(directory_.file("shop/api"))->size(), 5u);
    EXPECT_EQ(read({}), expected);
}

TEST_F(LogReaderTest, FollowsAcrossRotationsAndNewInstancesWithoutLossOrRepetition) {
    LogWriter first = writer("api", "api-1", Bytes{400});
    write(first, "api-1 0");
    LogFollower follower(*loop_, workers_, directory_.path(), {.stack = "shop"});
    Texts expected[2] = {{"api-1 0"}, {}};
    Texts seen[2];
    int next = 1;
    std::optional<LogWriter> second;
    while (seen[0].size() + seen[1].size() < 200) {
        const auto lines = async::block_on(*loop_, follower.next());
        ASSERT_TRUE(lines);
        for (const LogLine& line : *lines) {
            seen[line.instance == "api-1" ? 0 : 1].push_back(line.message);
        }
        // Seven lines are more than two files: rotation overtakes the follower.
        for (int i = 0; i < 7 && next < 200; ++i, ++next) {
            if (next == 20) {
                second.emplace(writer("api", "api-2", Bytes{400}));
            }
            const bool to_second = second && next % 2 == 1;
            expected[to_second ? 1 : 0].push_back(
                fmt::format("api-{} {}", to_second ? 2 : 1, next));
            write(to_second ? *second : first, expected[to_second ? 1 : 0].back());
        }
    }
    EXPECT_EQ(seen[0], expected[0]);
    EXPECT_EQ(seen[1], expected[1]);
}

TEST_F(LogReaderTest, SkipsRubbishInAFile) {
    LogWriter log = writer("api", "api-1");
    write(log, "good");
    const std::string path = directory_.file("shop/api/api-1.log");
    const std::string text = *os::read_file(path, Bytes::mib(1));
    ASSERT_TRUE(os::write_file_atomically(path, "rubbish\n{\"time\":1}\n" + text + "{\"cut"));
    EXPECT_EQ(read({}), (Texts{"good"}));
}

TEST(LogFiles, KnowsTheInstanceOfAFile) {
    EXPECT_EQ(instance_of_log("api-7.log"), "api-7");
    EXPECT_EQ(instance_of_log("api-7.log.20261121T042207.123Z.zst"), "api-7");
    EXPECT_EQ(instance_of_log("api-7.logs"), "");
    EXPECT_EQ(instance_of_log(".log"), "");
    EXPECT_EQ(instance_of_log("notes.txt"), "");
}

TEST(LogFiles, DeletesOldLogsOfOtherInstancesOnly) {
    const auto directory = std::move(*os::TemporaryDirectory::create());
    const WallTime now = std::chrono::system_clock::now();
    for (const char* name : {"api-1.log", "api-2.log", "notes.txt"}) {
        ASSERT_TRUE(os::write_file_atomically(directory.file(name), ""));
    }
    prune_ended_logs(directory.file("api-2.log"), std::chrono::hours(1), now);
    EXPECT_EQ(os::list_directory(directory.path())->size(), 3u);
    prune_ended_logs(directory.file("api-2.log"), std::chrono::hours(1),
                     now + std::chrono::hours(2));
    EXPECT_EQ(*os::list_directory(directory.path()), (Texts{"api-2.log", "notes.txt"}));
}

}  // namespace
}  // namespace shore::supervise
