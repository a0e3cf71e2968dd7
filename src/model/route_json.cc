#include "model/route_json.h"

#include <array>

#include <boost/json.hpp>

namespace shore::model {

namespace json = boost::json;

namespace {

constexpr std::array<std::string_view, 3> kBalances = {"least_requests", "round_robin", "hash"};
constexpr std::array<std::string_view, 3> kProtocols = {"http1", "h2", "grpc"};
constexpr std::array<std::string_view, 4> kClientKeys = {"none", "address", "header", "cookie"};

/// The name of an enumerator whose values begin at 1.
template <class Enum, size_t Count>
std::string_view name_in(const std::array<std::string_view, Count>& names, Enum value) {
    return names[static_cast<size_t>(value) - 1];
}
/// The enumerator; the first one for a name of a later version.
template <class Enum, size_t Count>
Enum value_in(const std::array<std::string_view, Count>& names, std::string_view name) {
    for (size_t i = 0; i < Count; ++i) {
        if (names[i] == name) {
            return static_cast<Enum>(i + 1);
        }
    }
    return static_cast<Enum>(1);
}

// ---- writing: nothing for what has its default ----

void put(json::object& object, std::string_view key, const std::string& value) {
    if (!value.empty()) {
        object.emplace(key, value);
    }
}
void put(json::object& object, std::string_view key, const std::vector<std::string>& values) {
    if (!values.empty()) {
        object.emplace(key, json::value_from(values));
    }
}
void put(json::object& object, std::string_view key, Duration value, Duration absent = {}) {
    if (value != absent) {
        object.emplace(key, value.count());
    }
}
template <class Number>
void put_number(json::object& object, std::string_view key, Number value, Number absent) {
    if (value != absent) {
        object.emplace(key, value);
    }
}
void put(json::object& object, std::string_view key, json::object value) {
    if (!value.empty()) {
        object.emplace(key, std::move(value));
    }
}

json::array fields_json(const std::vector<FieldCondition>& fields) {
    json::array array;
    for (const FieldCondition& field : fields) {
        json::object object;
        put(object, "name", field.name);
        put(object, "value", field.value);
        put(object, "pattern", field.pattern);
        array.push_back(std::move(object));
    }
    return array;
}

json::array edits_json(const std::vector<HeaderEdits::Field>& fields) {
    json::array array;
    for (const HeaderEdits::Field& field : fields) {
        array.push_back(json::array{field.name, field.value});
    }
    return array;
}

json::object edits_json(const HeaderEdits& edits) {
    json::object object;
    put(object, "remove", edits.remove);
    if (!edits.set.empty()) {
        object.emplace("set", edits_json(edits.set));
    }
    if (!edits.add.empty()) {
        object.emplace("add", edits_json(edits.add));
    }
    return object;
}

json::object conditions_json(const RouteConditions& conditions) {
    json::object object;
    put(object, "path_exact", conditions.path_exact);
    put(object, "path_pattern", conditions.path_pattern);
    put(object, "methods", conditions.methods);
    if (!conditions.headers.empty()) {
        object.emplace("headers", fields_json(conditions.headers));
    }
    if (!conditions.query.empty()) {
        object.emplace("query", fields_json(conditions.query));
    }
    put(object, "sources", conditions.sources);
    return object;
}

json::object actions_json(const RouteActions& actions) {
    json::object object;
    put(object, "name", actions.name);
    if (!actions.redirect.to.empty()) {
        object.emplace("redirect", json::object{{"to", actions.redirect.to},
                                                {"status", actions.redirect.status}});
    }
    put(object, "rewrite", actions.rewrite);
    put(object, "request_headers", edits_json(actions.request));
    put(object, "response_headers", edits_json(actions.response));
    if (actions.balance != Balance::kLeastRequests) {
        object.emplace("balance", name_in(kBalances, actions.balance));
    }
    if (actions.key != ClientKey::kNone) {
        object.emplace("key", name_in(kClientKeys, actions.key));
    }
    put(object, "key_name", actions.key_name);
    put_number(object, "session", actions.session, false);
    put(object, "session_life_ns", actions.session_life);
    if (!actions.split.empty()) {
        json::array shares;
        for (const Share& share : actions.split) {
            shares.push_back(json::object{{"service", share.service}, {"weight", share.weight}});
        }
        object.emplace("split", std::move(shares));
    }
    put(object, "try_timeout_ns", actions.try_timeout);
    put(object, "deadline_ns", actions.deadline);
    if (!actions.mirror.service.empty()) {
        object.emplace("mirror", json::object{{"service", actions.mirror.service},
                                              {"share", actions.mirror.share}});
    }
    if (actions.refusal.status != 0) {
        object.emplace("refusal", json::object{{"status", actions.refusal.status},
                                               {"detail", actions.refusal.detail}});
    }
    return object;
}

// ---- reading: the default for what is absent ----

std::string text_at(const json::object& object, std::string_view key) {
    const json::value* const value = object.if_contains(key);
    return value == nullptr ? std::string() : std::string(value->as_string());
}
std::vector<std::string> texts_at(const json::object& object, std::string_view key) {
    const json::value* const value = object.if_contains(key);
    return value == nullptr ? std::vector<std::string>()
                            : json::value_to<std::vector<std::string>>(*value);
}
template <class Number>
Number number_at(const json::object& object, std::string_view key, Number absent) {
    const json::value* const value = object.if_contains(key);
    return value == nullptr ? absent : value->to_number<Number>();
}
bool bool_at(const json::object& object, std::string_view key, bool absent) {
    const json::value* const value = object.if_contains(key);
    return value == nullptr ? absent : value->as_bool();
}
Duration duration_at(const json::object& object, std::string_view key, Duration absent = {}) {
    return Duration(number_at<int64_t>(object, key, absent.count()));
}
json::array array_at(const json::object& object, std::string_view key) {
    const json::value* const value = object.if_contains(key);
    return value == nullptr ? json::array() : value->as_array();
}
json::object object_at(const json::object& object, std::string_view key) {
    const json::value* const value = object.if_contains(key);
    return value == nullptr ? json::object() : value->as_object();
}

std::vector<FieldCondition> fields_from(const json::array& array) {
    std::vector<FieldCondition> fields;
    for (const json::value& value : array) {
        const json::object& object = value.as_object();
        fields.push_back(
            {text_at(object, "name"), text_at(object, "value"), text_at(object, "pattern")});
    }
    return fields;
}

std::vector<HeaderEdits::Field> edit_fields_from(const json::array& array) {
    std::vector<HeaderEdits::Field> fields;
    for (const json::value& value : array) {
        const json::array& pair = value.as_array();
        fields.push_back(
            {std::string(pair.at(0).as_string()), std::string(pair.at(1).as_string())});
    }
    return fields;
}

HeaderEdits edits_from(const json::object& object) {
    return {.remove = texts_at(object, "remove"),
            .set = edit_fields_from(array_at(object, "set")),
            .add = edit_fields_from(array_at(object, "add"))};
}

RouteConditions conditions_from(const json::object& object) {
    return {.path_exact = text_at(object, "path_exact"),
            .path_pattern = text_at(object, "path_pattern"),
            .methods = texts_at(object, "methods"),
            .headers = fields_from(array_at(object, "headers")),
            .query = fields_from(array_at(object, "query")),
            .sources = texts_at(object, "sources")};
}

RouteActions actions_from(const json::object& object) {
    RouteActions actions;
    actions.name = text_at(object, "name");
    const json::object redirect = object_at(object, "redirect");
    actions.redirect = {text_at(redirect, "to"), number_at<uint16_t>(redirect, "status", 308)};
    actions.rewrite = text_at(object, "rewrite");
    actions.request = edits_from(object_at(object, "request_headers"));
    actions.response = edits_from(object_at(object, "response_headers"));
    actions.balance = value_in<Balance>(kBalances, text_at(object, "balance"));
    actions.key = value_in<ClientKey>(kClientKeys, text_at(object, "key"));
    actions.key_name = text_at(object, "key_name");
    actions.session = bool_at(object, "session", false);
    actions.session_life = duration_at(object, "session_life_ns");
    for (const json::value& value : array_at(object, "split")) {
        const json::object& share = value.as_object();
        actions.split.push_back(
            {text_at(share, "service"), number_at<uint32_t>(share, "weight", 1)});
    }
    actions.try_timeout = duration_at(object, "try_timeout_ns");
    actions.deadline = duration_at(object, "deadline_ns");
    const json::object mirror = object_at(object, "mirror");
    actions.mirror = {text_at(mirror, "service"), number_at(mirror, "share", 1.0)};
    const json::object refusal = object_at(object, "refusal");
    actions.refusal = {number_at<uint16_t>(refusal, "status", 0), text_at(refusal, "detail")};
    return actions;
}

json::object cache_json(const CachePolicy& cache) {
    json::object object;
    const auto put_flag = [&object](std::string_view key, bool value) {
        if (value) {
            object.emplace(key, true);
        }
    };
    put_flag("enabled", cache.enabled);
    put(object, "negative_ns", cache.negative);
    put_flag("heuristic", cache.heuristic);
    put_flag("reload", cache.reload);
    return object;
}

CachePolicy cache_from(const json::object& object) {
    return {.enabled = bool_at(object, "enabled", false),
            .negative = duration_at(object, "negative_ns"),
            .heuristic = bool_at(object, "heuristic", false),
            .reload = bool_at(object, "reload", false)};
}

}  // namespace

void add_json(json::object& object, const HttpRoute& route) {
    object.emplace("hosts", json::value_from(route.hosts));
    object.emplace("path_prefix", route.path_prefix);
    object.emplace("strip_prefix", route.strip_prefix);
    object.emplace("timeout_ns", route.timeout.count());
    object.emplace("compress", route.compress);
    object.emplace("decompress", route.decompress);
    object.emplace("client_certificate", route.client_certificate);
    put(object, "cache", cache_json(route.cache));
    const HttpRoute absent;
    put_number(object, "decompressed_max", route.decompressed_max.count,
               absent.decompressed_max.count);
    put_number(object, "decompress_ratio_max", route.decompress_ratio_max,
               absent.decompress_ratio_max);
    put(object, "conditions", conditions_json(route.conditions));
    put(object, "actions", actions_json(route.actions));
}

void add_json(json::object& object, const UpstreamPolicy& policy) {
    const UpstreamPolicy absent;
    json::object made;
    put_number(made, "requests_max", policy.requests_max, absent.requests_max);
    put_number(made, "waiting_max", policy.waiting_max, absent.waiting_max);
    put(made, "wait_ns", policy.wait, absent.wait);
    put_number(made, "retry_share", policy.retry_share, absent.retry_share);
    put_number(made, "ejected_share", policy.ejected_share, absent.ejected_share);
    put_number(made, "failures_max", policy.failures_max, absent.failures_max);
    put_number(made, "proxy_protocol", policy.proxy_protocol, absent.proxy_protocol);
    put(made, "slow_start_ns", policy.slow_start);
    if (policy.protocol != absent.protocol) {
        made.emplace("protocol", name_in(kProtocols, policy.protocol));
    }
    put(object, "policy", std::move(made));
}

HttpRoute http_route_from(const json::object& object) {
    HttpRoute route;
    route.hosts = json::value_to<std::vector<std::string>>(object.at("hosts"));
    route.path_prefix = object.at("path_prefix").as_string();
    route.strip_prefix = object.at("strip_prefix").as_bool();
    route.timeout = Duration(object.at("timeout_ns").to_number<int64_t>());
    route.compress = bool_at(object, "compress", route.compress);
    route.decompress = bool_at(object, "decompress", route.decompress);
    route.client_certificate = bool_at(object, "client_certificate", route.client_certificate);
    route.cache = cache_from(object_at(object, "cache"));
    route.decompressed_max = {number_at(object, "decompressed_max", route.decompressed_max.count)};
    route.decompress_ratio_max =
        number_at(object, "decompress_ratio_max", route.decompress_ratio_max);
    route.conditions = conditions_from(object_at(object, "conditions"));
    route.actions = actions_from(object_at(object, "actions"));
    return route;
}

UpstreamPolicy upstream_policy_from(const json::object& object) {
    const json::object from = object_at(object, "policy");
    UpstreamPolicy policy;
    policy.requests_max = number_at(from, "requests_max", policy.requests_max);
    policy.waiting_max = number_at(from, "waiting_max", policy.waiting_max);
    policy.wait = duration_at(from, "wait_ns", policy.wait);
    policy.retry_share = number_at(from, "retry_share", policy.retry_share);
    policy.ejected_share = number_at(from, "ejected_share", policy.ejected_share);
    policy.failures_max = number_at(from, "failures_max", policy.failures_max);
    policy.proxy_protocol = number_at(from, "proxy_protocol", policy.proxy_protocol);
    policy.slow_start = duration_at(from, "slow_start_ns");
    policy.protocol = value_in<UpstreamProtocol>(kProtocols, text_at(from, "protocol"));
    return policy;
}

json::object access_log_json(const AccessLogOptions& log) {
    json::array fields;
    for (size_t i = 0; i < kLogFieldNames.size(); ++i) {
        if (log.has(static_cast<LogField>(i))) {
            fields.push_back(json::string(kLogFieldNames[i]));
        }
    }
    return {{"enabled", log.enabled}, {"fields", std::move(fields)}};
}

AccessLogOptions access_log_from(const json::object& object) {
    AccessLogOptions log;
    log.enabled = bool_at(object, "enabled", log.enabled);
    if (object.contains("fields")) {
        log.fields = 0;
        for (const std::string& name : texts_at(object, "fields")) {
            // A name of a later version is left out.
            if (const auto field = log_field(name)) {
                log.fields |= log_bit(*field);
            }
        }
    }
    return log;
}

}  // namespace shore::model
