// What restart, stop and start share.
#pragma once

#include <string>
#include <string_view>

#include "cli/context.h"

namespace shore::cli {

/// Sends the services to /v1/stacks/{stack}/`action` and follows it; `done` ("restarted") is for
/// people.
async::Task<Result<int>> change_services(Context& context, Arguments arguments, std::string action,
                                         std::string done);

inline constexpr Positional kServicePositionals[] = {
    {"SERVICE", Positional::Count::kAny, "Services; all of the stack when none is named",
     Completes::kService}};

}  // namespace shore::cli
