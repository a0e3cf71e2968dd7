#include "gateway/caching.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "gateway/balancer.h"
#include "model/content_json.h"
#include "model/route_json.h"

namespace shore::gateway {

std::string cache_name(const model::Route& route, const model::ContentOptions& content) {
    boost::json::object object;
    object.emplace("content", model::content_json({.compress = content.compress,
                                                   .security = content.security,
                                                   .file_cache = {},
                                                   .cache = {}}));
    model::add_json(object, route.match);
    object.emplace("hsts", route.hsts.count());
    return fmt::format("{:016x}", stable_hash(boost::json::serialize(object)));
}

}  // namespace shore::gateway
