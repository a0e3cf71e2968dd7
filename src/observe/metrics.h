// Metrics: counters, gauges and histograms, and the registry that prints them in Prometheus' text
// format (version 0.0.4).
//
//   Counter& restarts = registry.counter("shore_instance_restarts_total", "Restarts of instances.",
//   {{"service", "api"}}); restarts.add();
//
// Values may be changed from any thread; the registry's own calls lock. Names follow Prometheus'
// rules: base units (seconds, bytes) last, counters end in _total; promtool accepts what this
// prints.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shore::observe {

struct Label {
    std::string name;
    std::string value;
    friend auto operator<=>(const Label&, const Label&) = default;
};
using Labels = std::vector<Label>;

/// Only grows.
class Counter final {
 public:
    void add(uint64_t count = 1) { count_.fetch_add(count, std::memory_order_relaxed); }
    uint64_t value() const { return count_.load(std::memory_order_relaxed); }

 private:
    std::atomic<uint64_t> count_ = 0;
};

/// Goes up and down.
class Gauge final {
 public:
    void set(double value) { value_.store(value, std::memory_order_relaxed); }
    void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
    double value() const { return value_.load(std::memory_order_relaxed); }

 private:
    std::atomic<double> value_ = 0;
};

/// Counts observations per bucket. A reader may see one that is still being counted: sums are then
/// off by it.
class Histogram final {
 public:
    /// Upper bounds, ascending, without +Inf.
    explicit Histogram(std::span<const double> bounds);
    void observe(double value);

    std::span<const double> bounds() const { return bounds_; }
    /// In bucket `index` alone; the last, bounds().size(), is +Inf.
    uint64_t count(size_t index) const { return counts_[index].load(std::memory_order_relaxed); }
    double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
    std::vector<double> bounds_;
    std::vector<std::atomic<uint64_t>> counts_;
    std::atomic<double> sum_ = 0;
};

/// Bounds for request and step durations in seconds, 1 ms to 60 s.
std::span<const double> duration_bounds();

enum class MetricKind : uint8_t { kCounter, kGauge, kHistogram };

/// Writes the text format; for who keeps counters of an own kind (hot paths) as well as for the
/// registry.
class MetricsText final {
 public:
    /// Begins a metric; once per name, its samples follow. Asserts that the name obeys the rules.
    void begin(std::string_view name, MetricKind kind, std::string_view help);
    void sample(std::span<const Label> labels, double value);
    void sample(std::span<const Label> labels, uint64_t value);
    /// `counts` per bucket, one more than `bounds`.
    void histogram(std::span<const Label> labels, std::span<const double> bounds,
                   std::span<const uint64_t> counts, double sum);
    std::string take() { return std::move(text_); }

 private:
    void line(std::string_view suffix, std::span<const Label> labels, std::string_view extra,
              std::string_view value);

    std::string text_;
    std::string name_;
};

/// All metrics of a process. References that it hands out live as long as it.
class Registry final {
 public:
    /// The series of that name and labels, made at the first call. The kind and help of a name must
    /// not change (a bug, asserted). Above kSeriesPerMetricMax one shared series takes the rest and
    /// is not printed; shore_metric_series_refused_total counts.
    Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
    Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
    Histogram& histogram(std::string_view name, std::string_view help,
                         std::span<const double> bounds, Labels labels = {});

    /// Drops every series of `name` with these labels, e.g. of a service that is gone. References
    /// to it die.
    void remove(std::string_view name, const Labels& labels);

    /// `collect` adds metrics that are computed when they are read. It is called by to_text(), on
    /// its thread.
    void on_read(std::function<void(MetricsText&)> collect);

    std::string to_text() const;

 private:
    struct Series {
        std::unique_ptr<Counter> counter;
        std::unique_ptr<Gauge> gauge;
        std::unique_ptr<Histogram> histogram;
    };
    struct Family {
        MetricKind kind = MetricKind::kCounter;
        std::string help;
        std::map<Labels, Series> series;
        Series overflow;
    };
    Series& series(std::string_view name, std::string_view help, MetricKind kind, Labels labels);

    mutable std::mutex mutex_;
    std::map<std::string, Family, std::less<>> families_;
    std::vector<std::function<void(MetricsText&)>> collectors_;
    uint64_t refused_ = 0;
};

}  // namespace shore::observe
