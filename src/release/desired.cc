#include "release/desired.h"

#include <algorithm>

namespace shore::release {

const ServiceGoal* find_goal(const Desired& desired, std::string_view service) {
    const auto found = std::ranges::find(desired.services, service,
                                         [](const ServiceGoal& goal) { return goal.spec.name; });
    return found == desired.services.end() ? nullptr : &*found;
}

}  // namespace shore::release
