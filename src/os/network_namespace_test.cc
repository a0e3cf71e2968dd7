// network_namespace_test: what a process sees that has entered a network of its own.
#include "os/network_namespace.h"

#include <algorithm>
#include <cstdlib>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/file.h"

namespace shore::os {
namespace {

/// Enters, and says whether what is there is loopback alone, and up. True where it is not
/// permitted.
bool sees_loopback_alone() {
    const auto entered = enter_network_namespace();
    if (!entered || !*entered) {
        return entered.has_value();
    }
    const std::string devices = read_file("/proc/self/net/dev", Bytes::mib(1)).value_or("");
    const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(80);  // Nobody else's here.
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    const bool is_root = ::geteuid() == 0;
    return std::ranges::count(devices, ':') == 1 && devices.contains("lo:") &&
           (!is_root ||
            (::bind(listener.get(), raw, sizeof address) == 0 && ::listen(listener.get(), 1) == 0 &&
             ::connect(client.get(), raw, sizeof address) == 0));
}

TEST(NetworkNamespace, HasLoopbackAlone) {
    EXPECT_EXIT(std::exit(sees_loopback_alone() ? 0 : 1), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace shore::os
