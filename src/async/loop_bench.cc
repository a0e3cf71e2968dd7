// What the ground floor costs: awaiting, switching, timers, messages between threads. Figures with
// their conditions are in docs/benchmarks.md.
#include <thread>

#include <benchmark/benchmark.h>

#include "async/block_on.h"
#include "async/deadline.h"
#include "async/event.h"
#include "async/scope.h"
#include "async/timer.h"
#include "async/worker_pool.h"
#include "base/random.h"

namespace shore::async {
namespace {

std::unique_ptr<Loop> open_loop() {
    static const base::SystemClock clock;
    return std::move(*Loop::open(clock));
}

Task<int> leaf(int number) {
    co_return number;
}
Task<void> await_leaves(benchmark::State& state) {
    int sum = 0;
    for (auto _ : state) {
        sum += co_await leaf(1);
    }
    benchmark::DoNotOptimize(sum);
}

/// Calling a task that does not wait: a frame from the pool, two symmetric transfers.
void await_a_task(benchmark::State& state) {
    const auto loop = open_loop();
    block_on(*loop, await_leaves(state));
}
BENCHMARK(await_a_task);

Task<void> yield_forever(Loop& loop) {
    while (true) {
        co_await yield(loop);
    }
}

/// One coroutine put on the ready list and resumed from it, among `range` of them.
void switch_tasks(benchmark::State& state) {
    const auto loop = open_loop();
    Scope scope(*loop);
    for (int64_t i = 0; i < state.range(0); ++i) {
        scope.spawn(yield_forever(*loop));
    }
    // A turn runs each of them sixteen times (kRoundsPerTurn), and polls epoll once.
    constexpr int64_t kRounds = 16;
    for (auto _ : state) {
        loop->poll();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0) * kRounds);
}
BENCHMARK(switch_tasks)->Arg(1)->Arg(64)->Arg(10'000);

Task<void> nothing() {
    co_return;
}
void spawn_into_a_scope(benchmark::State& state) {
    const auto loop = open_loop();
    Scope scope(*loop);
    for (auto _ : state) {
        scope.spawn(nothing());
    }
}
BENCHMARK(spawn_into_a_scope);

/// Setting and clearing a timer while `range` others wait: what a deadline costs that does not
/// pass.
void set_and_clear_a_timer(benchmark::State& state) {
    const auto loop = open_loop();
    base::Random random(1);
    std::vector<std::unique_ptr<Timer>> others;
    for (int64_t i = 0; i < state.range(0); ++i) {
        others.push_back(std::make_unique<Timer>(*loop, [](Node&) {}));
        others.back()->set(loop->now() + std::chrono::milliseconds(random.below(60'000)));
    }
    Timer timer(*loop, [](Node&) {});
    for (auto _ : state) {
        timer.set(loop->now() + std::chrono::milliseconds(random.below(60'000)));
        timer.clear();
    }
}
BENCHMARK(set_and_clear_a_timer)->Arg(0)->Arg(1'000)->Arg(100'000);

/// Setting `range` timers and letting all of them come due, in moved time.
void fire_timers(benchmark::State& state) {
    base::ManualClock clock;
    const auto loop = std::move(*Loop::open(clock));
    base::Random random(1);
    std::vector<std::unique_ptr<Timer>> timers;
    for (int64_t i = 0; i < state.range(0); ++i) {
        timers.push_back(std::make_unique<Timer>(*loop, [](Node&) {}));
    }
    for (auto _ : state) {
        for (const auto& timer : timers) {
            timer->set(loop->now() + std::chrono::milliseconds(random.below(1000)));
        }
        clock.advance(std::chrono::seconds(1));
        loop->poll();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(fire_timers)->Arg(1'000)->Arg(100'000);

Task<Result<int>> result_leaf() {
    co_return 1;
}
Task<void> await_with_deadline(Loop& loop, benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(co_await with_deadline(
            loop, Deadline::in(loop, std::chrono::seconds(30)), "it", result_leaf()));
    }
}

/// with_deadline around a task that is done at once.
void await_under_a_deadline(benchmark::State& state) {
    const auto loop = open_loop();
    block_on(*loop, await_with_deadline(*loop, state));
}
BENCHMARK(await_under_a_deadline);

/// post() to this very loop and running it: no other thread, one eventfd write per batch.
void post_to_the_own_loop(benchmark::State& state) {
    const auto loop = open_loop();
    for (auto _ : state) {
        for (int64_t i = 0; i < state.range(0); ++i) {
            loop->post([] {});
        }
        loop->poll();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(post_to_the_own_loop)->Arg(1)->Arg(100);

/// A message to a loop of another thread and its answer: two wake-ups of sleeping threads.
void post_round_trip(benchmark::State& state) {
    const auto here = open_loop();
    const auto there = open_loop();
    std::thread other([&] { there->run(); });
    for (auto _ : state) {
        bool answered = false;
        there->post([&] { here->post([&] { answered = true; }); });
        while (!answered) {
            here->turn();
        }
    }
    there->stop();
    other.join();
}
BENCHMARK(post_round_trip)->UseRealTime();

Task<void> ask_workers(Loop& loop, WorkerPool& pool, benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(co_await pool.run<int>(loop, []() -> Result<int> { return 1; }));
    }
}

/// A question to a sleeping worker and its answer on the loop.
void worker_round_trip(benchmark::State& state) {
    const auto loop = open_loop();
    WorkerPool pool("bench", 1);
    block_on(*loop, ask_workers(*loop, pool, state));
}
BENCHMARK(worker_round_trip)->UseRealTime();

}  // namespace
}  // namespace shore::async
