#include "api/feed.h"

#include "api/problem.h"
#include "net/sse.h"

namespace shore::api {

std::string EventFeed::keep_alive() const {
    return std::string(net::kSseKeepAlive);
}
std::string EventFeed::failure(const Error& error) const {
    return net::to_text({.event = "problem", .data = Problem(error).to_json().dump()});
}

std::string LineFeed::keep_alive() const {
    return "\n";
}
std::string LineFeed::failure(const Error& error) const {
    return wire::Json::object().set("kind", "error").set("detail", error.text()).dump() + "\n";
}

}  // namespace shore::api
