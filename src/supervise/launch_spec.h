// LaunchSpec: everything the shim needs to start one app: spec.json in the instance's run
// directory. Names are resolved, variables expanded, users looked up: the shim decides nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/service_spec.h"
#include "os/process.h"

namespace shore::supervise {

struct LaunchSpec {
    std::string stack;
    std::string service;
    std::string instance;
    std::vector<std::string> argv;
    std::vector<std::string> environment;  ///< "NAME=value", complete.
    std::string working_directory;
    std::optional<uint32_t> user;
    std::optional<uint32_t> group;
    std::vector<uint32_t> groups;
    std::optional<uint32_t> umask;
    std::vector<os::ResourceLimit> limits;
    std::vector<std::string> cgroups;  ///< Directories.
    std::string log_path;              ///< Live file; its directory exists.
    model::LogLimits log;
    int stop_signal = 15;  ///< Used when the shim itself is told to end by SIGTERM.
    Duration stop_grace_period = std::chrono::seconds(10);
};

std::string to_json(const LaunchSpec& spec);
/// kCorrupt when the text is not a specification.
Result<LaunchSpec> parse_launch_spec(std::string_view json);

/// Options to start a command as the instance itself is started: environment, directory, user,
/// umask, limits, cgroup.
os::SpawnOptions spawn_options(const LaunchSpec& spec, std::vector<std::string> argv);

/// The environment by name.
std::map<std::string, std::string> environment_of(const LaunchSpec& spec);

}  // namespace shore::supervise
