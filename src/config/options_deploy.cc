// Rows of a service's deploy section. Source: compose-spec, deploy.
#include "config/options.h"

namespace shore::config {

namespace {

using enum Type;
using enum Acts;

constexpr Option kRows[] = {
    {"services.*.deploy", kMap, kYes, "", "", "", "",
     "How many instances run and how they are replaced."},
    {"services.*.deploy.mode", kChoice, kYes, "", "replicated",
     "replicated|global|replicated-job|global-job", "replicated",
     "global is one instance per node; the jobs run to completion."},
    {"services.*.deploy.replicas", kInt, kYes, "", "1", "0..1000", "2", "Instances."},
    {"services.*.deploy.labels", kKeyValues, kContainer, "", "", "", "",
     "Labels of the service in Swarm."},
    {"services.*.deploy.endpoint_mode", kText, kContainer, "", "", "", "vip",
     "How Swarm balances."},
    {"services.*.deploy.placement", kAny, kContainer, "", "", "", "", "Which nodes may run it."},
    {"services.*.deploy.resources", kMap, kYes, "yes", "", "", "", "CPU and memory."},
    {"services.*.deploy.resources.limits", kMap, kYes, "yes", "", "", "",
     "What an instance gets at most."},
    {"services.*.deploy.resources.limits.cpus", kNumber, kYes, "yes", "", "0..1024", "\"0.5\"",
     "CPUs; by cgroup where permitted, else a note."},
    {"services.*.deploy.resources.limits.memory", kBytes, kYes, "yes", "", "1m..8192t", "256M",
     "Memory; by cgroup where permitted, else RLIMIT_AS is not enough and a note says so."},
    {"services.*.deploy.resources.limits.pids", kInt, kYes, "yes", "", "-1..4194304", "100",
     "Processes and threads."},
    {"services.*.deploy.resources.limits.devices", kAny, kContainer, "yes", "", "", "",
     "Devices, such as GPUs."},
    {"services.*.deploy.resources.limits.generic_resources", kAny, kContainer, "yes", "", "", "",
     "Resources defined by nodes."},
    {"services.*.deploy.resources.reservations", kMap, kYes, "yes", "", "", "",
     "What an instance gets at least."},
    {"services.*.deploy.resources.reservations.cpus", kNumber, kYes, "yes", "", "0..1024",
     "\"0.5\"", "CPUs."},
    {"services.*.deploy.resources.reservations.memory", kBytes, kYes, "yes", "", "1m..8192t",
     "256M", "Memory."},
    {"services.*.deploy.resources.reservations.pids", kInt, kYes, "yes", "", "-1..4194304", "100",
     "Processes and threads."},
    {"services.*.deploy.resources.reservations.devices", kAny, kContainer, "yes", "", "", "",
     "Devices, such as GPUs."},
    {"services.*.deploy.resources.reservations.generic_resources", kAny, kContainer, "yes", "", "",
     "", "Resources defined by nodes."},
    {"services.*.deploy.restart_policy", kMap, kYes, "", "", "", "",
     "As restart, with times; wins over it."},
    {"services.*.deploy.restart_policy.condition", kChoice, kYes, "", "any", "none|on-failure|any",
     "on-failure", "When an ended instance is started again."},
    {"services.*.deploy.restart_policy.delay", kDuration, kYes, "", "500ms", "0s..1h", "5s",
     "First delay; it doubles up to x-shore.restart_backoff.max."},
    {"services.*.deploy.restart_policy.max_attempts", kInt, kYes, "", "no limit", "0..1000000", "3",
     "Restarts until it counts as failed."},
    {"services.*.deploy.restart_policy.window", kDuration, kYes, "", "10s", "0s..24h", "1m",
     "Living this long sets the delay and the attempts back."},
    {"services.*.deploy.update_config", kMap, kYes, "", "", "", "",
     "How a deploy replaces instances."},
    {"services.*.deploy.update_config.parallelism", kInt, kYes, "", "1", "0..1000", "2",
     "Instances replaced at once; 0: all."},
    {"services.*.deploy.update_config.delay", kDuration, kYes, "", "0s", "0s..24h", "10s",
     "Time between batches."},
    {"services.*.deploy.update_config.failure_action", kChoice, kYes, "", "rollback",
     "rollback|pause|continue", "pause", "What a failed instance leads to."},
    {"services.*.deploy.update_config.monitor", kDuration, kYes, "", "0s", "0s..24h", "5s",
     "A new instance must stay well this long."},
    {"services.*.deploy.update_config.max_failure_ratio", kNumber, kYes, "", "0", "0..1", "0.1",
     "Share of instances that may fail."},
    {"services.*.deploy.update_config.order", kChoice, kYes, "", "start-first",
     "start-first|stop-first", "stop-first",
     "start-first: the new instance is healthy before the old one leaves."},
    {"services.*.deploy.rollback_config", kMap, kYes, "", "", "", "",
     "How a rollback replaces instances."},
    {"services.*.deploy.rollback_config.parallelism", kInt, kYes, "", "1", "0..1000", "2",
     "Instances replaced at once; 0: all."},
    {"services.*.deploy.rollback_config.delay", kDuration, kYes, "", "0s", "0s..24h", "10s",
     "Time between batches."},
    {"services.*.deploy.rollback_config.failure_action", kChoice, kYes, "", "rollback",
     "rollback|pause|continue", "pause", "What a failed instance leads to."},
    {"services.*.deploy.rollback_config.monitor", kDuration, kYes, "", "0s", "0s..24h", "5s",
     "A new instance must stay well this long."},
    {"services.*.deploy.rollback_config.max_failure_ratio", kNumber, kYes, "", "0", "0..1", "0.1",
     "Share of instances that may fail."},
    {"services.*.deploy.rollback_config.order", kChoice, kYes, "", "start-first",
     "start-first|stop-first", "stop-first",
     "start-first: the new instance is healthy before the old one leaves."},
};

}  // namespace

std::span<const Option> deploy_options() {
    return kRows;
}

}  // namespace shore::config
