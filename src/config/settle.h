// Settling a merged project: its name, its active services, the values that come from files and
// from the caller's environment, and the port offset. Afterwards the tree needs nothing but itself.
#pragma once

#include "config/load.h"
#include "config/project.h"
#include "config/report.h"

namespace shore::config {

/// Changes project.document in place; its maps are sorted afterwards.
void settle(Project& project, const LoadRequest& request, Report& report);

/// The key of a config or secret that holds the SHA-256 of its file's content, written by settle():
/// a changed file is a changed manifest, and so a new release.
inline constexpr std::string_view kFileDigestKey = "x-digest";

/// The key under x-shore.environments that stands for the default environment.
inline constexpr std::string_view kDefaultEnvironment = "default";

}  // namespace shore::config
