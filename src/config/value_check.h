// One scalar against its row of the option table: right type, within the bounds, and written in the
// canonical way.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "config/node.h"
#include "config/options.h"

namespace shore::config {

/// The canonical scalar ("1g" becomes 1G, "90s" 1m30s), or what was expected: `must be 0..1000, got
/// "-1"`.
std::expected<Node, std::string> check_value(const Node& value, const Option& option);

}  // namespace shore::config
