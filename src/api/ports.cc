#include "api/ports.h"

namespace shore::api {

std::string_view to_string(Phase phase) {
    switch (phase) {
        case Phase::kSettled:
            return "settled";
        case Phase::kRolling:
            return "rolling";
        case Phase::kSucceeded:
            return "succeeded";
        case Phase::kRolledBack:
            return "rolled_back";
        case Phase::kFailed:
            return "failed";
        case Phase::kSuperseded:
            return "superseded";
    }
    return "settled";
}

}  // namespace shore::api
