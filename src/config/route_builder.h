// The routes of a service, from the canonical tree of x-shore.http or x-shore.static. Reports what
// is wrong with them.
#pragma once

#include <string>
#include <vector>

#include "config/node.h"
#include "config/report.h"
#include "model/http_route.h"

namespace shore::config {

/// `path` is where `node` stands: "services.api.x-shore.http". With `routes` in it there is one per
/// item, and the keys beside it are every item's defaults; else exactly one.
std::vector<model::HttpRoute> build_routes(const Node& node, const std::string& path,
                                           Report& report);

}  // namespace shore::config
