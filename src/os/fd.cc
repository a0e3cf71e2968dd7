#include "os/fd.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace shore::os {

void Fd::close() {
    if (descriptor_ >= 0) {
        // close() is never repeated: Linux has released the number even when it reports EINTR.
        ::close(descriptor_);
        descriptor_ = -1;
    }
}

Error last_error(std::string_view what) {
    return Error::from_errno(errno, what);
}

Result<Fd> duplicate(int descriptor) {
    const int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        return fail(last_error(fmt::format("duplicate descriptor {}", descriptor)));
    }
    return Fd(copy);
}

Result<void> set_nonblocking(int descriptor, bool on) {
    const int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0) {
        return fail(last_error("fcntl F_GETFL"));
    }
    if (fcntl(descriptor, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0) {
        return fail(last_error("fcntl F_SETFL"));
    }
    return {};
}

}  // namespace shore::os
