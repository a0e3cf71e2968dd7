// Addresses and networks as a manifest writes them.
#pragma once

#include <optional>
#include <string_view>

#include "model/stack_spec.h"

namespace shore::config {

/// "http://HOST:PORT" or "https://HOST:PORT"; IPv6 literals in brackets. Nothing when the text is
/// not one.
std::optional<model::ListenAddress> listen_address(std::string_view text);

/// "10.0.0.0/8", "::1".
bool is_network(std::string_view text);

/// A DNS server: "10.0.0.2", "10.0.0.3:5353". IPv4, as the resolver's library takes no other.
bool is_resolver(std::string_view text);

}  // namespace shore::config
