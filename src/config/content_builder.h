// Reads what x-shore.gateway says about the content of answers: compress, security_headers,
// file_cache.
#pragma once

#include "config/node.h"
#include "config/report.h"
#include "model/content_options.h"

namespace shore::config {

/// `gateway` is the canonical map of x-shore.gateway. Problems are reported with their place.
model::ContentOptions build_content_options(const Node& gateway, Report& report);

}  // namespace shore::config
