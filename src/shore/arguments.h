// Arguments of the internal roles: `--name value` options and flags, each known or refused. The
// command line proper has its own parser in cli.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shore {

struct RoleArguments {
    std::map<std::string, std::string, std::less<>> values;  ///< "--state" -> "/var/lib/shore".
    std::vector<std::string> positional;

    /// The option's value, or "".
    std::string value(std::string_view name) const;
    bool has(std::string_view name) const { return values.contains(name); }
};

/// `with_value` and `flags` name the options that are allowed. kInvalid names the first that is
/// not, or lacks its value.
Result<RoleArguments> parse_role_arguments(const std::vector<std::string>& arguments,
                                           std::span<const std::string_view> with_value,
                                           std::span<const std::string_view> flags);

}  // namespace shore
