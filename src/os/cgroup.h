// Cgroup: a control group with limits for CPU, memory and number of processes, in version 2 or
// version 1 hierarchies, whichever has the controllers. Source:
// Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace shore::os {

struct CgroupLimits {
    std::optional<double> cpus;  ///< Whole CPUs, e.g. 0.5.
    std::optional<Bytes> memory;
    std::optional<uint32_t> pids;
    bool any() const { return cpus || memory || pids; }
    friend bool operator==(const CgroupLimits&, const CgroupLimits&) = default;
};

/// Where this machine has its controllers, as far as the caller may use them.
class CgroupTree final {
 public:
    /// Looks at `mount_root` ("/sys/fs/cgroup") and /proc/self/cgroup. Never fails: a machine
    /// without usable controllers gives a tree that can do nothing, and why_not() says why.
    /// Blocking, but only on kernel files.
    static CgroupTree discover(const std::string& mount_root = "/sys/fs/cgroup");

    bool can_limit_cpu() const { return !cpu_.empty(); }
    bool can_limit_memory() const { return !memory_.empty(); }
    bool can_limit_pids() const { return !pids_.empty(); }
    /// Why limits cannot be set, for people; empty when all can.
    const std::string& why_not() const { return why_not_; }

    /// Makes the group `name` ("shop.api-7") with those of `limits` that can be set; existing ones
    /// are reused. Returns its directories (one in version 2, one per controller in version 1): for
    /// SpawnRequest::cgroups and the functions below.
    Result<std::vector<std::string>> create(const std::string& name,
                                            const CgroupLimits& limits) const;

 private:
    Result<void> make_parent(const std::string& parent) const;

    bool version2_ = false;
    std::string cpu_;  // Parent directories of our groups; empty: not available.
    std::string memory_;
    std::string pids_;
    std::string why_not_;
};

/// How many processes the kernel killed in the group for want of memory, as far as its directories
/// tell.
uint64_t cgroup_oom_kills(const std::vector<std::string>& directories);
/// Kills every process in the group.
void cgroup_kill(const std::vector<std::string>& directories);
/// Removes the group. kConflict while processes are left in it; success when it is gone already.
Result<void> cgroup_remove(const std::vector<std::string>& directories);

}  // namespace shore::os
