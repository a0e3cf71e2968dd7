// YAML text to Node: yaml-cpp's events, turned at once into the own tree. Refuses what must not
// reach it (bytes that are no text, oversized files) and what it would let pass (duplicate keys,
// alias bombs, deep nesting, unknown tags); applies merge keys (`<<`,
// https://yaml.org/type/merge.html).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/limits.h"
#include "config/node.h"
#include "config/report.h"

namespace shore::config {

/// What a document may cost.
struct ReadLimits {
    size_t bytes_max = kManifestBytesMax;
    size_t nodes_max = kNodesMax;
    size_t depth_max = kDepthMax;
};
/// For the normalised form, which is larger than what people write.
inline constexpr ReadLimits kNormalisedLimits{kNormalisedBytesMax, kNormalisedNodesMax,
                                              kNormalisedDepthMax};

/// Reads one document. An empty one is an empty map. Nothing when a problem was reported. `file` is
/// how messages name it.
std::optional<Node> read_yaml(std::string_view text, const std::string& file, Report& report,
                              const ReadLimits& limits = {});

}  // namespace shore::config
