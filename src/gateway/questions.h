// Questions: what the control plane may ask the gateway besides publishing snapshots, each by name,
// answered as JSON. The protocol is in this room's README. Control thread's loop.
#pragma once

#include "async/task.h"
#include "base/result.h"
#include "wire/json.h"

namespace shore::gateway {

class Predecessors;
class Service;

/// {"ask": NAME, "with": {...}}. kUnsupported for a name that this gateway does not know. What is
/// given by reference outlives the task.
async::Task<Result<wire::Json>> answer_question(Service& service, Predecessors& predecessors,
                                                wire::Json question);

}  // namespace shore::gateway
