#include "shore/arguments.h"

#include <algorithm>

#include "base/strings.h"

namespace shore {

std::string RoleArguments::value(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
}

Result<RoleArguments> parse_role_arguments(const std::vector<std::string>& arguments,
                                           std::span<const std::string_view> with_value,
                                           std::span<const std::string_view> flags) {
    RoleArguments result;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string& argument = arguments[i];
        if (!argument.starts_with("-")) {
            result.positional.push_back(argument);
        } else if (std::ranges::find(flags, argument) != flags.end()) {
            result.values[argument] = "";
        } else if (std::ranges::find(with_value, argument) == with_value.end()) {
            return fail(ErrorCode::kInvalid, "unknown option {}", base::printable(argument));
        } else if (i + 1 == arguments.size()) {
            return fail(ErrorCode::kInvalid, "{} needs a value", argument);
        } else {
            result.values[argument] = arguments[++i];
        }
    }
    return result;
}

}  // namespace shore
