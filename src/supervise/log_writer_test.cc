#include "supervise/log_writer.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "base/random.h"
#include "base/strings.h"
#include "os/directory.h"
#include "os/file.h"
#include "supervise/limits.h"
#include "wire/json.h"

namespace shore::supervise {
namespace {

class LogWriterTest : public testing::Test {
 protected:
    LogWriterTest()
        : directory_(std::move(*os::TemporaryDirectory::create())),
          log_(spec(), clock_, [](auto&) {}) {}

    LaunchSpec spec() {
        LaunchSpec spec;
        spec.stack = "shop@testing";
        spec.service = "api";
        spec.instance = "api-7";
        spec.log_path = directory_.file("api-7.log");
        spec.log.file_size_max = Bytes::gib(1);
        return spec;
    }
    std::string text() {
        return os::read_file(directory_.file("api-7.log"), Bytes::gib(1)).value_or("");
    }
    std::vector<wire::Json> records() {
        std::vector<wire::Json> parsed;
        const std::string all = text();
        for (const auto line : base::split(base::trim(all), '\n')) {
            auto json = wire::Json::parse(line);
            EXPECT_TRUE(json) << line;
            parsed.push_back(json ? *json : wire::Json());
        }
        return parsed;
    }

    base::ManualClock clock_;
    os::TemporaryDirectory directory_;
    LogWriter log_;
};

TEST_F(LogWriterTest, WritesOneDocumentedRecordALine) {
    log_.feed(async::OutputStream::kStderr, "caf\xc3\xa9 \"x\"\n");
    EXPECT_EQ(text(),
              R"({"time":"2023-11-14T22:13:20.000Z","stack":"shop@testing","service":"api",)"
              R"("instance":"api-7","stream":"stderr","message":"café \"x\""})"
              "\n");
}

TEST_F(LogWriterTest, JoinsPiecesAndKeepsStreamsApart) {
    log_.feed(async::OutputStream::kStdout, "hel");
    log_.feed(async::OutputStream::kStderr, "err\n");
    log_.feed(async::OutputStream::kStdout, "lo\nrest");
    log_.finish(async::OutputStream::kStdout);
    const auto all = records();
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0]["message"].text(), "err");
    EXPECT_EQ(all[1]["message"].text(), "hello");
    EXPECT_EQ(all[2]["message"].text(), "rest");
}

TEST_F(LogWriterTest, SplitsALineOfTenMegabytesWithoutLosingAByte) {
    std::string line;
    while (line.size() < 10'000'000) {
        line += "größe ";
    }
    for (size_t at = 0; at < line.size(); at += 65'536) {
        log_.feed(async::OutputStream::kStdout, std::string_view(line).substr(at, 65'536));
    }
    log_.feed(async::OutputStream::kStdout, "\nnext\n");
    const auto all = records();
    std::string joined;
    for (size_t i = 0; i + 1 < all.size(); ++i) {
        EXPECT_LE(all[i]["message"].text().size(), kLogMessageMax);
        EXPECT_EQ(all[i]["partial"].truth(), i + 2 < all.size());
        EXPECT_TRUE(all[i]["encoding"].is_null());
        joined += all[i]["message"].text();
    }
    EXPECT_EQ(joined, line);
    EXPECT_EQ(all.back()["message"].text(), "next");
    EXPECT_LE(log_.tail().front().size(), kTailLineBytes + 4);
}

TEST_F(LogWriterTest, KeepsBinaryOutputReversibly) {
    base::Random random(7);
    std::string bytes;
    for (int i = 0; i < 300'000; ++i) {
        const auto byte = static_cast<char>(random.below(256));
        bytes += byte == '\n' ? ' ' : byte;
    }
    log_.feed(async::OutputStream::kStdout, bytes + "\n");
    std::string restored;
    for (const auto& record : records()) {
        const auto message = record["message"].text();
        const bool escaped = record["encoding"].text() == "escaped";
        for (size_t i = 0; i < message.size(); ++i) {
            if (!escaped || message[i] != '\\') {
                restored += message[i];
            } else if (message[i + 1] == '\\') {
                restored += '\\';
                ++i;
            } else {
                restored += static_cast<char>(
                    std::stoi(std::string(message.substr(i + 2, 2)), nullptr, 16));
                i += 3;
            }
        }
    }
    EXPECT_EQ(restored, bytes);
}

TEST_F(LogWriterTest, CountsWhatAFullDiskLosesAndSaysSoWhenThereIsSpace) {
    log_.feed(async::OutputStream::kStdout, "before\n");
    rlimit saved{};
    getrlimit(RLIMIT_FSIZE, &saved);
    const auto handler = signal(SIGXFSZ, SIG_IGN);
    rlimit tight = saved;
    tight.rlim_cur = text().size() + 10;
    setrlimit(RLIMIT_FSIZE, &tight);
    log_.feed(async::OutputStream::kStdout, "a\nb\n");
    log_.feed(async::OutputStream::kStdout, "c\n");
    log_.tick();
    EXPECT_TRUE(log_.losing());
    EXPECT_EQ(log_.lost_lines(), 3u);
    setrlimit(RLIMIT_FSIZE, &saved);
    signal(SIGXFSZ, handler);
    log_.feed(async::OutputStream::kStdout, "after\n");
    EXPECT_FALSE(log_.losing());
    const auto all = records();
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[1]["stream"].text(), "shim");
    EXPECT_EQ(all[1]["lost"].integer(), 3);
    EXPECT_TRUE(all[1]["message"].text().starts_with("3 lines lost: append to "));
    EXPECT_EQ(all[2]["message"].text(), "after");
}

TEST_F(LogWriterTest, RemembersTheLastLines) {
    for (size_t i = 0; i < kTailLines + 10; ++i) {
        log_.feed(async::OutputStream::kStdout, fmt::format("line {}\n", i));
    }
    EXPECT_EQ(log_.tail().size(), kTailLines);
    EXPECT_EQ(log_.tail().front(), "line 10");
}

}  // namespace
}  // namespace shore::supervise
