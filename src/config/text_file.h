// Reading one small file as a whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace shore::config {

/// The file's bytes. kNotFound, kPermission, kInvalid (no regular file), kExhausted (more than
/// `bytes_max`).
Result<std::string> read_text_file(const std::filesystem::path& path, size_t bytes_max);

}  // namespace shore::config
