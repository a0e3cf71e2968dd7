#include "os/beneath.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shore::os {

namespace {

constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

int open_by_segments(int root, const std::string& path) {
    Fd directory(fcntl(root, F_DUPFD_CLOEXEC, 0));
    size_t begin = 0;
    while (directory) {
        const size_t end = path.find('/', begin);
        const std::string segment = path.substr(begin, end - begin);
        if (segment == "..") {
            errno = EXDEV;
            return -1;
        }
        if (end == std::string::npos) {
            return openat(directory.get(), segment.empty() ? "." : segment.c_str(),
                          kFlags | O_NOFOLLOW);
        }
        if (!segment.empty() && segment != ".") {
            directory = Fd(openat(directory.get(), segment.c_str(),
                                  O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        }
        begin = end + 1;
    }
    return -1;
}

int open_in(int root, const std::string& path) {
    open_how how{};
    how.flags = static_cast<uint64_t>(kFlags);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    const auto descriptor = static_cast<int>(
        syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how));
    if (descriptor < 0 && (errno == ENOSYS || errno == EPERM)) {
        return open_by_segments(root, path);
    }
    return descriptor;
}

OpenOutcome outcome_of(int error) {
    switch (error) {
        case ENOENT:
        case ENOTDIR:
        case ELOOP:
        case EXDEV:
        case ENAMETOOLONG:
        case ENXIO:
            return OpenOutcome::kNotFound;
        case EACCES:
        case EPERM:
            return OpenOutcome::kForbidden;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
            return OpenOutcome::kExhausted;
        default:
            return OpenOutcome::kFailed;
    }
}

}  // namespace

OpenedFile open_beneath(const std::string& root, const std::string& path) {
    OpenedFile opened;
    const Fd directory(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (directory) {
        opened.file = Fd(open_in(directory.get(), path));
    }
    struct stat status{};
    if (!opened.file || fstat(opened.file.get(), &status) < 0) {
        opened.outcome = outcome_of(errno);
        return opened;
    }
    opened.outcome = OpenOutcome::kOpened;
    opened.kind = S_ISREG(status.st_mode)   ? FileKind::kRegular
                  : S_ISDIR(status.st_mode) ? FileKind::kDirectory
                                            : FileKind::kOther;
    opened.size = static_cast<uint64_t>(status.st_size);
    opened.modified_ns = int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    opened.inode = status.st_ino;
    return opened;
}

}  // namespace shore::os
