// The parts of a ServiceSpec that supervision acts on, as JSON, for instance.json.
#pragma once

#include "model/service_spec.h"
#include "wire/json.h"

namespace shore::supervise {

wire::Json service_to_json(const model::ServiceSpec& service);
/// kCorrupt when a needed member is missing. What supervision does not act on has its default.
Result<model::ServiceSpec> service_from_json(const wire::Json& json);

}  // namespace shore::supervise
