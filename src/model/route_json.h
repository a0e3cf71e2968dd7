// A route's match and actions, and an upstream's policy, as JSON of the snapshot. What has its
// default value is left out, so that plain routes stay short and older snapshots stay readable.
#pragma once

#include "model/access_log.h"
#include "model/http_route.h"

namespace boost::json {
class object;
}

namespace shore::model {

/// Adds the members of `route` to `object`.
void add_json(boost::json::object& object, const HttpRoute& route);
void add_json(boost::json::object& object, const UpstreamPolicy& policy);

boost::json::object access_log_json(const AccessLogOptions& log);

/// Reads them back. Throws what Boost.JSON throws for a member of another type; parse_snapshot()
/// catches it.
HttpRoute http_route_from(const boost::json::object& object);
UpstreamPolicy upstream_policy_from(const boost::json::object& object);
AccessLogOptions access_log_from(const boost::json::object& object);

}  // namespace shore::model
