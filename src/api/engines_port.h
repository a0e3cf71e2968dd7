// What the API asks of engines: ports.h has the other ports.
#pragma once

#include <string>

#include "async/task.h"
#include "base/result.h"
#include "wire/json.h"

namespace shore::api {

/// Real servers under their agents. JSON in the shape that the API answers; kNotFound for a stack
/// that is not up, an engine, a view or an action that there is not.
class Engines {
 public:
    virtual ~Engines() = default;
    /// Schema EngineList.
    virtual async::Task<Result<wire::Json>> list(std::string stack) = 0;
    /// Schema EngineView.
    virtual async::Task<Result<wire::Json>> view(std::string stack, std::string engine,
                                                 std::string name) = 0;
    /// Schema EngineResult, of an EngineAction.
    virtual async::Task<Result<wire::Json>> act(std::string stack, std::string engine,
                                                std::string name, wire::Json request) = 0;
};

}  // namespace shore::api
