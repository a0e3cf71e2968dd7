// Media types of files, by the end of their names.
#pragma once

#include <string_view>

namespace shore::gateway {

/// "text/html; charset=utf-8" for "index.html"; "application/octet-stream" for an unknown ending.
std::string_view media_type(std::string_view file_name);

}  // namespace shore::gateway
