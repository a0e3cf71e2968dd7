// Routing and the checks that need no collaborator: which row a request belongs to, whether its
// parameters are as the row says, and whether its body is.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/call.h"

namespace shore::api {

/// A request as it came in.
struct Incoming {
    std::string_view method;
    std::string_view target;  ///< Path and query, percent-encoded.
    std::string_view body;
    std::string_view content_type;
    std::string_view idempotency_key;
    std::string_view last_event_id;
};

/// The call that the request makes; the views are not kept. Refused: 400 for malformed requests and
/// unknown parameters, 404, 405 (the detail names the methods), 415, 422 for bodies of the wrong
/// shape.
std::expected<Call, Problem> route(const Incoming& incoming);

/// Whether the caller may make the call: the one place that compares roles. 401 for callers that
/// could become somebody by saying who they are, 403 for others.
std::expected<void, Problem> authorise(const Caller& caller, const Endpoint& endpoint);

}  // namespace shore::api
