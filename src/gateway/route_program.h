// RouteProgram: what a route does with its requests beyond passing them on, compiled. Routes that
// do nothing of it have none, and pay one comparison with null for it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/header_edits.h"
#include "gateway/text_template.h"
#include "model/http_route.h"

namespace shore::gateway {

struct CompiledUpstream;

struct RouteProgram {
    /// Null when the actions ask for nothing, unless one is wanted for a split.
    static std::unique_ptr<RouteProgram> compile(const model::RouteActions& actions, bool split);

    std::optional<TextTemplate> redirect;
    std::optional<TextTemplate> rewrite;
    CompiledEdits request;
    CompiledEdits response;
    std::vector<const CompiledUpstream*> targets;  ///< Of a split, and their weights.
    std::vector<uint32_t> weights;
    std::string session_attributes;  ///< Behind the session cookie's value.
};

}  // namespace shore::gateway
