// RotatingFile: an append-only file of lines that is rotated by size and age, with the old files
// compressed by zstd and deleted by number and age. A full disk loses whole lines, never parts of
// one, and the file goes on when space returns.
//
// Live file: PATH. Rotated: PATH.20261121T042207.123Z, then PATH.20261121T042207.123Z.zst. Names
// sort by time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "os/fd.h"

namespace shore::observe {

struct RotationLimits {
    Bytes file_size_max = Bytes::mib(10);
    uint32_t files_max = 5;  ///< Rotated files kept.
    Duration age_max = std::chrono::hours(
        24 * 7);  ///< The live file is rotated, and a rotated one deleted, at this age.
};

class RotatingFile final {
 public:
    /// Compresses a rotated file: compress_file_blocking, or something that has it done elsewhere.
    using Compress = std::function<void(const std::string& path)>;

    /// Opens or creates `path` (mode 0640) for appending; its directory must exist. Rotated files
    /// that were left uncompressed are compressed, old ones deleted. `clock` outlives the file.
    static Result<RotatingFile> open(std::string path, RotationLimits limits,
                                     const base::Clock& clock, Compress compress);

    /// Appends `lines`: one or more whole lines with their ends. All or nothing: on failure
    /// (kExhausted: disk full) the file is as before. Rotates first when due.
    Result<void> append(std::string_view lines);
    /// Rotates when the live file's age says so; for files that are rarely written. Never fails:
    /// tried again later.
    void rotate_if_old();
    /// The live file's size.
    uint64_t size() const { return size_; }
    const std::string& path() const { return path_; }

 private:
    RotatingFile(std::string path, RotationLimits limits, const base::Clock& clock,
                 Compress compress);
    Result<void> open_live();
    Result<void> rotate();
    void prune();

    std::string path_;
    RotationLimits limits_;
    const base::Clock* clock_;
    Compress compress_;
    os::Fd file_;
    uint64_t size_ = 0;
    WallTime last_rotation_{};
    WallTime begun_{};  // When the live file got its first line.
};

/// Rewrites `path` as `path`.zst and removes `path`. A crash at any moment leaves one of them
/// whole. Blocking.
Result<void> compress_file_blocking(const std::string& path);

/// The rotated files of `path`, oldest first, compressed or not; the live file is not among them.
std::vector<std::string> rotated_files(const std::string& path);

}  // namespace shore::observe
