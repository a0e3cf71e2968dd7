// Node to text: block YAML that both YAML 1.1 and 1.2 readers take alike, one-line flow YAML, and
// JSON.
#pragma once

#include <string>

#include "config/node.h"

namespace shore::config {

/// Block style, two spaces, keys in the order of the tree. Ends with a newline.
std::string write_yaml(const Node& node);
/// One line: {a: 1, b: [x, y]}.
std::string write_flow(const Node& node);
/// JSON (RFC 8259), two spaces, ends with a newline.
std::string write_json(const Node& node);

}  // namespace shore::config
