// Release: a manifest that was deployed, numbered from 1 within its stack. Releases are never
// changed, only their status.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace shore::model {

/// Values are stored.
enum class ReleaseStatus : uint8_t {
    kDeploying = 1,
    kActive = 2,
    kSuperseded = 3,
    kFailed = 4,  ///< Never became healthy; traffic stayed with, or went back to, the one before.
    kRolledBack = 5,  ///< Was active, then left by `shore rollback`.
};

std::string_view to_string(ReleaseStatus status);

struct Release {
    std::string stack;  ///< stack_id().
    uint64_t number = 0;
    std::string
        manifest;  ///< Normalised and interpolated, YAML: what `shore config` printed at that time.
    std::string digest;     ///< SHA-256 of `manifest`, hex.
    std::string directory;  ///< Absolute project directory it was loaded for.
    ReleaseStatus status = ReleaseStatus::kDeploying;
    std::string reason;  ///< Why it failed or was left; for people.
    std::string origin;  ///< "up", "deploy", "rollback to 3", "scale api=5".
    WallTime created_at{};
    WallTime changed_at{};
    friend bool operator==(const Release&, const Release&) = default;
};

}  // namespace shore::model
