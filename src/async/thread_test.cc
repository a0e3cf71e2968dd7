// What crosses threads: messages between loops and the worker pool, under load. Run under the
// thread sanitizer.
#include <thread>

#include <gtest/gtest.h>

#include "async/block_on.h"
#include "async/limits.h"
#include "async/scope.h"
#include "async/worker_pool.h"

namespace shore::async {
namespace {

Task<void> ask(Loop& loop, WorkerPool& pool, int number, int64_t& sum) {
    const auto answer = co_await pool.run<std::string>(
        loop, [number]() -> Result<std::string> { return std::to_string(number); });
    EXPECT_TRUE(answer);
    sum += std::stoi(*answer);
}

TEST(WorkerPool, AnswersThousandsOfQuestionsFromSeveralLoops) {
    constexpr int kQuestions = 3000;
    WorkerPool pool("stress", 4);
    const base::SystemClock clock;
    std::vector<std::thread> threads;
    std::array<int64_t, 3> sums{};
    for (int64_t& sum : sums) {
        threads.emplace_back([&pool, &clock, &sum] {
            auto loop = std::move(*Loop::open(clock));
            Scope scope(*loop);
            for (int i = 1; i <= kQuestions; ++i) {
                scope.spawn(ask(*loop, pool, i, sum));
            }
            block_on(*loop, scope.join());
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const int64_t sum : sums) {
        EXPECT_EQ(sum, int64_t{kQuestions} * (kQuestions + 1) / 2);
    }
}

TEST(WorkerPool, RefusesMoreThanItsQueueHolds) {
    const base::SystemClock clock;
    auto loop = std::move(*Loop::open(clock));
    WorkerPool pool("full", 1);
    std::atomic<bool> go = false;
    std::vector<std::optional<Result<int>>> results(kWorkQueueMax + 50);
    size_t refused = 0;
    {
        Scope scope(*loop);
        for (auto& result : results) {
            scope.spawn(internal::store_result(pool.run<int>(*loop,
                                                             [&go]() -> Result<int> {
                                                                 go.wait(false);
                                                                 return 1;
                                                             }),
                                               result));
        }
        for (const auto& result : results) {
            if (result) {
                EXPECT_EQ(result->error().code(), ErrorCode::kExhausted);
                ++refused;
            }
        }
        // One job may have been taken off the queue by the worker already.
        EXPECT_GE(refused, 49u);
        EXPECT_LE(refused, 50u);
        go = true;
        go.notify_all();
        block_on(*loop, scope.join());
    }
    pool.stop();
}

TEST(WorkerPool, IsStoppedWhileLoopsStillAsk) {
    const base::SystemClock clock;
    auto loop = std::move(*Loop::open(clock));
    for (int round = 0; round < 20; ++round) {
        WorkerPool pool("stop", 2);
        int64_t sum = 0;
        Scope scope(*loop);
        for (int i = 0; i < 50; ++i) {
            scope.spawn(ask(*loop, pool, 1, sum));
        }
        pool.stop();  // What was queued still runs.
        block_on(*loop, scope.join());
        EXPECT_EQ(sum, 50);
    }
}

/// Passes a number back and forth between two loops.
struct Table {
    Loop& left;
    Loop& right;
    int count = 0;

    void hit(bool to_right) {
        if (++count == 20'000) {
            left.stop();
            right.stop();
            return;
        }
        (to_right ? right : left).post([this, to_right] { hit(!to_right); });
    }
};

TEST(Loop, PassesMessagesBetweenLoopsWithoutLosingOne) {
    const base::SystemClock clock;
    auto left = std::move(*Loop::open(clock));
    auto right = std::move(*Loop::open(clock));
    Table table{*left, *right};
    std::thread other([&] { right->run(); });
    left->post([&] { table.hit(true); });
    left->run();
    other.join();
    EXPECT_EQ(table.count, 20'000);
}

TEST(Loop, TakesMessagesFromManyThreadsEachInOrder) {
    const base::SystemClock clock;
    auto loop = std::move(*Loop::open(clock));
    constexpr int kThreads = 4;
    constexpr int kMessages = 5000;
    std::array<int, kThreads> last{};
    int total = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 1; i <= kMessages; ++i) {
                loop->post([&, t, i] {
                    EXPECT_EQ(last[static_cast<size_t>(t)], i - 1);
                    last[static_cast<size_t>(t)] = i;
                    if (++total == kThreads * kMessages) {
                        loop->stop();
                    }
                });
            }
        });
    }
    loop->run();
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(total, kThreads * kMessages);
}

TEST(Loop, DropsMessagesThatItNeverRan) {
    const base::SystemClock clock;
    auto loop = std::move(*Loop::open(clock));
    const auto shared = std::make_shared<int>(1);
    loop->post([shared] { FAIL(); });
    EXPECT_EQ(shared.use_count(), 2);
    loop.reset();
    EXPECT_EQ(shared.use_count(), 1);
}

TEST(Loop, StopsAtOnceWhenToldBefore) {
    const base::SystemClock clock;
    auto loop = std::move(*Loop::open(clock));
    loop->stop();
    loop->run();
    SUCCEED();
}

}  // namespace
}  // namespace shore::async
