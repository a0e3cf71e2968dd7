// Probe: asks an instance once whether it can serve, by HTTP, TCP, command, or its agent.
#pragma once

#include <cstdint>

#include "async/command.h"
#include "async/task.h"
#include "model/service_spec.h"
#include "supervise/health.h"
#include "supervise/launch_spec.h"

namespace shore::supervise {

/// What is probed, and with what. The references outlive the probe.
struct ProbeTarget {
    async::Loop& loop;
    async::CommandRunner& commands;
    const model::HealthCheck& check;
    const LaunchSpec& launch;  ///< For commands: the instance's environment, directory and user.
    uint16_t port = 0;         ///< On 127.0.0.1, for HTTP and TCP.
    std::string engine_socket = {};  ///< Of the agent, for kEngine.
};

/// One probe, within the check's timeout. Never fails: a failure is its result.
async::Task<ProbeResult> probe(ProbeTarget target);

}  // namespace shore::supervise
