#include "store/event_log.h"

#include <gtest/gtest.h>

#include "async/block_on.h"
#include "os/directory.h"
#include "store/limits.h"

namespace shore::store {
namespace {

class EventLogTest : public testing::Test {
 protected:
    EventLogTest() { open(); }
    ~EventLogTest() override { close(); }
    void open() {
        store_ = std::move(*Store::open(*loop_, directory_.file("state.db")));
        log_ = std::move(*async::block_on(*loop_, EventLog::open(*store_)));
    }
    void close() {
        log_.reset();
        store_.reset();
    }
    std::vector<model::Event> after(uint64_t cursor, EventFilter filter = {}) {
        return *async::block_on(*loop_, log_->after(cursor, std::move(filter), 1000));
    }
    os::TemporaryDirectory directory_ = *os::TemporaryDirectory::create();
    base::SystemClock clock_;
    std::unique_ptr<async::Loop> loop_ = std::move(*async::Loop::open(clock_));
    std::unique_ptr<Store> store_;
    std::unique_ptr<EventLog> log_;
};

TEST_F(EventLogTest, KeepsEventsInTheOrderTheyWereRecorded) {
    for (int i = 0; i < 1200; ++i) {
        log_->record({.stack = "shop", .kind = "test", .message = fmt::format("{}", i)});
    }
    const auto first = after(0);
    ASSERT_EQ(first.size(), kEventsPageMax);
    const auto rest = after(first.back().id);
    ASSERT_EQ(rest.size(), 200u);
    EXPECT_EQ(rest.back().message, "1199");
    EXPECT_NE(rest.back().at, WallTime{});
}

TEST_F(EventLogTest, ContinuesItsNumbersAfterARestart) {
    log_->record({.stack = "shop", .kind = "test"});
    EXPECT_EQ(after(0).back().id, 1u);
    close();
    open();
    log_->record({.stack = "shop", .kind = "test"});
    EXPECT_EQ(after(1).back().id, 2u);
}

TEST_F(EventLogTest, FiltersByStackServiceAndInstance) {
    log_->record({.stack = "shop", .service = "api", .instance = "api-1", .kind = "a"});
    log_->record({.stack = "shop", .service = "web", .instance = "web-1", .kind = "b"});
    log_->record({.stack = "blog", .service = "api", .instance = "api-1", .kind = "c"});
    EXPECT_EQ(after(0, {.stack = "shop"}).size(), 2u);
    EXPECT_EQ(after(0, {.stack = "shop", .service = "api"}).size(), 1u);
    EXPECT_EQ(after(0, {.instance = "api-1"}).size(), 2u);
}

TEST_F(EventLogTest, CutsAMessageThatIsTooLong) {
    log_->record({.kind = "test", .message = std::string(kEventMessageBytesMax * 2, 'x')});
    EXPECT_EQ(after(0).back().message.size(), kEventMessageBytesMax);
}

async::Task<void> note_end(async::Task<void> task, bool& ended) {
    co_await std::move(task);
    ended = true;
}

TEST_F(EventLogTest, WakesAReaderThatWaitsForTheNextEvent) {
    bool ended = false;
    async::Scope scope(*loop_);
    scope.spawn(note_end(log_->wait_beyond(0), ended));
    loop_->poll();
    EXPECT_FALSE(ended);
    log_->record({.kind = "test"});
    async::block_on(*loop_, log_->flush());
    loop_->poll();
    EXPECT_TRUE(ended);
}

TEST_F(EventLogTest, CountsWhatItMustDropAndNeverWaits) {
    for (size_t i = 0; i < kEventsPendingMax + 7; ++i) {
        log_->record({.kind = "test"});
    }
    EXPECT_EQ(log_->dropped(), 7u);
}

TEST_F(EventLogTest, ForgetsTheOldestEvents) {
    std::vector<model::Event> events(kEventsMax + kEventsSlack + 1);
    for (size_t i = 0; i < events.size(); ++i) {
        events[i].id = i + 1;
    }
    const auto written = async::block_on(
        *loop_, store_->run_on_database<uint64_t>([&events](Database& db) -> Result<uint64_t> {
            SHORE_CHECK(append_events(db, events));
            SHORE_TRY(const auto left, events_after(db, 0, {}, 1));
            return left.front().id;
        }));
    EXPECT_EQ(*written, kEventsSlack + 2);
}

TEST_F(EventLogTest, TellsItsTroubleAndWritesOnceItIsOver) {
    auto broken = async::block_on(*loop_, store_->run_on_database<void>([](Database& db) {
        return db.execute("ALTER TABLE events RENAME TO events_away");
    }));
    ASSERT_TRUE(broken);
    log_->record({.kind = "test"});
    async::block_on(*loop_, log_->flush());
    EXPECT_FALSE(log_->trouble().empty());
    auto repaired = async::block_on(*loop_, store_->run_on_database<void>([](Database& db) {
        return db.execute("ALTER TABLE events_away RENAME TO events");
    }));
    ASSERT_TRUE(repaired);
    async::block_on(*loop_, log_->wait_beyond(0));
    EXPECT_EQ(after(0).size(), 1u);
    EXPECT_TRUE(log_->trouble().empty());
}

}  // namespace
}  // namespace shore::store
