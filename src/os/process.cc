#include "os/process.h"

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strings.h"
#include "os/signal.h"

namespace shore::os {

namespace {

/// The steps between fork and exec, in order; sent through the pipe when one fails.
enum class Step : int {
    kSession,
    kDescriptors,
    kCgroup,
    kOomScore,
    kPriority,
    kLimit,
    kDirectory,
    kGroups,
    kGroup,
    kUser,
    kPrivileges,
    kParentDeath,
    kExecute,
};

struct Failure {
    Step step = Step::kExecute;
    int errno_value = 0;
    int index = 0;  // Which limit, descriptor or cgroup.
};

/// Everything the child needs, built before the fork: after it only async-signal-safe calls are
/// allowed.
struct Plan {
    const SpawnOptions& options;
    std::vector<std::string> candidates;
    std::vector<char*> argv;
    std::vector<char*> environment;
    std::vector<Fd> cgroups;
    std::vector<InheritedDescriptor> moves;  // 0, 1, 2 and the further ones.
    Fd null;
    std::string oom_text;
    int report = -1;
    pid_t parent = 0;
};

[[noreturn]] void give_up(const Plan& plan, Step step, int index = 0) {
    const Failure failure{step, errno, index};
    [[maybe_unused]] const ssize_t written = write(plan.report, &failure, sizeof failure);
    _exit(127);
}

/// Puts every descriptor at its target. All are first copied above every target, so that no move
/// overwrites a source that is still needed.
void place_descriptors(Plan& plan) {
    int above = plan.report;
    for (const InheritedDescriptor& move : plan.moves) {
        above = std::max({above, move.source, move.target});
    }
    const int report = fcntl(plan.report, F_DUPFD_CLOEXEC, above + 1);
    if (report < 0) {
        give_up(plan, Step::kDescriptors);
    }
    plan.report = report;
    int index = 0;
    for (InheritedDescriptor& move : plan.moves) {
        const int copy = fcntl(move.source, F_DUPFD_CLOEXEC, above + 1);
        if (copy < 0) {
            give_up(plan, Step::kDescriptors, index);
        }
        move.source = copy;
        ++index;
    }
    index = 0;
    for (const InheritedDescriptor& move : plan.moves) {
        if (dup2(move.source, move.target) < 0) {
            give_up(plan, Step::kDescriptors, index);
        }
        ++index;
    }
}

/// Marks every descriptor that is not handed over to be closed by exec.
void close_others_on_exec(const Plan& plan) {
    constexpr unsigned kCloexec = 1U << 2U;  // CLOSE_RANGE_CLOEXEC.
    unsigned first = 3;
    while (true) {
        unsigned next = ~0U;
        for (const InheritedDescriptor& move : plan.moves) {
            const auto target = static_cast<unsigned>(move.target);
            if (target >= first && target < next) {
                next = target;
            }
        }
        if (next == ~0U) {
            syscall(SYS_close_range, first, ~0U, kCloexec);
            return;
        }
        if (next > first) {
            syscall(SYS_close_range, first, next - 1, kCloexec);
        }
        first = next + 1;
    }
}

/// struct kernel_sigaction of rt_sigaction(2) on x86-64; all zero means SIG_DFL.
struct KernelSigaction {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
};

void reset_signals() {
    // By the system call: the C library refuses the two signals it keeps for itself (32 and 33),
    // which a parent may have left ignored as well.
    KernelSigaction action{};
    for (int number = 1; number < NSIG; ++number) {
        // Fails for SIGKILL and SIGSTOP, which is right.
        syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// For oom_score_adj only, which is opened in the child because it is the child's own.
bool write_text(const char* path, const std::string& text) {
    const int file = ::open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    const bool done = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int saved = errno;
    ::close(file);
    errno = saved;
    return done;
}

void apply_limits(const Plan& plan) {
    const SpawnOptions& options = plan.options;
    for (size_t i = 0; i < plan.cgroups.size(); ++i) {
        if (write(plan.cgroups[i].get(), "0", 1) != 1) {
            give_up(plan, Step::kCgroup, static_cast<int>(i));
        }
    }
    if (options.oom_score_adjust && !write_text("/proc/self/oom_score_adj", plan.oom_text)) {
        give_up(plan, Step::kOomScore);
    }
    if (options.nice && setpriority(PRIO_PROCESS, 0, *options.nice) < 0) {
        give_up(plan, Step::kPriority);
    }
    for (size_t i = 0; i < options.limits.size(); ++i) {
        const ResourceLimit& limit = options.limits[i];
        const rlimit value{limit.soft, limit.hard};
        if (setrlimit(static_cast<__rlimit_resource>(limit.resource), &value) < 0) {
            give_up(plan, Step::kLimit, static_cast<int>(i));
        }
    }
}

/// By system calls: the C library's functions also tell the other threads of a process, which a
/// forked child does not have and must not look for.
void drop_rights(const Plan& plan) {
    const SpawnOptions& options = plan.options;
    if (options.user || options.group) {
        // An unprivileged caller may only name itself; it has no supplementary groups to change.
        if (geteuid() == 0 &&
            syscall(SYS_setgroups, options.groups.size(), options.groups.data()) < 0) {
            give_up(plan, Step::kGroups);
        }
    }
    if (options.group &&
        syscall(SYS_setresgid, *options.group, *options.group, *options.group) < 0) {
        give_up(plan, Step::kGroup);
    }
    if (options.user && syscall(SYS_setresuid, *options.user, *options.user, *options.user) < 0) {
        give_up(plan, Step::kUser);
    }
    if (options.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        give_up(plan, Step::kPrivileges);
    }
    // After the change of user, which clears it.
    if (options.parent_death_signal != 0) {
        if (prctl(PR_SET_PDEATHSIG, options.parent_death_signal) < 0 || getppid() != plan.parent) {
            give_up(plan, Step::kParentDeath);
        }
    }
}

[[noreturn]] void become(Plan& plan) {
    const SpawnOptions& options = plan.options;
    reset_signals();
    if (options.new_session ? setsid() < 0 : options.new_process_group && setpgid(0, 0) < 0) {
        give_up(plan, Step::kSession);
    }
    place_descriptors(plan);
    close_others_on_exec(plan);
    apply_limits(plan);
    drop_rights(plan);
    // As the new user, as login does: the directory must be theirs to enter.
    if (!options.working_directory.empty() && chdir(options.working_directory.c_str()) < 0) {
        give_up(plan, Step::kDirectory);
    }
    if (options.umask) {
        umask(*options.umask);
    }
    int refused = 0;
    for (const std::string& candidate : plan.candidates) {
        execve(candidate.c_str(), plan.argv.data(), plan.environment.data());
        if (errno == EACCES) {
            refused = EACCES;
        } else if (errno != ENOENT && errno != ENOTDIR) {
            give_up(plan, Step::kExecute);
        }
    }
    errno = refused != 0 ? refused : ENOENT;
    give_up(plan, Step::kExecute);
}

Error explain(const SpawnOptions& options, const Failure& failure) {
    const auto index = static_cast<size_t>(failure.index);
    const std::string& name = options.executable.empty() ? options.argv[0] : options.executable;
    std::string what;
    switch (failure.step) {
        case Step::kSession:
            what = "begin a session";
            break;
        case Step::kDescriptors:
            what = "hand over descriptors";
            break;
        case Step::kCgroup:
            what = "join cgroup " + options.cgroup_procs[index];
            break;
        case Step::kOomScore:
            what = fmt::format("set oom_score_adj to {}", *options.oom_score_adjust);
            break;
        case Step::kPriority:
            what = fmt::format("set priority to {}", *options.nice);
            break;
        case Step::kLimit:
            what = fmt::format("set resource limit {} to {}:{}", options.limits[index].resource,
                               options.limits[index].soft, options.limits[index].hard);
            break;
        case Step::kDirectory:
            what = "enter directory " + options.working_directory;
            break;
        case Step::kGroups:
            what = "set supplementary groups";
            break;
        case Step::kGroup:
            what = fmt::format("become group {}", options.group.value_or(0));
            break;
        case Step::kUser:
            what = fmt::format("become user {}", options.user.value_or(0));
            break;
        case Step::kPrivileges:
            what = "give up new privileges";
            break;
        case Step::kParentDeath:
            what = "follow the parent";
            break;
        case Step::kExecute:
            what = "execute " + name;
            break;
    }
    return Error::from_errno(failure.errno_value, what);
}

std::string_view path_of(const std::vector<std::string>& environment) {
    for (const std::string& entry : environment) {
        if (entry.starts_with("PATH=")) {
            return std::string_view(entry).substr(5);
        }
    }
    return "/usr/local/bin:/usr/bin:/bin";
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (const std::string& text : texts) {
        result.push_back(const_cast<char*>(text.c_str()));
    }
    result.push_back(nullptr);
    return result;
}

Result<void> prepare(Plan& plan) {
    const SpawnOptions& options = plan.options;
    if (options.argv.empty()) {
        return fail(ErrorCode::kInvalid, "start a process: the command is empty");
    }
    const std::string& name = options.executable.empty() ? options.argv[0] : options.executable;
    if (name.empty()) {
        return fail(ErrorCode::kInvalid, "start a process: the name of the program is empty");
    }
    plan.candidates = executable_candidates(name, path_of(options.environment));
    plan.argv = pointers(options.argv);
    plan.environment = pointers(options.environment);
    for (const std::string& path : options.cgroup_procs) {
        Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
        if (!file) {
            return fail(last_error("open " + path));
        }
        plan.cgroups.push_back(std::move(file));
    }
    plan.null = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!plan.null) {
        return fail(last_error("open /dev/null"));
    }
    const int standard[] = {options.standard_input, options.standard_output,
                            options.standard_error};
    for (int target = 0; target < 3; ++target) {
        const int source = standard[target];
        plan.moves.push_back({source == SpawnOptions::kNull      ? plan.null.get()
                              : source == SpawnOptions::kInherit ? target
                                                                 : source,
                              target});
    }
    plan.moves.insert(plan.moves.end(), options.descriptors.begin(), options.descriptors.end());
    plan.oom_text = std::to_string(options.oom_score_adjust.value_or(0));
    plan.parent = getpid();
    return {};
}

Fd open_pidfd(pid_t pid) {
    return Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

ExitStatus exit_status_of(const siginfo_t& ended) {
    if (ended.si_code == CLD_EXITED) {
        return {.code = ended.si_status};
    }
    return {.signal = ended.si_status, .core_dumped = ended.si_code == CLD_DUMPED};
}

/// By pidfd, so that the number cannot be someone else's.
constexpr auto kByPidfd = static_cast<idtype_t>(3);  // P_PIDFD.

}  // namespace

std::string to_text(const ExitStatus& status) {
    if (status.signal == 0) {
        return fmt::format("exit code {}", status.code);
    }
    return fmt::format("killed by {}{}", signal_name(status.signal),
                       status.core_dumped ? " (core dumped)" : "");
}

std::vector<std::string> executable_candidates(std::string_view name, std::string_view path) {
    if (name.contains('/')) {
        return {std::string(name)};
    }
    std::vector<std::string> result;
    for (const std::string_view directory : base::split(path, ':')) {
        result.push_back(fmt::format("{}/{}", directory.empty() ? "." : directory, name));
    }
    return result;
}

Result<Process> Process::spawn(const SpawnOptions& options) {
    Plan plan{.options = options};
    SHORE_CHECK(prepare(plan));
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return fail(last_error("start a process: pipe2"));
    }
    const Fd reports(ends[0]);
    Fd report(ends[1]);
    plan.report = report.get();

    // Signals stay blocked until the child has reset its dispositions: no handler of ours runs
    // there.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = fork();
    if (pid == 0) {
        become(plan);
    }
    const int fork_errno = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) {
        return fail(Error::from_errno(fork_errno, "start a process: fork"));
    }
    report.close();
    Process process(pid, open_pidfd(pid));
    const int pidfd_errno = errno;

    Failure failure;
    ssize_t got = 0;
    do {
        got = read(reports.get(), &failure, sizeof failure);
    } while (got < 0 && errno == EINTR);
    if (got == sizeof failure) {
        waitpid(pid, nullptr, 0);
        return fail(explain(options, failure));
    }
    if (!process.pidfd_) {
        ::kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        return fail(Error::from_errno(pidfd_errno, "start a process: pidfd_open"));
    }
    return process;
}

Result<Process> Process::open(pid_t pid) {
    Fd pidfd = open_pidfd(pid);
    if (!pidfd) {
        return fail(last_error(fmt::format("open process {}", pid)));
    }
    return Process(pid, std::move(pidfd));
}

Result<std::optional<ExitStatus>> Process::try_wait() {
    siginfo_t ended{};
    if (waitid(kByPidfd, static_cast<id_t>(pidfd_.get()), &ended, WEXITED | WNOHANG) < 0) {
        return fail(last_error(fmt::format("wait for process {}", pid_)));
    }
    if (ended.si_pid == 0) {
        return std::optional<ExitStatus>();
    }
    return std::optional(exit_status_of(ended));
}

Result<ExitStatus> Process::wait_blocking() {
    siginfo_t ended{};
    while (waitid(kByPidfd, static_cast<id_t>(pidfd_.get()), &ended, WEXITED) < 0) {
        if (errno != EINTR) {
            return fail(last_error(fmt::format("wait for process {}", pid_)));
        }
    }
    return exit_status_of(ended);
}

bool Process::has_ended() const {
    return wait_ended_blocking(std::chrono::milliseconds(0));
}

bool Process::wait_ended_blocking(std::chrono::milliseconds limit) const {
    pollfd waiting{.fd = pidfd_.get(), .events = POLLIN};
    return ::poll(&waiting, 1, static_cast<int>(limit.count())) > 0;
}

Result<Fd> Process::copy_descriptor(int number) const {
    Fd copy(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd_.get(), number, 0)));
    if (!copy) {
        return fail(last_error(fmt::format("copy descriptor {} of process {}", number, pid_)));
    }
    return copy;
}

Result<void> Process::send_signal(int signal) const {
    if (syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) < 0) {
        return fail(last_error(fmt::format("send {} to process {}", signal_name(signal), pid_)));
    }
    return {};
}

Error become(const std::vector<std::string>& argv,
             const std::map<std::string, std::string>& variables) {
    std::vector<std::string> entries;
    for (const auto& [name, value] : variables) {
        entries.push_back(fmt::format("{}={}", name, value));
    }
    std::vector<char*> arguments;
    for (const std::string& argument : argv) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    std::vector<char*> environment;
    for (const std::string& entry : entries) {
        environment.push_back(const_cast<char*>(entry.c_str()));
    }
    arguments.push_back(nullptr);
    environment.push_back(nullptr);
    // The program shall find signals as a shell would have given them.
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::execve(arguments[0], arguments.data(), environment.data());
    return last_error("execute " + argv.front());
}

Result<void> signal_group(pid_t group, int signal) {
    if (group <= 1) {
        return fail(ErrorCode::kInvalid, "refused to signal process group {}", group);
    }
    if (::kill(-group, signal) < 0) {
        return fail(
            last_error(fmt::format("send {} to process group {}", signal_name(signal), group)));
    }
    return {};
}

}  // namespace shore::os
