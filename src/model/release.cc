#include "model/release.h"

namespace shore::model {

std::string_view to_string(ReleaseStatus status) {
    switch (status) {
        case ReleaseStatus::kDeploying:
            return "deploying";
        case ReleaseStatus::kActive:
            return "active";
        case ReleaseStatus::kSuperseded:
            return "superseded";
        case ReleaseStatus::kFailed:
            return "failed";
        case ReleaseStatus::kRolledBack:
            return "rolled_back";
    }
    return "unknown";
}

}  // namespace shore::model
