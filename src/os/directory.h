// Directories: making, listing, removing; a temporary one for tests and staging; space left.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/bytes.h"
#include "base/result.h"

namespace shore::os {

/// Makes `path` and what is missing above it. New ones get `mode` (less the umask). Fine when it is
/// there already; kConflict when something else is in the way.
Result<void> make_directories(const std::string& path, mode_t mode = 0755);

/// Names in a directory, sorted, without "." and "..". kNotFound; kExhausted above `limit` names.
Result<std::vector<std::string>> list_directory(const std::string& path, size_t limit = 100'000);

/// Removes a file or a directory with everything in it; follows no symbolic link. Fine when nothing
/// is there.
Result<void> remove_tree(const std::string& path);

/// Flushes a directory, so that a file made or renamed in it survives a power failure.
Result<void> sync_directory(const std::string& path);

struct DiskSpace {
    Bytes total;
    Bytes available;  ///< To an ordinary user.
};
Result<DiskSpace> disk_space(const std::string& path);

/// A fresh directory of mode 0700, removed with its contents on destruction. Move-only.
class [[nodiscard]] TemporaryDirectory final {
 public:
    /// Under `parent`, which is the system's place for temporary files unless given.
    static Result<TemporaryDirectory> create(const std::string& parent = "/tmp");
    TemporaryDirectory(TemporaryDirectory&& other) noexcept;
    TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
    ~TemporaryDirectory();

    const std::string& path() const { return path_; }
    /// "path/name".
    std::string file(std::string_view name) const;

 private:
    explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

}  // namespace shore::os
