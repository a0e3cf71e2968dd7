// Files: read whole with a limit, written so that a crash leaves either the old or the new one,
// locked.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/bytes.h"
#include "base/result.h"
#include "os/fd.h"

namespace shore::os {

/// The whole file. kNotFound; kExhausted when it is larger than `limit` (checked while reading, so
/// also for files that do not know their size, as in /proc).
Result<std::string> read_file(const std::string& path, Bytes limit);

enum class Durability : uint8_t {
    kFlushed,  ///< File and directory are flushed: survives a power failure.
    kVisible,  ///< Whole for every reader and after a crash of the program; not after a power
               ///< failure.
};

/// Writes `content` to a temporary file beside `path` and renames it. Readers see the old or the
/// new content, never a part. `mode` is exact (the umask does not apply).
Result<void> write_file_atomically(const std::string& path, std::string_view content,
                                   mode_t mode = 0644,
                                   Durability durability = Durability::kFlushed);

/// Writes all of `content`, through short writes and EINTR. For blocking descriptors.
Result<void> write_all_blocking(int descriptor, std::string_view content);

/// Reads into `out` from `offset`, through short reads and EINTR; fewer bytes than asked for only
/// at the file's end. Does not move the file's position.
Result<size_t> read_at_blocking(int descriptor, uint64_t offset, std::span<char> out);

bool file_exists(const std::string& path);
/// A regular file that this process may execute.
bool is_executable(const std::string& path);
/// Fine when nothing is there.
Result<void> remove_file(const std::string& path);

/// An exclusive lock on a file, held until destruction or the end of the process; children that
/// inherit nothing do not hold it. Works between processes and within one.
class [[nodiscard]] FileLock final {
 public:
    /// Makes the file when missing. Nothing when another holds the lock; never waits.
    static Result<std::optional<FileLock>> try_lock(const std::string& path);

 private:
    explicit FileLock(Fd file) : file_(std::move(file)) {}
    Fd file_;
};

}  // namespace shore::os
