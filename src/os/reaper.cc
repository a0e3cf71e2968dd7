#include "os/reaper.h"

#include <charconv>
#include <csignal>
#include <unordered_map>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/bytes.h"
#include "base/strings.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/process_stats.h"

namespace shore::os {
namespace {

/// The numbers of some 500,000 children.
constexpr Bytes kChildrenFileMax = Bytes::mib(4);

bool is_alive(const ProcessStats& process) {
    return process.state != 'Z' && process.state != 'X';
}

/// Appends the children of every thread of `parent`. False when the kernel does not list them; a
/// process that has ended has none.
bool append_children(pid_t parent, std::vector<pid_t>& children) {
    const std::string tasks = fmt::format("/proc/{}/task", parent);
    const auto threads = list_directory(tasks);
    if (!threads) {
        return threads.error().code() == ErrorCode::kNotFound;
    }
    for (const std::string& thread : *threads) {
        const auto text = read_file(fmt::format("{}/{}/children", tasks, thread), kChildrenFileMax);
        if (!text) {
            continue;  // The thread has ended; its children belong to another one now.
        }
        for (const std::string_view word : base::split(base::trim(*text), ' ')) {
            pid_t child = 0;
            std::from_chars(word.data(), word.data() + word.size(), child);
            if (child > 0) {
                children.push_back(child);
            }
        }
    }
    return true;
}

/// Whether the kernel was built to list children (CONFIG_PROC_CHILDREN; most are).
bool kernel_lists_children() {
    static const bool lists = read_file("/proc/thread-self/children", kChildrenFileMax).has_value();
    return lists;
}

}  // namespace

Result<void> become_reaper() {
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
        return fail(last_error("become the reaper of orphans"));
    }
    return {};
}

std::optional<Reaped> reap_any() {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) {
        return std::nullopt;
    }
    if (WIFSIGNALED(status)) {
        return Reaped{pid, {.signal = WTERMSIG(status), .core_dumped = WCOREDUMP(status) != 0}};
    }
    return Reaped{pid, {.code = WEXITSTATUS(status)}};
}

bool has_children() {
    siginfo_t child{};
    return waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0;
}

std::vector<pid_t> descendants(pid_t pid) {
    if (!kernel_lists_children()) {
        return descendants_by_scan(pid);
    }
    std::vector<pid_t> found;
    std::vector<pid_t> open{pid};
    std::vector<pid_t> children;
    while (!open.empty()) {
        const pid_t parent = open.back();
        open.pop_back();
        children.clear();
        if (!append_children(parent, children)) {
            return descendants_by_scan(pid);
        }
        for (const pid_t child : children) {
            open.push_back(child);
            if (const auto stats = process_stats(child); stats && is_alive(*stats)) {
                found.push_back(child);
            }
        }
    }
    return found;
}

std::vector<pid_t> descendants_by_scan(pid_t pid) {
    std::vector<pid_t> found;
    const auto all = all_processes();
    if (!all) {
        return found;
    }
    std::unordered_multimap<pid_t, const ProcessStats*> children;
    for (const ProcessStats& process : *all) {
        children.emplace(process.parent, &process);
    }
    std::vector<pid_t> open{pid};
    while (!open.empty()) {
        const pid_t parent = open.back();
        open.pop_back();
        const auto [begin, end] = children.equal_range(parent);
        for (auto child = begin; child != end; ++child) {
            open.push_back(child->second->pid);
            if (is_alive(*child->second)) {
                found.push_back(child->second->pid);
            }
        }
    }
    return found;
}

void signal_child(pid_t pid, int signal) {
    if (pid > 1) {
        ::kill(pid, signal);
    }
}

}  // namespace shore::os
