// The canonical tree of one file: short forms brought into long ones, values checked against their
// rows of the option table and written in one way, relative paths made absolute. Canonical trees of
// several files merge key by key; a canonical tree made canonical again is the same.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "config/load.h"
#include "config/node.h"
#include "config/report.h"

namespace shore::config {

struct CanonicalContext {
    std::filesystem::path directory;  ///< Base of relative paths; absolute.
    std::string home;                 ///< What "~/" stands for; empty: unknown.
};

/// Unknown keys and wrong values are reported and left out, so that the rest can still be checked.
Node canonical(const Node& document, const CanonicalContext& context, Report& report);

/// A directory as stacks name it: absolute, without "." and "..", without a slash at its end.
std::filesystem::path directory_name(const std::filesystem::path& directory);

/// `text` as an absolute path without "." and "..".
std::string absolute_path(std::string_view text, const CanonicalContext& context);

}  // namespace shore::config
