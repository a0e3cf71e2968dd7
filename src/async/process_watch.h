// ProcessWatch: a process's end as something to wait for.
#pragma once

#include "async/deadline.h"
#include "async/task.h"
#include "async/watch.h"
#include "os/process.h"

namespace shore::async {

/// Watches one process, child or not, through its pidfd. Loop's thread; the process outlives the
/// watch.
class ProcessWatch final {
 public:
    explicit ProcessWatch(Loop& loop) : watch_(loop) {}

    /// Begins to watch; once. Fails when the kernel refuses.
    Result<void> start(const os::Process& process);

    /// Waits until the process has ended (a child is then a zombie: collect it with try_wait).
    /// True, or false when the deadline passed first. May be awaited again; one coroutine at a
    /// time.
    Task<bool> ended(Deadline deadline = Deadline::never());

 private:
    Watch watch_;
    const os::Process* process_ = nullptr;
};

/// Waits for a child's end and collects it. kTimeout when the deadline passes first: the child then
/// still runs.
Task<Result<os::ExitStatus>> wait_for_exit(Loop& loop, os::Process& child,
                                           Deadline deadline = Deadline::never());

}  // namespace shore::async
