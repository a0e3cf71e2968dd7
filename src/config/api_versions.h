// API versions of a route: `versions`, `version_by` and `version_default` of x-shore.http become
// plain routes, one per version, in the order in which the gateway looks at them.
#pragma once

#include <string>
#include <vector>

#include "config/node.h"
#include "config/report.h"
#include "model/http_route.h"

namespace shore::config {

/// `route` as it is without versions; else its routes: each version's, one that refuses versions
/// that are not known, and the default's for requests that name none. `node` is the route's map;
/// keys that it lacks are looked up in `defaults`.
std::vector<model::HttpRoute> expand_versions(model::HttpRoute route, const Node& node,
                                              const Node* defaults, const std::string& path,
                                              Report& report);

}  // namespace shore::config
