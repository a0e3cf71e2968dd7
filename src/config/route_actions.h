// What a route does with its requests (redirect, rewrite, headers, balance, sessions, split,
// deadlines), and how a service is kept from overload; from the canonical tree of x-shore.http.
#pragma once

#include <string>

#include "config/node.h"
#include "config/report.h"
#include "model/http_route.h"

namespace shore::config {

/// Reads the keys of one route; those that `node` lacks are looked up in `defaults` (may be null).
/// `path` is where the node stands. `route` has its match already.
void build_actions(const Node& node, const Node* defaults, const std::string& path,
                   model::HttpRoute& route, Report& report);

/// Reads circuit, outlier, slow_start and protocol.
model::UpstreamPolicy build_upstream_policy(const Node& http);

/// A token of RFC 9110 section 5.6.2: names of methods, headers and cookies.
bool is_token(std::string_view text);

}  // namespace shore::config
