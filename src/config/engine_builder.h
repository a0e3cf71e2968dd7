// Engines of a stack: what `x-shore: {engine: …}` says, checked, and the ordinary services that it
// becomes; who uses it, by x-shore.uses and depends_on. Used by stack_builder.
#pragma once

#include <vector>

#include "config/node.h"
#include "config/report.h"
#include "model/stack_spec.h"

namespace shore::config {

/// Whether the service asks for an engine.
bool is_engine(const Node& service);

/// Replaces each engine service of the stack by the services of its parts and gives their users
/// what they need: ServiceSpec::uses, and dependencies on healthy parts. `services` is the settled
/// tree's. Keeps stack.services sorted.
void expand_engines(const Node& services, model::StackSpec& stack, Report& report);

}  // namespace shore::config
