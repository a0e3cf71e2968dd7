#include "observe/log.h"

#include <limits>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "observe/rotating_file.h"
#include "os/directory.h"
#include "os/file.h"
#include "wire/json.h"

namespace shore::observe {
namespace {

class Lines final : public LogSink {
 public:
    void write_line(std::string_view line) override { lines.emplace_back(line); }
    std::vector<std::string> lines;
};

TEST(Log, WritesPlainLinesWhereAShimMakesRecordsOfThem) {
    const base::ManualClock clock;
    Lines lines;
    const Log log = Log(lines, clock, Level::kInfo, LogForm::kPlain).with({{"part", "redis"}});
    log.info("ready", {{"port", 30000}});
    log.error("the server cannot start", Error(ErrorCode::kNotFound, "no such program"));
    Log(lines, clock, Level::kInfo, LogForm::kPlain).warning("late");
    EXPECT_EQ(lines.lines, (std::vector<std::string>{
                               "ready (part=redis, port=30000)\n",
                               "error: the server cannot start: no such program (part=redis)\n",
                               "warning: late\n"}));
}

TEST(Log, WritesOneJsonObjectALine) {
    const base::ManualClock clock;
    Lines lines;
    const Log log = Log(lines, clock).with({{"component", "test"}});
    log.info("a \"thing\"\nhappened", {{"pid", 42},
                                       {"big", std::numeric_limits<uint64_t>::max()},
                                       {"ok", true},
                                       {"ratio", 0.5},
                                       {"none", std::numeric_limits<double>::quiet_NaN()},
                                       {"text", std::string("x\x01\xff")}});
    ASSERT_EQ(lines.lines.size(), 1u);
    EXPECT_EQ(lines.lines[0],
              "{\"time\":\"2023-11-14T22:13:20.000Z\",\"level\":\"info\",\"component\":\"test\","
              "\"message\":\"a \\\"thing\\\"\\nhappened\",\"pid\":42,"
              "\"big\":18446744073709551615,\"ok\":true,\"ratio\":0.5,\"none\":null,"
              "\"text\":\"x\\u0001\xEF\xBF\xBD\"}\n");
    EXPECT_TRUE(
        wire::Json::parse(std::string_view(lines.lines[0]).substr(0, lines.lines[0].size() - 1)));
}

TEST(Log, LeavesOutWhatIsBelowItsLevel) {
    const base::ManualClock clock;
    Lines lines;
    const Log log(lines, clock, Level::kWarning);
    log.info("no");
    log.debug("no");
    log.warning("yes");
    log.error("yes", Error(ErrorCode::kTimeout, "too late").with("the probe"),
              {{"service", "api"}});
    ASSERT_EQ(lines.lines.size(), 2u);
    EXPECT_TRUE(lines.lines[1].contains(
        R"("code":"timeout","error":"the probe: too late","service":"api")"));
    Log().error("nobody listens");
}

TEST(Log, CutsATextThatIsTooLongAtACharacter) {
    const base::ManualClock clock;
    Lines lines;
    std::string text;
    while (text.size() < 100'000) {
        text += "ä";
    }
    Log(lines, clock).info(text);
    EXPECT_LT(lines.lines[0].size(), 20'000u);
    EXPECT_TRUE(lines.lines[0].ends_with("ä…\"}\n"));
}

TEST(Log, ReadsLevels) {
    EXPECT_EQ(parse_level("debug").value(), Level::kDebug);
    EXPECT_EQ(parse_level("warn").value(), Level::kWarning);
    EXPECT_EQ(parse_level("eror").error().text(),
              "a log level is one of debug, info, warning, error, got \"eror\", did you mean "
              "\"error\"?");
}

TEST(FdLogSink, DropsAndCountsWhatCannotBeWritten) {
    const os::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    FdLogSink sink(full.get());
    sink.write_line("lost\n");
    EXPECT_EQ(sink.dropped(), 1u);
}

TEST(FileLogSink, TakesLinesFromSeveralThreads) {
    const auto directory = os::TemporaryDirectory::create();
    const base::SystemClock clock;
    auto file = RotatingFile::open(directory->file("daemon.log"), {}, clock, [](const auto&) {});
    ASSERT_TRUE(file);
    FileLogSink sink(*file);
    const Log log(sink, clock);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&log, i] {
            for (int line = 0; line < 200; ++line) {
                log.info("line", {{"thread", i}, {"line", line}});
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const auto text = os::read_file(file->path(), Bytes::mib(10));
    EXPECT_EQ(std::ranges::count(*text, '\n'), 800);
    EXPECT_EQ(sink.dropped(), 0u);
}

}  // namespace
}  // namespace shore::observe
