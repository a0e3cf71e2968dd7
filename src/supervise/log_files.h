// The files in logs/<stack>/<service>/: which instance each belongs to, and which are old enough to
// go.
#pragma once

#include <string>

#include "base/clock.h"

namespace shore::supervise {

/// "api-7" of "api-7.log" and "api-7.log.20261121T042207.123Z.zst"; empty for other names.
std::string instance_of_log(std::string_view file_name);

/// Deletes logs in the directory of `live_path` that belong to other instances and are older than
/// `age_max`, or surplus to kEndedLogFilesMax. A live instance's file is young because it is
/// written, or among the newest; at worst a silent one loses old lines.
void prune_ended_logs(const std::string& live_path, Duration age_max, WallTime now);

}  // namespace shore::supervise
