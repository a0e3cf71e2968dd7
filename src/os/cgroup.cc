#include "os/cgroup.h"

#include <cerrno>
#include <charconv>
#include <csignal>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"
#include "os/directory.h"
#include "os/fd.h"
#include "os/file.h"

namespace shore::os {
namespace {

constexpr Bytes kKernelFileMax = Bytes::kib(256);
/// The group under which all of ours stand.
constexpr std::string_view kOurs = "shore";
/// cpu.max and cfs_period_us: the kernel's default period.
constexpr uint64_t kPeriodMicroseconds = 100'000;

Result<void> write_kernel_file(const std::string& path, std::string_view text) {
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) {
        return fail(last_error("open " + path));
    }
    if (::write(file.get(), text.data(), text.size()) < 0) {
        return fail(last_error(fmt::format("write \"{}\" to {}", text, path)));
    }
    return {};
}

std::string read_kernel_file(const std::string& path) {
    return read_file(path, kKernelFileMax).value_or("");
}

/// This process's own path in the hierarchy of `controller`; "" when it cannot be told, "/" for the
/// root.
std::string own_path(const std::string& own, std::string_view controller) {
    for (const auto line : base::split(own, '\n')) {
        const auto parts = base::split(line, ':');
        if (parts.size() < 3) {
            continue;
        }
        for (const auto name : base::split(parts[1], ',')) {
            if (name == controller) {
                return std::string(parts[2]);
            }
        }
    }
    return "";
}

/// Makes "`parent`/shore" where that is permitted; "" and the reason otherwise.
std::string make_ours(const std::string& parent, std::string& why_not) {
    std::string ours = fmt::format("{}/{}", parent, kOurs);
    if (::mkdir(ours.c_str(), 0755) < 0 && errno != EEXIST) {
        why_not = last_error("make cgroup " + ours).text();
        return "";
    }
    if (::access(ours.c_str(), W_OK) < 0) {
        why_not = last_error("use cgroup " + ours).text();
        return "";
    }
    return ours;
}

bool has_word(std::string_view text, std::string_view word) {
    for (const auto part : base::split(base::trim(text), ' ')) {
        if (part == word) {
            return true;
        }
    }
    return false;
}

uint64_t field(const std::string& text, std::string_view name) {
    for (const auto line : base::split(text, '\n')) {
        const auto parts = base::split_once(line, ' ');
        uint64_t value = 0;
        if (parts && parts->first == name) {
            std::from_chars(parts->second.data(), parts->second.data() + parts->second.size(),
                            value);
            return value;
        }
    }
    return 0;
}

}  // namespace

CgroupTree CgroupTree::discover(const std::string& mount_root) {
    CgroupTree tree;
    const std::string controllers = read_kernel_file(mount_root + "/cgroup.controllers");
    if (has_word(controllers, "memory") || has_word(controllers, "cpu")) {
        // Version 2. Our groups stand beside the daemon's own, because a group with processes
        // cannot pass controllers on.
        tree.version2_ = true;
        const std::string ours = make_ours(mount_root, tree.why_not_);
        if (ours.empty()) {
            return tree;
        }
        for (const std::string_view name : {"cpu", "memory", "pids"}) {
            if (!has_word(controllers, name)) {
                continue;
            }
            const std::string on = fmt::format("+{}", name);
            auto given = write_kernel_file(mount_root + "/cgroup.subtree_control", on);
            if (given) {
                given = write_kernel_file(ours + "/cgroup.subtree_control", on);
            }
            if (!given) {
                tree.why_not_ = given.error().text();
                continue;
            }
            (name == "cpu" ? tree.cpu_ : name == "memory" ? tree.memory_ : tree.pids_) = ours;
        }
        return tree;
    }
    const std::string own = read_kernel_file("/proc/self/cgroup");
    const auto find = [&](std::string_view controller) {
        const std::string hierarchy = fmt::format("{}/{}", mount_root, controller);
        if (!file_exists(hierarchy + "/cgroup.procs")) {
            tree.why_not_ = fmt::format("this machine has no cgroup controller \"{}\"", controller);
            return std::string();
        }
        // Below our own group, so that limits set on the daemon hold for all that it starts.
        std::string path = own_path(own, controller);
        if (path == "/" || !file_exists(hierarchy + path + "/cgroup.procs")) {
            path.clear();
        }
        return make_ours(hierarchy + path, tree.why_not_);
    };
    tree.cpu_ = find("cpu");
    tree.memory_ = find("memory");
    tree.pids_ = find("pids");
    return tree;
}

Result<void> CgroupTree::make_parent(const std::string& parent) const {
    if (file_exists(parent)) {
        return {};
    }
    std::string why_not;
    if (make_ours(parent.substr(0, parent.rfind('/')), why_not).empty()) {
        return fail(ErrorCode::kPermission, "{}", why_not);
    }
    if (version2_) {
        for (const auto& [directory, on] :
             {std::pair(&cpu_, "+cpu"), {&memory_, "+memory"}, {&pids_, "+pids"}}) {
            if (!directory->empty()) {
                SHORE_CHECK(write_kernel_file(parent + "/cgroup.subtree_control", on));
            }
        }
    }
    return {};
}

Result<std::vector<std::string>> CgroupTree::create(const std::string& name,
                                                    const CgroupLimits& limits) const {
    std::vector<std::string> directories;
    const auto make = [&](const std::string& parent) -> Result<std::string> {
        SHORE_CHECK(make_parent(parent));
        std::string directory = fmt::format("{}/{}", parent, name);
        if (::mkdir(directory.c_str(), 0755) < 0 && errno != EEXIST) {
            return fail(last_error("make cgroup " + directory));
        }
        if (std::ranges::find(directories, directory) == directories.end()) {
            directories.push_back(directory);
        }
        return directory;
    };
    if (limits.cpus && can_limit_cpu()) {
        SHORE_TRY(const std::string directory, make(cpu_));
        const auto quota = static_cast<uint64_t>(*limits.cpus * kPeriodMicroseconds);
        if (version2_) {
            SHORE_CHECK(write_kernel_file(directory + "/cpu.max",
                                          fmt::format("{} {}", quota, kPeriodMicroseconds)));
        } else {
            SHORE_CHECK(write_kernel_file(directory + "/cpu.cfs_period_us",
                                          std::to_string(kPeriodMicroseconds)));
            SHORE_CHECK(write_kernel_file(directory + "/cpu.cfs_quota_us", std::to_string(quota)));
        }
    }
    if (limits.memory && can_limit_memory()) {
        SHORE_TRY(const std::string directory, make(memory_));
        SHORE_CHECK(
            write_kernel_file(directory + (version2_ ? "/memory.max" : "/memory.limit_in_bytes"),
                              std::to_string(limits.memory->count)));
        if (version2_) {
            // All or none: half an app is worse than a restarted one.
            SHORE_CHECK(write_kernel_file(directory + "/memory.oom.group", "1"));
        }
    }
    if (limits.pids && can_limit_pids()) {
        SHORE_TRY(const std::string directory, make(pids_));
        SHORE_CHECK(write_kernel_file(directory + "/pids.max", std::to_string(*limits.pids)));
    }
    return directories;
}

uint64_t cgroup_oom_kills(const std::vector<std::string>& directories) {
    for (const std::string& directory : directories) {
        for (const std::string_view file : {"memory.events", "memory.oom_control"}) {
            const std::string text = read_kernel_file(fmt::format("{}/{}", directory, file));
            if (!text.empty()) {
                return field(text, "oom_kill");
            }
        }
    }
    return 0;
}

void cgroup_kill(const std::vector<std::string>& directories) {
    for (const std::string& directory : directories) {
        if (write_kernel_file(directory + "/cgroup.kill", "1")) {
            continue;
        }
        const std::string members = read_kernel_file(directory + "/cgroup.procs");
        for (const auto line : base::split(members, '\n')) {
            pid_t pid = 0;
            std::from_chars(line.data(), line.data() + line.size(), pid);
            if (pid > 1 && pid != ::getpid()) {
                ::kill(pid, SIGKILL);
            }
        }
    }
}

Result<void> cgroup_remove(const std::vector<std::string>& directories) {
    for (const std::string& directory : directories) {
        if (::rmdir(directory.c_str()) < 0 && errno != ENOENT) {
            return fail(last_error("remove cgroup " + directory));
        }
        // The common parent goes with its last group; create() makes it again.
        const std::string parent = directory.substr(0, directory.rfind('/'));
        if (parent.ends_with(fmt::format("/{}", kOurs))) {
            ::rmdir(parent.c_str());
        }
    }
    return {};
}

}  // namespace shore::os
