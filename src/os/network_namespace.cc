#include "os/network_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"

namespace shore::os {

namespace {

Result<void> write_to(const char* name, std::string_view text) {
    const Fd file(::open(name, O_WRONLY | O_CLOEXEC));
    if (!file) {
        return fail(last_error(fmt::format("open {}", name)));
    }
    return write_all_blocking(file.get(), text);
}

/// The user and the group stay who they are; the kernel wants no others.
Result<void> map_user(uid_t user, gid_t group) {
    SHORE_CHECK(write_to("/proc/self/setgroups", "deny"));
    SHORE_CHECK(write_to("/proc/self/uid_map", fmt::format("{0} {0} 1\n", user)));
    return write_to("/proc/self/gid_map", fmt::format("{0} {0} 1\n", group));
}

/// Lets programs that this one executes administer the network: a capability is lost at exec unless
/// it is inheritable and ambient (capabilities(7)).
Result<void> pass_on_network_administration() {
    __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capget, &header, sets) < 0) {
        return fail(last_error("read the capabilities"));
    }
    sets[CAP_TO_INDEX(CAP_NET_ADMIN)].inheritable |= CAP_TO_MASK(CAP_NET_ADMIN);
    if (::syscall(SYS_capset, &header, sets) < 0 ||
        ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) < 0) {
        return fail(last_error("pass on CAP_NET_ADMIN"));
    }
    return {};
}

Result<void> raise_loopback() {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::string_view("lo").copy(request.ifr_name, IFNAMSIZ - 1);
    if (!socket || ::ioctl(socket.get(), SIOCGIFFLAGS, &request) < 0) {
        return fail(last_error("look at the loopback interface"));
    }
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) < 0) {
        return fail(last_error("raise the loopback interface"));
    }
    return {};
}

}  // namespace

Result<bool> enter_network_namespace() {
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    // In a user namespace of one user root could not start engines as other users.
    const int kinds = user == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET;
    if (::unshare(kinds) < 0) {
        return false;
    }
    if (user != 0) {
        SHORE_CHECK(map_user(user, group));
        SHORE_CHECK(pass_on_network_administration());
    }
    SHORE_CHECK(raise_loopback());
    return true;
}

}  // namespace shore::os
