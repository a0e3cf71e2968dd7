// The path of a request as routes see it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shore::gateway {

/// True when `path` is what routes compare, as it came: plain, or empty (which means "/").
bool is_routed_as_sent(std::string_view path);

/// What routes compare in place of a path that is not: its normal form; as it came where only an
/// encoded slash, which apps may use in names ("/projects/a%2Fb"), keeps it from having one.
/// Nothing when the path is unsafe.
std::optional<std::string> routed_path(std::string_view path);

}  // namespace shore::gateway
