// One service of the settled tree as a ServiceSpec. Used by stack_builder.
#pragma once

#include <string>

#include "config/node.h"
#include "config/report.h"
#include "config/stack_builder.h"
#include "model/service_spec.h"

namespace shore::config {

/// `document` supplies configs and secrets. Ports do not contain the environment's offset yet.
model::ServiceSpec build_service(const Entry& service, const Node& document,
                                 const StackContext& context, Report& report);

}  // namespace shore::config
