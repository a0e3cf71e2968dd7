#include "observe/metrics.h"

#include <cmath>

#include "base/assert.h"
#include "observe/limits.h"

namespace shore::observe {

namespace {

bool is_name(std::string_view text) {
    const auto ok = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !text.empty() && !(text.front() >= '0' && text.front() <= '9') &&
           std::ranges::all_of(text, ok);
}

std::string number_text(double value) {
    if (std::isnan(value)) {
        return "NaN";
    }
    if (std::isinf(value)) {
        return value > 0 ? "+Inf" : "-Inf";
    }
    return fmt::format("{}", value);
}

void append_escaped(std::string& text, std::string_view value, bool quote) {
    for (const char c : value) {
        if (c == '\\') {
            text += "\\\\";
        } else if (c == '\n') {
            text += "\\n";
        } else if (c == '"' && quote) {
            text += "\\\"";
        } else {
            text += c;
        }
    }
}

std::string_view kind_name(MetricKind kind) {
    switch (kind) {
        case MetricKind::kCounter:
            return "counter";
        case MetricKind::kGauge:
            return "gauge";
        case MetricKind::kHistogram:
            return "histogram";
    }
    return "untyped";
}

}  // namespace

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()), counts_(bounds.size() + 1) {
    SHORE_ASSERT(std::ranges::is_sorted(bounds_));
}

void Histogram::observe(double value) {
    const auto at = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
    counts_[static_cast<size_t>(at)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
}

std::span<const double> duration_bounds() {
    static constexpr double kBounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                         0.5,   1,      2.5,   5,    10,    30,   60};
    return kBounds;
}

void MetricsText::begin(std::string_view name, MetricKind kind, std::string_view help) {
    SHORE_ASSERT(is_name(name));
    SHORE_ASSERT((kind == MetricKind::kCounter) == name.ends_with("_total"));
    name_ = name;
    text_ += fmt::format("# HELP {} ", name);
    append_escaped(text_, help, false);
    text_ += fmt::format("\n# TYPE {} {}\n", name, kind_name(kind));
}

void MetricsText::line(std::string_view suffix, std::span<const Label> labels,
                       std::string_view extra, std::string_view value) {
    text_ += name_;
    text_ += suffix;
    char separator = '{';
    for (const Label& label : labels) {
        text_ += std::exchange(separator, ',');
        text_ += label.name;
        text_ += "=\"";
        append_escaped(text_, label.value, true);
        text_ += '"';
    }
    if (!extra.empty()) {
        text_ += std::exchange(separator, ',');
        text_ += fmt::format("le=\"{}\"", extra);
    }
    text_ += separator == ',' ? "} " : " ";
    text_ += value;
    text_ += '\n';
}

void MetricsText::sample(std::span<const Label> labels, double value) {
    line("", labels, "", number_text(value));
}

void MetricsText::sample(std::span<const Label> labels, uint64_t value) {
    line("", labels, "", std::to_string(value));
}

void MetricsText::histogram(std::span<const Label> labels, std::span<const double> bounds,
                            std::span<const uint64_t> counts, double sum) {
    SHORE_ASSERT(counts.size() == bounds.size() + 1);
    uint64_t total = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
        total += counts[i];
        line("_bucket", labels, i < bounds.size() ? number_text(bounds[i]) : "+Inf",
             std::to_string(total));
    }
    line("_sum", labels, "", number_text(sum));
    line("_count", labels, "", std::to_string(total));
}

Registry::Series& Registry::series(std::string_view name, std::string_view help, MetricKind kind,
                                   Labels labels) {
    auto found = families_.find(name);
    if (found == families_.end()) {
        found =
            families_.emplace(std::string(name), Family{.kind = kind, .help = std::string(help)})
                .first;
    }
    Family& family = found->second;
    SHORE_ASSERT(family.kind == kind && family.help == help);
    std::ranges::sort(labels);
    const auto known = family.series.find(labels);
    if (known != family.series.end()) {
        return known->second;
    }
    if (family.series.size() >= kSeriesPerMetricMax) {
        ++refused_;
        return family.overflow;
    }
    for (const Label& label : labels) {
        SHORE_ASSERT(is_name(label.name));
    }
    return family.series[std::move(labels)];
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
    const std::lock_guard lock(mutex_);
    Series& found = series(name, help, MetricKind::kCounter, std::move(labels));
    if (!found.counter) {
        found.counter = std::make_unique<Counter>();
    }
    return *found.counter;
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
    const std::lock_guard lock(mutex_);
    Series& found = series(name, help, MetricKind::kGauge, std::move(labels));
    if (!found.gauge) {
        found.gauge = std::make_unique<Gauge>();
    }
    return *found.gauge;
}

Histogram& Registry::histogram(std::string_view name, std::string_view help,
                               std::span<const double> bounds, Labels labels) {
    const std::lock_guard lock(mutex_);
    Series& found = series(name, help, MetricKind::kHistogram, std::move(labels));
    if (!found.histogram) {
        found.histogram = std::make_unique<Histogram>(bounds);
    }
    return *found.histogram;
}

void Registry::remove(std::string_view name, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    Labels sorted = labels;
    std::ranges::sort(sorted);
    if (const auto found = families_.find(name); found != families_.end()) {
        found->second.series.erase(sorted);
    }
}

void Registry::on_read(std::function<void(MetricsText&)> collect) {
    const std::lock_guard lock(mutex_);
    collectors_.push_back(std::move(collect));
}

std::string Registry::to_text() const {
    MetricsText text;
    std::vector<std::function<void(MetricsText&)>> collectors;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [name, family] : families_) {
            if (family.series.empty()) {
                continue;
            }
            text.begin(name, family.kind, family.help);
            for (const auto& [labels, one] : family.series) {
                if (one.counter) {
                    text.sample(labels, one.counter->value());
                } else if (one.gauge) {
                    text.sample(labels, one.gauge->value());
                } else if (one.histogram) {
                    std::vector<uint64_t> counts;
                    for (size_t i = 0; i <= one.histogram->bounds().size(); ++i) {
                        counts.push_back(one.histogram->count(i));
                    }
                    text.histogram(labels, one.histogram->bounds(), counts, one.histogram->sum());
                }
            }
        }
        text.begin("shore_metric_series_refused_total", MetricKind::kCounter,
                   "Series that were not kept because their metric had too many.");
        text.sample({}, refused_);
        collectors = collectors_;
    }
    // Outside the lock: a collector may use the registry.
    for (const auto& collect : collectors) {
        collect(text);
    }
    return text.take();
}

}  // namespace shore::observe
