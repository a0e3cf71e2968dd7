#include "cache/disk_tier.h"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "async/block_on.h"
#include "cache/cache.h"
#include "cache/record.h"
#include "cache/test_heads.h"
#include "os/directory.h"

namespace shore::cache {
namespace {

using namespace std::chrono_literals;  // tidy-allow(banned): durations read as such.

const HashSeed kSeed{3, 4};

class Disk : public testing::Test {
 protected:
    void SetUp() override {
        auto made = os::TemporaryDirectory::create();
        ASSERT_TRUE(made);
        directory_.emplace(std::move(*made));
        auto loop = async::Loop::open(clock_);
        ASSERT_TRUE(loop);
        loop_ = std::move(*loop);
        open();
    }
    void TearDown() override { cache_.reset(); }

    void open(Bytes bytes = Bytes::mib(100), HashSeed seed = kSeed) {
        cache_.reset();
        cache_ = std::make_unique<Cache>(MemoryTier::Limits(), seed);
        auto disk = std::make_unique<DiskTier>(
            DiskTier::Options{
                .directory = path(),
                .bytes_max = bytes,
                .seed = seed,
                .on_trouble = [this](std::string what) { trouble_ = std::move(what); }},
            cache_->epochs(), clock_);
        disk_ = disk.get();
        cache_->set_tier(std::move(disk));
        disk_->settle_blocking();
    }
    std::string path() const { return directory_->path() + "/cache"; }
    static std::string key_text(int number) {
        return fmt::format("http://shop/{} shop/web r /", number);
    }
    std::shared_ptr<const Entry> entry(
        int number, const std::string& body = "hello",
        const std::string& fields = "Cache-Control: max-age=60\r\n") {
        const std::string text = key_text(number);
        return test_entry({.key = text,
                           .hash = cache_->key(text).hash,
                           .response_fields = fields,
                           .body = body,
                           .now = clock_.steady_now(),
                           .origin_tag = "\"o\""});
    }
    bool store(const std::shared_ptr<const Entry>& entry) {
        const bool stored = cache_->store(entry, cache_->epoch(entry->hash));
        disk_->settle_blocking();
        return stored;
    }
    /// As a gateway that starts anew: with nothing in memory.
    std::shared_ptr<const Entry> find(int number, const std::string& fields = {}) {
        const std::string text = key_text(number);
        const TestRequest request(fields);
        return async::block_on(*loop_,
                               cache_->find_behind(*loop_, cache_->key(text), request.view()));
    }
    uint64_t purge(Purge purge) {
        return async::block_on(*loop_, cache_->purge(*loop_, std::move(purge)));
    }
    std::vector<std::string> files() const {
        std::vector<std::string> names = *os::list_directory(path());
        std::erase(names, "lock");
        return names;
    }

    base::SystemClock clock_;
    std::optional<os::TemporaryDirectory> directory_;
    std::unique_ptr<async::Loop> loop_;
    std::unique_ptr<Cache> cache_;
    DiskTier* disk_ = nullptr;
    std::string trouble_;
};

TEST_F(Disk, AnAnswerOutlivesTheProcessWhole) {
    const auto before = entry(1, std::string(100'000, 'x'),
                              "Cache-Control: public, max-age=60, stale-if-error=9\r\n"
                              "ETag: \"1\"\r\nSurrogate-Key: a b\r\nVary: X-Mode\r\n");
    ASSERT_TRUE(store(before));
    open(Bytes::mib(100), {9, 9});
    EXPECT_EQ(disk_->stats().entries, 1);
    EXPECT_FALSE(find(1, "X-Mode: other\r\n"));
    const auto after = find(1);
    ASSERT_TRUE(after);
    EXPECT_EQ(*after->body, *before->body);
    EXPECT_EQ(after->fields, before->fields);
    EXPECT_EQ(after->tags, before->tags);
    EXPECT_EQ(after->vary, before->vary);
    EXPECT_EQ(after->entity_tag, "\"1\"");
    EXPECT_EQ(after->origin_tag, "\"o\"");
    EXPECT_TRUE(after->judgement.for_credentials);
    EXPECT_EQ(after->judgement.stale_if_error, Duration(9s));
    EXPECT_LT(after->time_left(clock_.steady_now()), Duration(60s));
    EXPECT_GT(after->time_left(clock_.steady_now()), Duration(50s));
    EXPECT_TRUE(cache_->find(cache_->key(key_text(1)), TestRequest().view())) << "in memory now";
}

TEST_F(Disk, ATornOrDamagedFileIsDroppedAndCountedNeverServed) {
    for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(store(entry(i, std::string(10'000, 'x'))));
    }
    const std::vector<std::string> names = files();
    ASSERT_EQ(names.size(), 4);
    std::filesystem::resize_file(path() + "/" + names[0], 5000);  // Torn in the body.
    std::filesystem::resize_file(path() + "/" + names[1], 20);    // Torn in the head.
    for (const auto& [file, offset] : {std::pair(names[2], 60), std::pair(names[3], 9000)}) {
        std::fstream damaged(path() + "/" + file, std::ios::in | std::ios::out | std::ios::binary);
        damaged.seekp(offset);
        damaged.put('#');
    }
    std::ofstream(path() + "/0000.answer.tmp") << "a write that was cut off";
    open();
    EXPECT_EQ(disk_->stats().damaged, 3) << "the heads";
    for (int i = 0; i < 4; ++i) {
        EXPECT_FALSE(find(i)) << i;
    }
    EXPECT_EQ(disk_->stats().damaged, 4) << "and the body";
    disk_->settle_blocking();
    EXPECT_EQ(files(), std::vector<std::string>());
    EXPECT_EQ(disk_->stats().bytes, 0);
}

TEST_F(Disk, DamageWhileItIsInUseIsFoundByTheChecksum) {
    ASSERT_TRUE(store(entry(1, std::string(10'000, 'x'))));
    open();
    std::fstream damaged(path() + "/" + files().front(),
                         std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(5000);
    damaged.put('y');
    damaged.close();
    EXPECT_FALSE(find(1));
    EXPECT_EQ(disk_->stats().damaged, 1);
}

TEST_F(Disk, NeverTakesMoreThanItMay) {
    open(Bytes::kib(200));
    for (int i = 0; i < 60; ++i) {
        ASSERT_TRUE(store(entry(i, std::string(9000, 'x'))));
        uint64_t sum = 0;
        for (const std::string& name : files()) {
            sum += (std::filesystem::file_size(path() + "/" + name) + 4095) / 4096 * 4096;
        }
        ASSERT_LE(sum, 200 * 1024);
        ASSERT_EQ(sum, disk_->stats().bytes);
    }
    EXPECT_EQ(disk_->stats().entries, 16);
    open(Bytes::kib(50));
    EXPECT_EQ(disk_->stats().entries, 4) << "a lower limit holds for what is found";
    EXPECT_EQ(files().size(), 4);
    EXPECT_TRUE(find(59));
}

TEST_F(Disk, WhatIsPurgedDoesNotComeBack) {
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(store(
            entry(i, "x", fmt::format("Cache-Control: max-age=60\r\nCache-Tag: t{}\r\n", i))));
    }
    open();
    ASSERT_TRUE(find(0));
    EXPECT_EQ(purge({.tag = "t0"}), 1) << "in memory and on disk, but one answer";
    EXPECT_EQ(purge({.tag = "t1"}), 1) << "on disk alone";
    cache_->invalidate(cache_->key(key_text(2)));
    disk_->settle_blocking();
    EXPECT_EQ(files(), std::vector<std::string>());
    open();
    EXPECT_EQ(disk_->stats().entries, 0);
}

TEST_F(Disk, AReplacedAnswerLeavesOneFile) {
    ASSERT_TRUE(store(entry(1, "old")));
    ASSERT_TRUE(store(entry(1, "new")));
    EXPECT_EQ(files().size(), 1);
    open();
    EXPECT_EQ(*find(1)->body, "new");
}

TEST_F(Disk, AFullDiskStopsWritingAndNothingElse) {
    ASSERT_TRUE(store(entry(1)));
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit small{.rlim_cur = 8000, .rlim_max = before.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    EXPECT_TRUE(store(entry(2, std::string(20'000, 'x')))) << "in memory";
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    EXPECT_EQ(disk_->stats().failed, 1);
    EXPECT_NE(trouble_, "");
    EXPECT_EQ(files().size(), 1) << "no part of it is left";
    EXPECT_TRUE(cache_->find(cache_->key(key_text(2)), TestRequest().view()));
    EXPECT_TRUE(find(1));
    EXPECT_TRUE(store(entry(3)));
    EXPECT_EQ(disk_->stats().failed, 2) << "it pauses";
}

TEST_F(Disk, TheNextGatewayWaitsForTheDirectory) {
    ASSERT_TRUE(store(entry(1)));
    DiskTier next({.directory = path(), .bytes_max = Bytes::mib(1), .seed = kSeed},
                  cache_->epochs(), clock_);
    EXPECT_EQ(next.stats().entries, 0);
    disk_->stop();
    next.settle_blocking();
    EXPECT_EQ(next.stats().entries, 1);
}

TEST_F(Disk, ShortLivesAreNotWritten) {
    ASSERT_TRUE(store(entry(1, "x", "Cache-Control: max-age=5\r\n")));
    ASSERT_TRUE(store(entry(2, "x", "Cache-Control: max-age=0, stale-if-error=600\r\n")));
    EXPECT_EQ(files().size(), 1);
}

TEST(Record, IsWrittenAsItsDescriptionSays) {
    const auto entry = test_entry(
        {.key = "k", .response_fields = "Cache-Control: max-age=60\r\n", .body = "hello"});
    const std::string record = encode_record(*entry, kTestNow);
    EXPECT_TRUE(record.starts_with("SHOREC01"));
    const auto sizes = record_sizes(record);
    ASSERT_TRUE(sizes);
    EXPECT_EQ(sizes->head, record.size() - kRecordPrologue);
    EXPECT_EQ(sizes->body, 5);
    EXPECT_EQ(record_checksum(record), 4854074528558693531U)
        << "golden: a new form needs a new name in front";
    for (size_t i = 0; i < record.size(); ++i) {
        std::string damaged = record;
        damaged[i] ^= 1;
        EXPECT_FALSE(decode_record(damaged)) << i;
        EXPECT_FALSE(decode_record(record.substr(0, i))) << i;
    }
    EXPECT_TRUE(decode_record(record));
}

}  // namespace
}  // namespace shore::cache
