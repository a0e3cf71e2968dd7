#include "engines/pgbouncer_socket.h"

#include <cstdlib>
#include <vector>

#include "net/address.h"
#include "os/directory.h"

namespace shore::engines {

Result<os::Fd> copy_listening_socket_blocking(int pid, const std::string& path,
                                              const CopyDescriptor& copy) {
    SHORE_TRY(const os::Process process, os::Process::open(pid));
    SHORE_TRY(const std::vector<std::string> numbers,
              os::list_directory(fmt::format("/proc/{}/fd", pid)));
    for (const std::string& number : numbers) {
        auto copied = copy(process, std::atoi(number.c_str()));
        if (!copied) {
            if (copied.error().code() == ErrorCode::kPermission) {
                return fail(std::move(copied).error());
            }
            continue;  // Closed since the directory was read.
        }
        const auto address = net::Address::local_of(copied->get());
        if (address && address->is_unix() && address->path() == path) {
            return std::move(*copied);
        }
    }
    return fail(ErrorCode::kNotFound, "process {} does not listen on {}", pid, path);
}

}  // namespace shore::engines
