// Launch: from an order to what the shim starts: environment, variables in commands, files,
// volumes, user, limits.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/cgroup.h"
#include "os/user.h"
#include "supervise/instance_order.h"
#include "supervise/launch_spec.h"
#include "supervise/ports.h"

namespace shore::supervise {

/// Names of the variables that instances inherit from the daemon; nothing else is. LC_* are
/// inherited too.
std::span<const std::string_view> inherited_names();

struct LaunchPlace {
    std::string run_directory;                       ///< Of this instance.
    std::string log_directory;                       ///< Of all instances.
    std::string volume_directory;                    ///< Of all stacks.
    std::map<std::string, std::string> environment;  ///< Inherited.
    std::string program;                             ///< The shore binary: $SHORE_PROGRAM.
    Provided provided;                               ///< By engines.
};

/// What a launch could not do as the manifest asks, for a note: one sentence each.
using LaunchNotes = std::vector<std::string>;

/// The instance's environment: inherited, then what engines provide, then the service's, then PORT
/// and SHORE_*, with $PORT, $SHORE_… and what engines provide expanded in the service's values; a
/// value of the service that is empty does not hide what engines provide. Pure.
std::map<std::string, std::string> instance_environment(const InstanceOrder& order, uint16_t port,
                                                        const LaunchPlace& place,
                                                        const std::optional<os::User>& user);

/// `text` with $PORT, ${PORT}, $SHORE_NAME, ${SHORE_NAME} and the variables of engines replaced by
/// their values in `environment`; other variables, and those without a value, stay as they are.
/// Pure.
std::string expand(std::string_view text, const std::map<std::string, std::string>& environment);

/// Prepares a start: makes directories, volumes and files, and says what the shim is to do. `user`
/// is the service's, looked up. Short, blocking file work. Errors name the file or key that is
/// wrong.
Result<LaunchSpec> prepare_launch(const InstanceOrder& order, uint16_t port,
                                  const LaunchPlace& place, const os::CgroupTree& cgroups,
                                  const std::optional<os::User>& user, LaunchNotes& notes);

/// Writes the files of configs, secrets and engines into the instance's own directory.
Result<void> place_files(std::span<const model::FileMount> files, const LaunchPlace& place,
                         const std::optional<os::User>& user);

/// Name of the instance's cgroup: "shop.api-7".
std::string cgroup_name(const InstanceOrder& order);

/// `what` (os::Process::spawn) failed for `spec` with `errno_value`: the same as a sentence that
/// tells not found, not executable and a missing interpreter apart, and names a near program. Looks
/// at files.
std::string explain_start_failure(const std::string& what, int errno_value, const LaunchSpec& spec);

}  // namespace shore::supervise
