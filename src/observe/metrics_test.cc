#include "observe/metrics.h"

#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "observe/limits.h"
#include "observe/process_metrics.h"
#include "os/file.h"
#include "os/process.h"

namespace shore::observe {
namespace {

TEST(Metrics, PrintsThePrometheusTextFormat) {
    Registry registry;
    registry.counter("shore_requests_total", "Requests\nanswered.", {{"route", "a\"b\\c\nd"}})
        .add(3);
    registry.counter("shore_requests_total", "Requests\nanswered.", {{"route", "x"}});
    registry.gauge("shore_instances", "Instances.").set(1.5);
    const double bounds[] = {0.1, 1};
    Histogram& histogram = registry.histogram("shore_step_seconds", "Steps.", bounds, {{"s", "t"}});
    histogram.observe(0.1);
    histogram.observe(0.5);
    histogram.observe(7);
    EXPECT_EQ(registry.to_text(),
              "# HELP shore_instances Instances.\n"
              "# TYPE shore_instances gauge\n"
              "shore_instances 1.5\n"
              "# HELP shore_requests_total Requests\\nanswered.\n"
              "# TYPE shore_requests_total counter\n"
              "shore_requests_total{route=\"a\\\"b\\\\c\\nd\"} 3\n"
              "shore_requests_total{route=\"x\"} 0\n"
              "# HELP shore_step_seconds Steps.\n"
              "# TYPE shore_step_seconds histogram\n"
              "shore_step_seconds_bucket{s=\"t\",le=\"0.1\"} 1\n"
              "shore_step_seconds_bucket{s=\"t\",le=\"1\"} 2\n"
              "shore_step_seconds_bucket{s=\"t\",le=\"+Inf\"} 3\n"
              "shore_step_seconds_sum{s=\"t\"} 7.6\n"
              "shore_step_seconds_count{s=\"t\"} 3\n"
              "# HELP shore_metric_series_refused_total Series that were not kept because their "
              "metric had too many.\n"
              "# TYPE shore_metric_series_refused_total counter\n"
              "shore_metric_series_refused_total 0\n");
}

TEST(Metrics, AreTheSameSeriesWhateverTheOrderOfLabels) {
    Registry registry;
    Counter& a = registry.counter("x_total", "X.", {{"a", "1"}, {"b", "2"}});
    Counter& b = registry.counter("x_total", "X.", {{"b", "2"}, {"a", "1"}});
    EXPECT_EQ(&a, &b);
    registry.remove("x_total", {{"b", "2"}, {"a", "1"}});
    EXPECT_FALSE(registry.to_text().contains("x_total{"));
}

TEST(Metrics, AreRefusedAboveTheirLimitAndCounted) {
    Registry registry;
    for (size_t i = 0; i < kSeriesPerMetricMax + 5; ++i) {
        registry.counter("x_total", "X.", {{"i", std::to_string(i)}}).add();
    }
    EXPECT_TRUE(registry.to_text().contains("\nshore_metric_series_refused_total 5\n"));
}

TEST(Metrics, CountEveryAdditionOfSeveralThreads) {
    Registry registry;
    Counter& counter = registry.counter("x_total", "X.");
    Histogram& histogram = registry.histogram("y_seconds", "Y.", duration_bounds());
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 10'000; ++n) {
                counter.add();
                histogram.observe(1);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(counter.value(), 40'000u);
    EXPECT_EQ(histogram.sum(), 40'000);
}

TEST(Metrics, SatisfyPromtool) {
    ASSERT_TRUE(os::file_exists("/usr/bin/promtool"))
        << "promtool is missing: run scripts/bootstrap test";
    Registry registry;
    const base::SystemClock clock;
    add_process_metrics(registry, clock);
    registry.counter("shore_requests_total", "Requests answered.", {{"route", "ä\"\\\n"}}).add();
    registry.gauge("shore_instances", "Instances that run.").set(2);
    registry.histogram("shore_step_seconds", "Length of steps.", duration_bounds()).observe(0.2);
    const std::string text = registry.to_text();
    EXPECT_TRUE(text.contains("process_resident_memory_bytes "));

    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const os::Fd reading(ends[0]);
    os::Fd writing(ends[1]);
    auto process = os::Process::spawn({.argv = {"promtool", "check", "metrics"},
                                       .environment = {"PATH=/usr/bin:/bin"},
                                       .standard_input = reading.get(),
                                       .standard_output = os::SpawnOptions::kInherit,
                                       .standard_error = os::SpawnOptions::kInherit});
    ASSERT_TRUE(process);
    ASSERT_TRUE(os::write_all_blocking(writing.get(), text));
    writing.close();
    EXPECT_TRUE(process->wait_blocking()->success()) << text;
}

}  // namespace
}  // namespace shore::observe
