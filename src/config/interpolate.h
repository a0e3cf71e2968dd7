// Interpolation of values: $V, ${V}, ${V:-d}, ${V-d}, ${V:?e}, ${V?e}, ${V:+r}, ${V+r}, nested, and
// $$ for a dollar sign. Source: compose-spec, 12-interpolation. One addition: unset PORT and
// SHORE_* in the two bare forms stay as written, because they are known per instance only;
// `supervise` expands them at start.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/node.h"
#include "config/report.h"

namespace shore::config {

/// Whether $PORT and ${PORT} stay even when the caller has such a variable.
enum class BarePort : uint8_t { kReplaced, kKept };

/// The text with variables put in; names that were not set and had no default are appended to
/// `missing` (may be null). The error is a message for people.
std::expected<std::string, std::string> interpolate(std::string_view text,
                                                    const Variables& variables,
                                                    std::vector<std::string>* missing,
                                                    BarePort port = BarePort::kReplaced);

/// Interpolates every text value of the tree in place (keys are left alone). Unset variables become
/// notes. In what a host process is started or probed with, $PORT stays: there it can only mean the
/// instance's own, and many shells and .env files have a PORT of their own.
void interpolate_tree(Node& node, const Variables& variables, Report& report);

/// PORT, SHORE_*, or what an engine gives (model::is_engine_variable): set by Shore for each
/// instance.
bool is_runtime_variable(std::string_view name);

/// Doubles every `$` of the tree's texts, and the way back: how normalised manifests are written
/// and read.
void escape_dollars(Node& node);
void unescape_dollars(Node& node);

}  // namespace shore::config
