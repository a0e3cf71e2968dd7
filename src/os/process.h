// Process: a child (or another process) held by its pidfd, so that a reused number is never
// signalled by mistake; and spawn(), which starts one with everything about it said in one options
// struct.
//
// Nothing here waits for an end: poll the pidfd (async/process_watch.h), then collect with
// try_wait().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "os/fd.h"

namespace shore::os {

/// How a process ended.
struct ExitStatus {
    int code = 0;    ///< Exit code, when signal is 0.
    int signal = 0;  ///< The signal that killed it, or 0.
    bool core_dumped = false;

    bool success() const { return code == 0 && signal == 0; }
    /// 128 + signal for a killed process, else its code: what a shell reports.
    int shell_code() const { return signal != 0 ? 128 + signal : code; }
    friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};
/// "exit code 3", "killed by SIGSEGV (core dumped)".
std::string to_text(const ExitStatus& status);

/// One setrlimit: `resource` is RLIMIT_*; RLIM_INFINITY for no limit.
struct ResourceLimit {
    int resource = 0;
    uint64_t soft = 0;
    uint64_t hard = 0;
};

/// A descriptor of the parent and the number that the child sees it under.
struct InheritedDescriptor {
    int source = -1;
    int target = -1;
};

struct SpawnOptions {
    static constexpr int kNull = -1;     ///< For standard_*: /dev/null.
    static constexpr int kInherit = -2;  ///< For standard_*: the parent's own.

    /// Not empty. Unless `executable` is set, argv[0] without '/' is looked up in the child's PATH.
    std::vector<std::string> argv;
    std::string executable;
    /// The whole environment, as "NAME=value"; nothing is inherited.
    std::vector<std::string> environment;
    std::string working_directory;  ///< Empty: the parent's.
    int standard_input = kNull;
    int standard_output = kNull;
    int standard_error = kNull;
    /// Further descriptors to hand over. All others are closed on exec. Targets from 3 up, each
    /// once.
    std::vector<InheritedDescriptor> descriptors;
    bool new_session = false;        ///< setsid(): own session and process group.
    bool new_process_group = false;  ///< setpgid(0, 0); implied by new_session.
    std::optional<uid_t> user;
    std::optional<gid_t> group;
    /// Supplementary groups; set when `user` or `group` is. Needs root, as those do.
    std::vector<gid_t> groups;
    std::vector<ResourceLimit> limits;
    std::optional<mode_t> umask;
    std::optional<int> oom_score_adjust;  ///< -1000..1000, /proc/self/oom_score_adj.
    std::optional<int> nice;
    int parent_death_signal = 0;  ///< PR_SET_PDEATHSIG: follows the spawning *thread*. 0: none.
    bool no_new_privileges = false;
    /// cgroup.procs files that the child writes itself into before it drops its rights.
    std::vector<std::string> cgroup_procs;
};

class [[nodiscard]] Process final {
 public:
    Process() = default;

    /// Forks and executes; returns once the program has been executed or has failed to be. Signal
    /// mask and dispositions are the defaults in the child. On failure no process is left, and the
    /// message says which step failed on what: "execute python4: No such file or directory". Safe
    /// in a program with threads. Any thread.
    static Result<Process> spawn(const SpawnOptions& options);

    /// Holds a process that need not be a child. kNotFound when there is none.
    static Result<Process> open(pid_t pid);

    pid_t pid() const { return pid_; }
    /// Becomes readable when the process has ended.
    int pidfd() const { return pidfd_.get(); }
    explicit operator bool() const { return static_cast<bool>(pidfd_); }

    /// Collects a child that has ended; nothing while it runs. kNotFound when it is no child of
    /// ours or has been collected already.
    Result<std::optional<ExitStatus>> try_wait();
    /// As try_wait, but waits: for tests and main functions, never on a loop.
    Result<ExitStatus> wait_blocking();
    /// True once it has ended, child or not.
    bool has_ended() const;
    /// Waits for that, child or not, without collecting it. False when it still runs after `limit`.
    bool wait_ended_blocking(std::chrono::milliseconds limit) const;
    /// kNotFound when it has ended.
    Result<void> send_signal(int signal) const;
    /// A descriptor of the same open file as the process's descriptor `number` (pidfd_getfd(2)).
    /// Needs the right to trace it: kPermission otherwise.
    Result<Fd> copy_descriptor(int number) const;

 private:
    Process(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
    pid_t pid_ = 0;
    Fd pidfd_;
};

/// Replaces this process by `argv` (argv[0] is a path) with `variables` as its environment. Returns
/// only when that failed, with why.
Error become(const std::vector<std::string>& argv,
             const std::map<std::string, std::string>& variables);

/// Signals a whole process group. kNotFound when it has no member left.
Result<void> signal_group(pid_t group, int signal);

/// The files that execve would try for `name`: itself when it has a '/', else one per entry of
/// `path`.
std::vector<std::string> executable_candidates(std::string_view name, std::string_view path);

}  // namespace shore::os
