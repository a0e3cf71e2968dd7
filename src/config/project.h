// The files of a project: finding them, their variables, and one merged canonical tree with include
// and extends resolved.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/node.h"
#include "config/report.h"

namespace shore::config {

struct Project {
    Node document;                    ///< Canonical, merged; merge tags are gone.
    std::filesystem::path directory;  ///< The project directory.
    Variables variables;              ///< The caller's over .env.<environment> over .env.
};

/// Nothing when a problem leaves nothing to go on with; other problems are in `report`.
std::optional<Project> read_project(const LoadRequest& request, Report& report);

}  // namespace shore::config
