// Routes as people ask about them: all in the order in which they are looked at, and why a request
// goes where it goes. JSON as the control API answers it (schemas RouteList and
// RouteExplanation). Pure apart from the endpoints' counts.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "gateway/compiled.h"
#include "wire/json.h"

namespace shore::gateway {

/// A request that is not sent: what `shore route explain` asks about.
struct RouteQuestion {
    std::string method = "GET";
    std::string url;                  ///< "https://shop.example.com/api?x=1".
    std::vector<std::string> fields;  ///< "Name: value".
    std::string from = "127.0.0.1";   ///< The peer's address.
};

/// Every route once per host, best first within a host; exact hosts, then wildcards, then any.
wire::Json list_routes(const Compiled& compiled, SteadyTime now);

/// Which route takes the request, which others were looked at and why not, and to whom it goes.
/// kInvalid for a question that is no request; kNotFound when nothing listens there.
Result<wire::Json> explain_route(const Compiled& compiled, const RouteQuestion& question,
                                 SteadyTime now);

}  // namespace shore::gateway
