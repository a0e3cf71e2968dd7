// Moments as people give them on the command line.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace shore::cli {

/// "10m" (that long before `now`) or RFC 3339, as RFC 3339 in UTC. kInvalid otherwise, with both
/// forms named.
Result<std::string> moment(std::string_view text, WallTime now);

}  // namespace shore::cli
