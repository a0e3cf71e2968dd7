// Merging of canonical trees: the later file into the earlier one (compose-spec, 13-merge). Maps
// merge, lists append; command, entrypoint and healthcheck.test replace; ports, volumes, configs
// and secrets are unique by what they occupy; !reset removes, !override replaces.
#pragma once

#include "config/node.h"

namespace shore::config {

/// Merges whole documents.
void merge_documents(Node& base, Node over);
/// Merges two services: `extends`.
void merge_services(Node& base, Node over);
/// Removes nodes tagged !reset and the tags themselves, after the last merge.
void drop_merge_tags(Node& node);

}  // namespace shore::config
