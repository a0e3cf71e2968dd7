#include "model/protocol_json.h"

#include <boost/json.hpp>

namespace shore::model {

namespace json = boost::json;

namespace {

std::string text_at(const json::object& object, std::string_view key) {
    return std::string(object.at(key).as_string());
}

Duration duration_at(const json::object& object, std::string_view key) {
    return Duration(object.at(key).to_number<int64_t>());
}

}  // namespace

void add_protocols(json::object& object, const Snapshot& snapshot) {
    json::array proxies;
    for (const ProxyPolicy& policy : snapshot.proxy_protocol) {
        proxies.push_back(json::object{{"listener", policy.listener},
                                       {"from", json::value_from(policy.from)},
                                       {"timeout_ns", policy.timeout.count()}});
    }
    json::array routes;
    for (const TcpRoute& route : snapshot.tcp) {
        routes.push_back(json::object{{"name", route.name},
                                      {"stack", route.stack},
                                      {"service", route.service},
                                      {"listener", route.listener},
                                      {"upstream", route.upstream},
                                      {"hold_ns", route.hold.count()},
                                      {"idle_ns", route.idle.count()},
                                      {"proxy_protocol", route.proxy_protocol}});
    }
    object.emplace("proxy_protocol", std::move(proxies));
    object.emplace("tcp", std::move(routes));
}

void take_protocols(Snapshot& snapshot, const json::object& object) {
    if (const json::value* const proxies = object.if_contains("proxy_protocol")) {
        for (const json::value& value : proxies->as_array()) {
            const json::object& policy = value.as_object();
            snapshot.proxy_protocol.push_back(
                {.listener = policy.at("listener").to_number<uint32_t>(),
                 .from = json::value_to<std::vector<std::string>>(policy.at("from")),
                 .timeout = duration_at(policy, "timeout_ns")});
        }
    }
    if (const json::value* const routes = object.if_contains("tcp")) {
        for (const json::value& value : routes->as_array()) {
            const json::object& route = value.as_object();
            snapshot.tcp.push_back(
                {.name = text_at(route, "name"),
                 .stack = text_at(route, "stack"),
                 .service = text_at(route, "service"),
                 .listener = route.at("listener").to_number<uint32_t>(),
                 .upstream = route.at("upstream").to_number<uint32_t>(),
                 .hold = duration_at(route, "hold_ns"),
                 .idle = duration_at(route, "idle_ns"),
                 .proxy_protocol = route.at("proxy_protocol").to_number<uint8_t>()});
        }
    }
}

Result<void> check_protocols(const Snapshot& snapshot) {
    for (const ProxyPolicy& policy : snapshot.proxy_protocol) {
        if (policy.listener >= snapshot.listeners.size()) {
            return fail(ErrorCode::kCorrupt, "snapshot: proxy_protocol names listener {} of {}",
                        policy.listener, snapshot.listeners.size());
        }
    }
    for (const TcpRoute& route : snapshot.tcp) {
        if (route.listener >= snapshot.listeners.size() ||
            route.upstream >= snapshot.upstreams.size()) {
            return fail(ErrorCode::kCorrupt,
                        "snapshot: tcp route {} names listener {} of {}, upstream {} of {}",
                        route.name, route.listener, snapshot.listeners.size(), route.upstream,
                        snapshot.upstreams.size());
        }
    }
    return {};
}

}  // namespace shore::model
