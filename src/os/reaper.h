// Reaper: to be the parent of what one's descendants leave behind, and to find and collect it.
#pragma once

#include <optional>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "os/process.h"

namespace shore::os {

/// Orphans among this process's descendants become its children (PR_SET_CHILD_SUBREAPER).
Result<void> become_reaper();

struct Reaped {
    pid_t pid = 0;
    ExitStatus status;
};
/// Collects one child that has ended, whoever started it; nothing when none has. Do not mix with
/// Process::try_wait on the same child. Never waits.
std::optional<Reaped> reap_any();

/// Whether this process has a child, one that has ended but is not yet collected included. Exact,
/// and one system call whatever else runs on the machine.
bool has_children();

/// Children of `pid`, their children, and so on, zombies left out. Racy by nature: a child may be
/// missed while another one ends, so repeat until empty and let has_children() have the last word.
/// Costs as many reads as there are descendants (/proc/PID/task/TID/children, proc(5)).
std::vector<pid_t> descendants(pid_t pid);
/// The same from a pass over all of /proc: what descendants() does on a kernel without those files.
std::vector<pid_t> descendants_by_scan(pid_t pid);

/// SIGKILL and the like to a process by number; only for children not yet collected, whose numbers
/// cannot be reused.
void signal_child(pid_t pid, int signal);

}  // namespace shore::os
