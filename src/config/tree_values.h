// Typed reading of a canonical tree: canonical.cc has checked every value, so an absent key and an
// unreadable one both give the default.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "config/node.h"

namespace shore::config {

/// The node at "a.b" below `node`, or nullptr when absent or null.
const Node* value_at(const Node& node, std::string_view path);
std::string text_at(const Node& node, std::string_view path, std::string_view absent = "");
bool bool_at(const Node& node, std::string_view path, bool absent);
int64_t int_at(const Node& node, std::string_view path, int64_t absent);
double number_at(const Node& node, std::string_view path, double absent);
base::Duration duration_at(const Node& node, std::string_view path, base::Duration absent);
base::Bytes bytes_at(const Node& node, std::string_view path, base::Bytes absent);
std::vector<std::string> texts_at(const Node& node, std::string_view path);
/// Entries without a value are left out.
std::map<std::string, std::string> pairs_at(const Node& node, std::string_view path);

}  // namespace shore::config
