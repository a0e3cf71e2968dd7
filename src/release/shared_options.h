// Options of x-shore.gateway that are one per gateway, which serves all stacks (threads, limits,
// compression and so on): the first stack in the order of names that sets one to other than its
// default decides. Pure.
#pragma once

#include <string>
#include <vector>

#include "model/snapshot.h"
#include "model/stack_spec.h"

namespace shore::release {

/// Takes over into `snapshot` what the next stack, in the order of names, sets and none before it.
void take_shared_options(model::Snapshot& snapshot, const model::GatewayOptions& options);

/// For each option that `stack` sets and another stack decides otherwise, a sentence that names
/// both. `others` without the stack itself, in any order.
std::vector<std::string> overruled_options(const model::StackSpec& stack,
                                           const std::vector<const model::StackSpec*>& others);

}  // namespace shore::release
