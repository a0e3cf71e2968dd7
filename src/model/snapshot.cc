#include "model/snapshot.h"

#include <boost/json.hpp>

#include "model/content_json.h"
#include "model/protocol_json.h"
#include "model/route_json.h"

namespace shore::model {

namespace json = boost::json;

namespace {

int64_t nanoseconds(Duration duration) {
    return duration.count();
}

json::object route_json(const Route& route) {
    json::object object = {{"name", route.name},
                           {"stack", route.stack},
                           {"service", route.service},
                           {"listeners", json::value_from(route.listeners)},
                           {"upstream", route.upstream},
                           {"root", route.files.root},
                           {"index", route.files.index},
                           {"fallback", route.files.fallback},
                           {"immutable", route.files.immutable},
                           {"precompressed", route.files.precompressed},
                           {"https_port", route.https_port},
                           {"hsts_ns", nanoseconds(route.hsts)}};
    add_json(object, route.match);
    if (!route.targets.empty()) {
        json::array targets;
        for (const RouteTarget& target : route.targets) {
            targets.push_back(
                json::object{{"upstream", target.upstream}, {"weight", target.weight}});
        }
        object.emplace("targets", std::move(targets));
    }
    if (route.mirror >= 0) {
        object.emplace("mirror", route.mirror);
    }
    if (route.log != AccessLogOptions()) {
        object.emplace("access_log", access_log_json(route.log));
    }
    return object;
}

json::object limits_json(const GatewayLimits& limits) {
    return {{"connections_max", limits.connections_max},
            {"header_bytes", limits.header_bytes.count},
            {"headers_max", limits.headers_max},
            {"body_bytes", limits.body_bytes.count},
            {"header_timeout_ns", nanoseconds(limits.header_timeout)},
            {"body_timeout_ns", nanoseconds(limits.body_timeout)},
            {"idle_timeout_ns", nanoseconds(limits.idle_timeout)},
            {"connect_timeout_ns", nanoseconds(limits.connect_timeout)}};
}

std::string text_at(const json::object& object, std::string_view key) {
    return std::string(object.at(key).as_string());
}

template <class Number>
Number number_at(const json::object& object, std::string_view key) {
    return object.at(key).to_number<Number>();
}

Duration duration_at(const json::object& object, std::string_view key) {
    return Duration(number_at<int64_t>(object, key));
}

/// A member that older snapshots lack.
bool bool_at(const json::object& object, std::string_view key, bool absent) {
    const json::value* const value = object.if_contains(key);
    return value == nullptr ? absent : value->as_bool();
}

Route route_from(const json::object& object) {
    Route route;
    route.name = text_at(object, "name");
    route.stack = text_at(object, "stack");
    route.service = text_at(object, "service");
    route.listeners = json::value_to<std::vector<uint32_t>>(object.at("listeners"));
    route.match = http_route_from(object);
    route.upstream = number_at<int32_t>(object, "upstream");
    if (const json::value* const targets = object.if_contains("targets")) {
        for (const json::value& value : targets->as_array()) {
            const json::object& target = value.as_object();
            route.targets.push_back(
                {number_at<uint32_t>(target, "upstream"), number_at<uint32_t>(target, "weight")});
        }
    }
    route.files.root = text_at(object, "root");
    route.files.index = text_at(object, "index");
    route.files.fallback = text_at(object, "fallback");
    route.files.immutable = bool_at(object, "immutable", true);
    route.files.precompressed = bool_at(object, "precompressed", true);
    if (object.contains("https_port")) {
        route.https_port = number_at<uint16_t>(object, "https_port");
        route.hsts = duration_at(object, "hsts_ns");
    }
    route.mirror = object.contains("mirror") ? number_at<int32_t>(object, "mirror") : -1;
    if (const json::value* const log = object.if_contains("access_log")) {
        route.log = access_log_from(log->as_object());
    }
    return route;
}

json::array certificates_json(const std::vector<Certificate>& certificates) {
    json::array list;
    for (const Certificate& certificate : certificates) {
        list.push_back(json::object{{"certificate_file", certificate.certificate_file},
                                    {"key_file", certificate.key_file},
                                    {"digest", certificate.digest}});
    }
    return list;
}

json::array tls_json(const std::vector<TlsPolicy>& policies) {
    json::array list;
    for (const TlsPolicy& policy : policies) {
        list.push_back(json::object{{"listener", policy.listener},
                                    {"client_ca", policy.client_ca},
                                    {"client_ca_digest", policy.client_ca_digest},
                                    {"client_optional", policy.client_optional},
                                    {"version_min", policy.version_min}});
    }
    return list;
}

/// Both are absent from snapshots of versions without TLS.
void take_tls(Snapshot& snapshot, const json::object& object) {
    if (!object.contains("certificates") || !object.contains("tls")) {
        return;
    }
    for (const json::value& value : object.at("certificates").as_array()) {
        const json::object& certificate = value.as_object();
        snapshot.certificates.push_back({text_at(certificate, "certificate_file"),
                                         text_at(certificate, "key_file"),
                                         text_at(certificate, "digest")});
    }
    for (const json::value& value : object.at("tls").as_array()) {
        const json::object& policy = value.as_object();
        snapshot.tls.push_back({.listener = number_at<uint32_t>(policy, "listener"),
                                .client_ca = text_at(policy, "client_ca"),
                                .client_ca_digest = text_at(policy, "client_ca_digest"),
                                .client_optional = bool_at(policy, "client_optional", false),
                                .version_min = number_at<uint16_t>(policy, "version_min")});
    }
}

GatewayLimits limits_from(const json::object& object) {
    GatewayLimits limits;
    limits.connections_max = number_at<uint32_t>(object, "connections_max");
    limits.header_bytes = {number_at<uint64_t>(object, "header_bytes")};
    limits.headers_max = number_at<uint32_t>(object, "headers_max");
    limits.body_bytes = {number_at<uint64_t>(object, "body_bytes")};
    limits.header_timeout = duration_at(object, "header_timeout_ns");
    limits.body_timeout = duration_at(object, "body_timeout_ns");
    limits.idle_timeout = duration_at(object, "idle_timeout_ns");
    limits.connect_timeout = duration_at(object, "connect_timeout_ns");
    return limits;
}

Upstream upstream_from(const json::object& object) {
    Upstream upstream{.name = text_at(object, "name"),
                      .health_path = text_at(object, "health_path"),
                      .policy = upstream_policy_from(object),
                      .dns = object.contains("dns") ? text_at(object, "dns") : std::string()};
    for (const json::value& value : object.at("endpoints").as_array()) {
        const json::object& endpoint = value.as_object();
        upstream.endpoints.push_back({.instance = text_at(endpoint, "instance"),
                                      .address = text_at(endpoint, "address"),
                                      .port = number_at<uint16_t>(endpoint, "port"),
                                      .draining = endpoint.at("draining").as_bool()});
    }
    return upstream;
}

Snapshot snapshot_from(const json::object& object) {
    Snapshot snapshot;
    snapshot.version = number_at<uint64_t>(object, "version");
    for (const json::value& value : object.at("listeners").as_array()) {
        const json::object& listener = value.as_object();
        snapshot.listeners.push_back({.address = text_at(listener, "address"),
                                      .port = number_at<uint16_t>(listener, "port"),
                                      .tls = bool_at(listener, "tls", false),
                                      .raw = bool_at(listener, "raw", false)});
    }
    for (const json::value& value : object.at("upstreams").as_array()) {
        snapshot.upstreams.push_back(upstream_from(value.as_object()));
    }
    for (const json::value& value : object.at("routes").as_array()) {
        snapshot.routes.push_back(route_from(value.as_object()));
    }
    snapshot.threads = number_at<uint32_t>(object, "threads");
    snapshot.access_log = object.at("access_log").as_bool();
    snapshot.trace = bool_at(object, "trace", snapshot.trace);
    if (const json::value* const resolvers = object.if_contains("resolvers")) {
        snapshot.resolvers = json::value_to<std::vector<std::string>>(*resolvers);
    }
    snapshot.drain_timeout = duration_at(object, "drain_timeout_ns");
    if (object.contains("upgrade_timeout_ns")) {
        snapshot.upgrade_timeout = duration_at(object, "upgrade_timeout_ns");
    }
    snapshot.trusted_proxies =
        json::value_to<std::vector<std::string>>(object.at("trusted_proxies"));
    snapshot.limits = limits_from(object.at("limits").as_object());
    if (const json::value* const content = object.if_contains("content")) {
        snapshot.content = content_from(content->as_object());
    }
    take_tls(snapshot, object);
    take_protocols(snapshot, object);
    return snapshot;
}

Result<void> check_joins(const Snapshot& snapshot) {
    for (const Route& route : snapshot.routes) {
        if (route.upstream >= static_cast<int64_t>(snapshot.upstreams.size()) ||
            route.upstream < -1) {
            return fail(ErrorCode::kCorrupt, "snapshot: route {} names upstream {} of {}",
                        route.name, route.upstream, snapshot.upstreams.size());
        }
        if (route.mirror >= static_cast<int64_t>(snapshot.upstreams.size()) || route.mirror < -1) {
            return fail(ErrorCode::kCorrupt, "snapshot: route {} mirrors to upstream {} of {}",
                        route.name, route.mirror, snapshot.upstreams.size());
        }
        for (const RouteTarget& target : route.targets) {
            if (target.upstream >= snapshot.upstreams.size()) {
                return fail(ErrorCode::kCorrupt, "snapshot: route {} names upstream {} of {}",
                            route.name, target.upstream, snapshot.upstreams.size());
            }
        }
        for (const uint32_t listener : route.listeners) {
            if (listener >= snapshot.listeners.size()) {
                return fail(ErrorCode::kCorrupt, "snapshot: route {} names listener {} of {}",
                            route.name, listener, snapshot.listeners.size());
            }
        }
    }
    for (const TlsPolicy& policy : snapshot.tls) {
        if (policy.listener >= snapshot.listeners.size()) {
            return fail(ErrorCode::kCorrupt, "snapshot: tls names listener {} of {}",
                        policy.listener, snapshot.listeners.size());
        }
    }
    return check_protocols(snapshot);
}

}  // namespace

std::string to_json(const Snapshot& snapshot) {
    json::array listeners;
    for (const ListenAddress& listener : snapshot.listeners) {
        listeners.push_back(json::object{{"address", listener.address},
                                         {"port", listener.port},
                                         {"tls", listener.tls},
                                         {"raw", listener.raw}});
    }
    json::array upstreams;
    for (const Upstream& upstream : snapshot.upstreams) {
        json::array endpoints;
        for (const Endpoint& endpoint : upstream.endpoints) {
            endpoints.push_back(json::object{{"instance", endpoint.instance},
                                             {"address", endpoint.address},
                                             {"port", endpoint.port},
                                             {"draining", endpoint.draining}});
        }
        json::object object = {{"name", upstream.name},
                               {"health_path", upstream.health_path},
                               {"endpoints", std::move(endpoints)}};
        add_json(object, upstream.policy);
        if (!upstream.dns.empty()) {
            object.emplace("dns", upstream.dns);
        }
        upstreams.push_back(std::move(object));
    }
    json::array routes;
    for (const Route& route : snapshot.routes) {
        routes.push_back(route_json(route));
    }
    json::object object = {{"version", snapshot.version},
                           {"listeners", std::move(listeners)},
                           {"upstreams", std::move(upstreams)},
                           {"routes", std::move(routes)},
                           {"threads", snapshot.threads},
                           {"access_log", snapshot.access_log},
                           {"trace", snapshot.trace},
                           {"resolvers", json::value_from(snapshot.resolvers)},
                           {"drain_timeout_ns", nanoseconds(snapshot.drain_timeout)},
                           {"upgrade_timeout_ns", nanoseconds(snapshot.upgrade_timeout)},
                           {"trusted_proxies", json::value_from(snapshot.trusted_proxies)},
                           {"limits", limits_json(snapshot.limits)},
                           {"content", content_json(snapshot.content)},
                           {"certificates", certificates_json(snapshot.certificates)},
                           {"tls", tls_json(snapshot.tls)}};
    add_protocols(object, snapshot);
    return json::serialize(object);
}

Result<Snapshot> parse_snapshot(std::string_view text) {
    try {
        Snapshot snapshot = snapshot_from(json::parse(text).as_object());
        SHORE_CHECK(check_joins(snapshot));
        return snapshot;
    } catch (const std::exception& error) {
        return fail(ErrorCode::kCorrupt, "snapshot: {}", error.what());
    }
}

}  // namespace shore::model
