// Opening files below a directory that must not be left, whatever the path says: ".." and symbolic
// links may lead around inside, never out.
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

#include "os/fd.h"

namespace shore::os {

enum class OpenOutcome : uint8_t {
    kOpened,
    kNotFound,   ///< Nothing of that name, or it would lie outside.
    kForbidden,  ///< No permission to read it.
    kExhausted,  ///< Descriptors have run out.
    kFailed,     ///< Anything else: a broken disk, a file that is being written over.
};

enum class FileKind : uint8_t { kRegular, kDirectory, kOther };

struct OpenedFile {
    OpenOutcome outcome = OpenOutcome::kNotFound;
    Fd file;  ///< For reading; empty unless kOpened.
    FileKind kind = FileKind::kOther;
    uint64_t size = 0;
    int64_t modified_ns = 0;  ///< Since the epoch.
    uint64_t inode = 0;
};

/// Opens `path`, relative to the directory `root`, for reading. Never waits for a device or a pipe
/// (O_NONBLOCK). openat2(2) with RESOLVE_BENEATH; where the kernel lacks it (before 5.6, or
/// forbidden by a container), segment by segment without following any symbolic link.
OpenedFile open_beneath(const std::string& root, const std::string& path);

}  // namespace shore::os
