#include "model/stack_spec.h"

#include <algorithm>

namespace shore::model {

const ServiceSpec* find_service(const StackSpec& stack, std::string_view name) {
    const auto found = std::ranges::find(stack.services, name, &ServiceSpec::name);
    return found == stack.services.end() ? nullptr : &*found;
}

}  // namespace shore::model
