#include "os/file.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/directory.h"

namespace shore::os {

namespace {

/// A temporary file that is removed unless it has been renamed.
struct Staged {
    std::string path;
    ~Staged() {
        if (!path.empty()) {
            unlink(path.c_str());
        }
    }
};

}  // namespace

Result<std::string> read_file(const std::string& path, Bytes limit) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        return fail(last_error("open " + path));
    }
    struct stat about{};
    if (fstat(file.get(), &about) < 0) {
        return fail(last_error("look at " + path));
    }
    if (S_ISDIR(about.st_mode)) {
        return fail(ErrorCode::kInvalid, "read {}: it is a directory", path);
    }
    std::string content;
    size_t used = 0;
    // One byte more than the size tells the end without another round.
    content.resize(std::min<uint64_t>(static_cast<uint64_t>(about.st_size), limit.count) + 1);
    while (true) {
        const ssize_t got = read(file.get(), content.data() + used, content.size() - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(last_error("read " + path));
        }
        if (got == 0) {
            break;
        }
        used += static_cast<size_t>(got);
        if (used > limit.count) {
            return fail(ErrorCode::kExhausted, "{} is larger than {}", path, to_text(limit));
        }
        if (used == content.size()) {
            content.resize(std::min<uint64_t>(content.size() * 2 + 4096, limit.count + 1));
        }
    }
    content.resize(used);
    return content;
}

Result<void> write_all_blocking(int descriptor, std::string_view content) {
    while (!content.empty()) {
        const ssize_t written = write(descriptor, content.data(), content.size());
        if (written < 0 && errno != EINTR) {
            return fail(last_error("write"));
        }
        content.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
    }
    return {};
}

Result<void> write_file_atomically(const std::string& path, std::string_view content, mode_t mode,
                                   Durability durability) {
    Staged staged{path + ".XXXXXX"};
    const Fd file(mkostemp(staged.path.data(), O_CLOEXEC));
    if (!file) {
        const Error error = last_error("write a file beside " + path);
        staged.path.clear();
        return fail(error);
    }
    if (auto written = write_all_blocking(file.get(), content); !written) {
        return fail(std::move(written).error().with(path));
    }
    if (fchmod(file.get(), mode) < 0) {
        return fail(last_error("set the mode of " + path));
    }
    if (durability == Durability::kFlushed && fsync(file.get()) < 0) {
        return fail(last_error("flush " + path));
    }
    if (rename(staged.path.c_str(), path.c_str()) < 0) {
        return fail(last_error("rename a new file to " + path));
    }
    staged.path.clear();
    if (durability == Durability::kFlushed) {
        const size_t slash = path.rfind('/');
        SHORE_CHECK(sync_directory(slash == std::string::npos ? "."
                                   : slash == 0               ? "/"
                                                              : path.substr(0, slash)));
    }
    return {};
}

Result<size_t> read_at_blocking(int descriptor, uint64_t offset, std::span<char> out) {
    size_t done = 0;
    while (done < out.size()) {
        const ssize_t got = pread(descriptor, out.data() + done, out.size() - done,
                                  static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail(last_error("read a file"));
        }
        if (got == 0) {
            break;
        }
        done += static_cast<size_t>(got);
    }
    return done;
}

bool file_exists(const std::string& path) {
    return access(path.c_str(), F_OK) == 0;
}

bool is_executable(const std::string& path) {
    struct stat status{};
    return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           access(path.c_str(), X_OK) == 0;
}

Result<void> remove_file(const std::string& path) {
    if (unlink(path.c_str()) < 0 && errno != ENOENT) {
        return fail(last_error("remove " + path));
    }
    return {};
}

Result<std::optional<FileLock>> FileLock::try_lock(const std::string& path) {
    Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) {
        return fail(last_error("open lock file " + path));
    }
    if (flock(file.get(), LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK) {
            return std::optional<FileLock>();
        }
        return fail(last_error("lock " + path));
    }
    return std::optional(FileLock(std::move(file)));
}

}  // namespace shore::os
