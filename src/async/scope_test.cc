#include "async/scope.h"

#include <gtest/gtest.h>

#include "async/block_on.h"
#include "async/deadline.h"
#include "async/event.h"
#include "async/timer.h"

namespace shore::async {
namespace {

using std::chrono::seconds;

class ScopeTest : public testing::Test {
 protected:
    ScopeTest() : loop_(std::move(*Loop::open(clock_))) {}
    void advance(Duration by) {
        clock_.advance(by);
        while (loop_->poll()) {
        }
    }
    base::ManualClock clock_;
    std::unique_ptr<Loop> loop_;
};

Task<void> note(Loop& loop, Duration delay, std::string name, std::vector<std::string>& notes) {
    co_await sleep_for(loop, delay);
    notes.push_back(std::move(name));
}

/// A parent with children in a scope of its own, as a service has.
Task<void> parent(Loop& loop, std::vector<std::string>& notes) {
    Scope children(loop);
    children.spawn(note(loop, seconds(1), "first", notes));
    children.spawn(note(loop, seconds(3), "second", notes));
    co_await children.join();
    notes.emplace_back("parent");
}

TEST_F(ScopeTest, AParentWaitsForTheChildrenInItsOwnScope) {
    std::vector<std::string> notes;
    Scope scope(*loop_);
    scope.spawn(parent(*loop_, notes));
    advance(seconds(1));
    EXPECT_EQ(notes, (std::vector<std::string>{"first"}));
    advance(seconds(2));
    EXPECT_EQ(notes, (std::vector<std::string>{"first", "second", "parent"}));
    EXPECT_EQ(scope.size(), 0u);
}

TEST_F(ScopeTest, StoppingTheOuterScopeStopsTheInnerOnes) {
    std::vector<std::string> notes;
    Scope scope(*loop_);
    scope.spawn(parent(*loop_, notes));
    EXPECT_EQ(loop_->timers().size(), 2u);
    scope.stop();
    EXPECT_EQ(loop_->timers().size(), 0u);
    advance(seconds(5));
    EXPECT_TRUE(notes.empty());
}

Task<void> spawn_more(Loop& loop, Scope& scope, int depth, int& ended) {
    if (depth > 0) {
        scope.spawn(spawn_more(loop, scope, depth - 1, ended));
        scope.spawn(spawn_more(loop, scope, depth - 1, ended));
    }
    co_await yield(loop);
    ++ended;
}

TEST_F(ScopeTest, TasksMaySpawnIntoTheScopeTheyRunIn) {
    int ended = 0;
    Scope scope(*loop_);
    scope.spawn(spawn_more(*loop_, scope, 6, ended));
    block_on(*loop_, scope.join());
    EXPECT_EQ(ended, 127);
}

/// Spawns while it is being destroyed, which must be refused.
struct SpawnsAtItsEnd {
    Loop& loop;
    Scope& scope;
    bool& refused;
    std::vector<std::string>& notes;
    ~SpawnsAtItsEnd() { refused = !scope.spawn(note(loop, seconds(1), "late", notes)); }
};
Task<void> hold(Loop& loop, Scope& scope, bool& refused, std::vector<std::string>& notes) {
    const SpawnsAtItsEnd last{loop, scope, refused, notes};
    co_await sleep_for(loop, seconds(9));
}

TEST_F(ScopeTest, RefusesWhatIsSpawnedWhileItStops) {
    bool refused = false;
    std::vector<std::string> notes;
    Scope scope(*loop_);
    scope.spawn(hold(*loop_, scope, refused, notes));
    scope.stop();
    EXPECT_TRUE(refused);
    EXPECT_TRUE(scope.stopping());
    EXPECT_EQ(scope.size(), 0u);
}

TEST_F(ScopeTest, ATaskThatNeverWaitsIsGoneWhenSpawnReturns) {
    Scope scope(*loop_);
    int ran = 0;
    scope.spawn([](int& count) -> Task<void> {
        ++count;
        co_return;
    }(ran));
    EXPECT_EQ(ran, 1);
    EXPECT_EQ(scope.size(), 0u);
    block_on(*loop_, scope.join());
}

Task<Result<void>> joined(Scope& scope) {
    co_await scope.join();
    co_return Result<void>();
}

TEST_F(ScopeTest, JoiningMayHaveADeadlineAndIsLeftInOrder) {
    std::vector<std::string> notes;
    Scope scope(*loop_);
    scope.spawn(note(*loop_, seconds(10), "slow", notes));
    std::optional<Result<void>> result;
    Scope waiting(*loop_);
    waiting.spawn(internal::store_result(
        with_deadline(*loop_, Deadline::in(*loop_, seconds(1)), "the work", joined(scope)),
        result));
    advance(seconds(1));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->error().text(), "the work took longer than allowed");
    EXPECT_EQ(scope.size(), 1u);
    advance(seconds(9));
    EXPECT_EQ(notes.size(), 1u);
}

TEST_F(ScopeTest, ADeadlineOfTheSameMomentAsTheResultGivesOneAnswer) {
    // Both timers are due in one turn; whichever is first, the awaiting task is resumed once.
    for (const Duration limit : {seconds(1), seconds(2)}) {
        std::optional<Result<int>> result;
        Scope scope(*loop_);
        const auto work = [](Loop& loop, Duration delay) -> Task<Result<int>> {
            co_await sleep_for(loop, delay);
            co_return 1;
        };
        scope.spawn(internal::store_result(
            with_deadline(*loop_, Deadline::in(*loop_, limit), "it", work(*loop_, seconds(1))),
            result));
        advance(seconds(2));
        ASSERT_TRUE(result);
        EXPECT_EQ(scope.size(), 0u);
    }
}

}  // namespace
}  // namespace shore::async
