#include "observe/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include "os/directory.h"
#include "os/process_stats.h"

namespace shore::observe {

namespace {

double in_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

void write_process_metrics(MetricsText& text, double started) {
    const auto stats = os::process_stats(getpid());
    if (stats) {
        text.begin("process_cpu_seconds_total", MetricKind::kCounter,
                   "User and system CPU time spent.");
        text.sample({}, in_seconds(stats->cpu));
        text.begin("process_resident_memory_bytes", MetricKind::kGauge, "Resident memory.");
        text.sample({}, stats->resident.count);
    }
    if (const auto open = os::list_directory("/proc/self/fd", 1'000'000)) {
        text.begin("process_open_fds", MetricKind::kGauge, "Open file descriptors.");
        text.sample({}, uint64_t{open->size()});
    }
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        text.begin("process_max_fds", MetricKind::kGauge, "Most file descriptors allowed.");
        text.sample({}, uint64_t{limit.rlim_cur});
    }
    text.begin("process_start_time_seconds", MetricKind::kGauge,
               "When the process started, since the epoch.");
    text.sample({}, started);
}

}  // namespace

void add_process_metrics(Registry& registry, const base::Clock& clock) {
    const double started = in_seconds(clock.wall_now().time_since_epoch());
    registry.on_read([started](MetricsText& text) { write_process_metrics(text, started); });
}

}  // namespace shore::observe
