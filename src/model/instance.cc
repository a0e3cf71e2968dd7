#include "model/instance.h"

namespace shore::model {

std::string_view to_string(InstanceState state) {
    switch (state) {
        case InstanceState::kStarting:
            return "starting";
        case InstanceState::kRunning:
            return "running";
        case InstanceState::kUnhealthy:
            return "unhealthy";
        case InstanceState::kBackoff:
            return "backoff";
        case InstanceState::kStopping:
            return "stopping";
        case InstanceState::kCompleted:
            return "completed";
        case InstanceState::kFailed:
            return "failed";
        case InstanceState::kStopped:
            return "stopped";
    }
    return "unknown";
}

bool is_live(InstanceState state) {
    return state != InstanceState::kCompleted && state != InstanceState::kFailed &&
           state != InstanceState::kStopped;
}

}  // namespace shore::model
