#include "engines/changes.h"

#include <optional>

#include <gtest/gtest.h>

#include "async/block_on.h"
#include "async/loop.h"

namespace shore::engines {
namespace {

using async::Task;

class ChangesTest : public testing::Test {
 protected:
    Task<Result<int>> change() {
        began_ = true;
        co_await may_end_.wait();
        ended_ = true;
        co_return 7;
    }
    Task<void> ask() { outcome_ = co_await changes_.run(change()); }
    void turn() { async::block_on(*loop_, yielded()); }
    Task<int> yielded() {
        co_await async::yield(*loop_);
        co_await async::yield(*loop_);
        co_return 0;
    }

    base::SystemClock clock_;
    std::unique_ptr<async::Loop> loop_ = *async::Loop::open(clock_);
    async::Event may_end_{*loop_};
    bool began_ = false;
    bool ended_ = false;
    std::optional<Result<int>> outcome_;
    Changes changes_{*loop_};
    async::Scope askers_{*loop_};
};

TEST_F(ChangesTest, GivesWhatTheChangeGave) {
    askers_.spawn(ask());
    EXPECT_TRUE(began_);
    may_end_.set();
    turn();
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->value(), 7);
}

TEST_F(ChangesTest, GoesOnWhenWhoAskedHasGone) {
    askers_.spawn(ask());
    askers_.stop();
    may_end_.set();
    turn();
    EXPECT_TRUE(ended_);
    EXPECT_FALSE(outcome_);
}

TEST_F(ChangesTest, EndsAllWhenItIsStoppedAndSaysSo) {
    askers_.spawn(ask());
    changes_.stop();
    turn();
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->error().code(), ErrorCode::kStopped);
    EXPECT_FALSE(ended_);
}

TEST_F(ChangesTest, RefusesWhatIsAskedAfterTheStop) {
    changes_.stop();
    askers_.spawn(ask());
    turn();
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->error().code(), ErrorCode::kStopped);
    EXPECT_FALSE(began_);
}

}  // namespace
}  // namespace shore::engines
