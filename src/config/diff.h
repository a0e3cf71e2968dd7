// Differences between two normalised manifests, by path: what `shore diff` and `shore plan` show.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shore::config {

enum class ChangeKind : uint8_t { kAdded = 1, kRemoved = 2, kChanged = 3 };

struct Change {
    std::string path;  ///< "services.api.environment.LOG_LEVEL".
    ChangeKind kind = ChangeKind::kChanged;
    std::string before;  ///< One line of flow YAML; empty when added. Secrets are "***".
    std::string after;   ///< One line of flow YAML; empty when removed.
    friend bool operator==(const Change&, const Change&) = default;
};

/// Changes from `before` to `after`, sorted by path. A whole service or volume that comes or goes
/// is one change; lists are compared as a whole. kInvalid when a text is not a manifest that load()
/// wrote.
Result<std::vector<Change>> diff(std::string_view before, std::string_view after);

/// "~ services.api.deploy.replicas: 2 -> 3", "+ services.web", "- …": one line without its end.
std::string to_text(const Change& change);

}  // namespace shore::config
