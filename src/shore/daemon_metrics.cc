#include "shore/daemon_metrics.h"

#include <map>
#include <tuple>

#include <unistd.h>

#include "observe/metrics.h"
#include "os/process_stats.h"

namespace shore {

namespace {

using observe::Label;
using observe::MetricKind;

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

void add_instances(observe::MetricsText& text, std::span<const model::Instance> instances) {
    std::map<std::tuple<std::string, std::string, std::string>, uint64_t> by_state;
    std::map<std::pair<std::string, std::string>, uint64_t> restarts;
    for (const model::Instance& instance : instances) {
        ++by_state[{instance.stack, instance.service, std::string(to_string(instance.state))}];
        restarts[{instance.stack, instance.service}] += instance.restarts;
    }
    text.begin("shore_instances", MetricKind::kGauge, "Instances by service and state.");
    for (const auto& [key, count] : by_state) {
        const auto& [stack, service, state] = key;
        const Label labels[] = {{"stack", stack}, {"service", service}, {"state", state}};
        text.sample(labels, count);
    }
    text.begin("shore_instance_restarts", MetricKind::kGauge,
               "Restarts of the instances that exist now.");
    for (const auto& [key, count] : restarts) {
        const Label labels[] = {{"stack", key.first}, {"service", key.second}};
        text.sample(labels, count);
    }
}

}  // namespace

std::string daemon_metrics(std::span<const model::Instance> instances,
                           const store::EventLog& events, Duration uptime) {
    observe::MetricsText text;
    add_instances(text, instances);
    text.begin("shore_events_total", MetricKind::kCounter,
               "Events recorded since the first start.");
    text.sample({}, events.last_id());
    text.begin("shore_events_dropped_total", MetricKind::kCounter,
               "Events lost because they could not be written in time.");
    text.sample({}, events.dropped());
    text.begin("shore_daemon_uptime_seconds", MetricKind::kGauge, "Age of the daemon's process.");
    text.sample({}, seconds(uptime));
    if (const auto stats = os::process_stats(getpid())) {
        text.begin("shore_daemon_cpu_seconds_total", MetricKind::kCounter,
                   "CPU time of the daemon's process.");
        text.sample({}, seconds(stats->cpu));
        text.begin("shore_daemon_resident_bytes", MetricKind::kGauge,
                   "Resident memory of the daemon's process.");
        text.sample({}, stats->resident.count);
    }
    return text.take();
}

}  // namespace shore
