// Starting the daemon from the command line: `shore up` on a machine where none answers. The daemon
// gets a session of its own, its output goes to logs/_shore/daemon.log, and it says through a pipe
// when it is ready or why it cannot start.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "shore/state_paths.h"

namespace shore {

/// Descriptor number under which the daemon finds the pipe (`shore daemon --ready-fd 3`).
inline constexpr int kReadyDescriptor = 3;

/// Starts `program daemon --state DIR --leave-when-empty` and waits until it is ready: at most ten
/// seconds. Success also when another daemon was quicker. kUnavailable with the daemon's own words
/// otherwise. Blocks.
Result<void> start_daemon_blocking(const StatePaths& paths, const std::string& program,
                                   const std::map<std::string, std::string>& variables);

/// The daemon's side: "ready" or why not, then the end of the pipe. Does nothing for descriptor -1.
void tell_starter(int descriptor, const Result<void>& outcome);

}  // namespace shore
