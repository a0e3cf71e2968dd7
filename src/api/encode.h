// Values to the JSON that the schemas describe, and request bodies to values.
#pragma once

#include "api/ports.h"
#include "model/event.h"
#include "wire/json.h"

namespace shore::api {

wire::Json to_json(const StackStatus& stack);
wire::Json to_health(const StackStatus& stack);
wire::Json to_json(const Accepted& accepted);
wire::Json to_json(const Plan& plan);
wire::Json to_json(std::string_view stack, const Progress& progress);
wire::Json to_json(const config::Change& change);
wire::Json to_json(const model::Event& event);
/// Without the manifest.
wire::Json to_json(const model::Release& release);

/// "running", "changing", "degraded" or "stopped".
std::string_view state_of(const StackStatus& stack);

/// From a body that was checked against DeployRequest. kInvalid when the directory is not absolute.
Result<DeployRequest> to_deploy_request(const wire::Json& body);

}  // namespace shore::api
