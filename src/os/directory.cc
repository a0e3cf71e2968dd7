#include "os/directory.h"

#include <cerrno>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "os/fd.h"

namespace shore::os {

namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

/// Deeper trees than this are refused: each level holds a descriptor open while it is removed.
constexpr int kDepthMax = 200;

Result<void> remove_entry(int parent, const char* name, int depth);

Result<void> remove_contents(int parent, const char* name, int depth) {
    const int descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0) {
        return fail(last_error(fmt::format("open directory {}", name)));
    }
    const Directory directory(fdopendir(descriptor));
    if (!directory) {
        ::close(descriptor);
        return fail(last_error(fmt::format("read directory {}", name)));
    }
    while (const dirent* entry = readdir(directory.get())) {
        const std::string_view child(entry->d_name);
        if (child != "." && child != "..") {
            SHORE_CHECK(remove_entry(descriptor, entry->d_name, depth + 1));
        }
    }
    return {};
}

Result<void> remove_entry(int parent, const char* name, int depth) {
    if (depth > kDepthMax) {
        return fail(ErrorCode::kExhausted, "{} is nested deeper than {}", name, kDepthMax);
    }
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
        return {};
    }
    if (errno != EISDIR && errno != EPERM) {
        return fail(last_error(fmt::format("remove {}", name)));
    }
    const int unlink_errno = errno;
    if (unlink_errno == EPERM) {
        // Some file systems say EPERM for a directory; a real refusal is reported as itself.
        struct stat about{};
        if (fstatat(parent, name, &about, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(about.st_mode)) {
            return fail(Error::from_errno(unlink_errno, fmt::format("remove {}", name)));
        }
    }
    SHORE_CHECK(remove_contents(parent, name, depth));
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT) {
        return fail(last_error(fmt::format("remove directory {}", name)));
    }
    return {};
}

bool is_directory(const std::string& path) {
    struct stat about{};
    return stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode);
}

}  // namespace

Result<void> make_directories(const std::string& path, mode_t mode) {
    size_t end = 0;
    do {
        end = path.find('/', end + 1);
        const std::string part = path.substr(0, end);
        if (part.empty() || mkdir(part.c_str(), mode) == 0) {
            continue;
        }
        const int failed = errno;
        if (is_directory(part)) {
            continue;
        }
        return fail(Error::from_errno(failed, fmt::format("make directory {}", part)));
    } while (end != std::string::npos);
    return {};
}

Result<std::vector<std::string>> list_directory(const std::string& path, size_t limit) {
    const Directory directory(opendir(path.c_str()));
    if (!directory) {
        return fail(last_error("list directory " + path));
    }
    std::vector<std::string> names;
    while (const dirent* entry = readdir(directory.get())) {
        const std::string_view name(entry->d_name);
        if (name == "." || name == "..") {
            continue;
        }
        if (names.size() >= limit) {
            return fail(ErrorCode::kExhausted, "directory {} has more than {} entries", path,
                        limit);
        }
        names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
}

Result<void> remove_tree(const std::string& path) {
    auto removed = remove_entry(AT_FDCWD, path.c_str(), 0);
    if (!removed) {
        return fail(std::move(removed).error().with("remove " + path));
    }
    return {};
}

Result<void> sync_directory(const std::string& path) {
    const Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || fsync(directory.get()) < 0) {
        return fail(last_error("flush directory " + path));
    }
    return {};
}

Result<DiskSpace> disk_space(const std::string& path) {
    struct statvfs about{};
    if (statvfs(path.c_str(), &about) < 0) {
        return fail(last_error("look at the file system of " + path));
    }
    return DiskSpace{.total = {about.f_blocks * about.f_frsize},
                     .available = {about.f_bavail * about.f_frsize}};
}

Result<TemporaryDirectory> TemporaryDirectory::create(const std::string& parent) {
    std::string path = parent + "/shore-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
        return fail(last_error("make a temporary directory in " + parent));
    }
    return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {
}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
    path_.swap(other.path_);
    return *this;
}

TemporaryDirectory::~TemporaryDirectory() {
    if (!path_.empty()) {
        [[maybe_unused]] const auto removed = remove_tree(path_);
    }
}

std::string TemporaryDirectory::file(std::string_view name) const {
    return fmt::format("{}/{}", path_, name);
}

}  // namespace shore::os
