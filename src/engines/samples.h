// Samples: Prometheus texts of several agents made one: each family once, each sample labelled with
// where it comes from. Source: Prometheus exposition format 0.0.4.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace shore::engines {

/// Adds the families of `text` to `families` (by name: HELP and TYPE once, then samples), with
/// `labels` (`stack="shop",instance="db-1"`) before each sample's own.
void add_samples(std::map<std::string, std::string>& families, std::string_view text,
                 std::string_view labels);

}  // namespace shore::engines
