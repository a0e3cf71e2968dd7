#include "release/routes.h"

#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "release/shared_options.h"

namespace shore::release {
namespace {

constexpr uint16_t kDefaultListenPort = 8080;

/// What makes two routes the same: where they listen and what they match.
struct RouteKey {
    model::ListenAddress listener;
    std::string match;  ///< Host, path and conditions in words.
    friend auto operator<=>(const RouteKey&, const RouteKey&) = default;
};

/// A service's claim to one or more keys.
struct Claim {
    const model::StackSpec* stack;
    const model::ServiceSpec* service;
    model::HttpRoute match;
    std::vector<model::ListenAddress> listeners;
    bool published_port = false;
    size_t place = 0;  ///< Among the service's routes.
};

std::vector<model::ListenAddress> own_listeners(const model::StackSpec& spec) {
    if (!spec.gateway.listen.empty()) {
        return spec.gateway.listen;
    }
    return {{"", static_cast<uint16_t>(kDefaultListenPort + spec.port_offset)}};
}

/// "" stands for any host.
std::vector<std::string> hosts_of(const Claim& claim) {
    return claim.match.hosts.empty() ? std::vector<std::string>{""} : claim.match.hosts;
}

std::vector<RouteKey> keys_of(const Claim& claim) {
    std::vector<RouteKey> keys;
    for (const model::ListenAddress& listener : claim.listeners) {
        for (const std::string& host : hosts_of(claim)) {
            keys.push_back({listener, model::describe_match(claim.match, host)});
        }
    }
    return keys;
}

std::vector<Claim> claims_of(const model::StackSpec& stack) {
    std::vector<Claim> claims;
    for (const model::ServiceSpec& service : stack.services) {
        std::vector<model::HttpRoute> routes = model::routes_of(service);
        if (routes.empty() && service.static_files) {
            routes.emplace_back();
        }
        for (size_t i = 0; i < routes.size(); ++i) {
            claims.push_back({&stack, &service, routes[i], own_listeners(stack), false, i});
        }
        if (service.tcp) {
            claims.push_back(
                {&stack, &service, model::HttpRoute{}, {listener_of(*service.tcp)}, true});
        }
        for (const model::PublishedPort& port : service.ports) {
            if (port.published != 0 && port.protocol == "tcp") {
                model::HttpRoute any = service.http.value_or(model::HttpRoute{});
                any.hosts.clear();
                any.path_prefix = "/";
                any.strip_prefix = false;
                any.conditions = {};
                any.actions.redirect = {};
                any.actions.rewrite.clear();
                any.actions.name.clear();
                claims.push_back({&stack, &service, any, {{port.address, port.published}}, true});
            }
        }
    }
    return claims;
}

std::string to_text(const RouteKey& key) {
    if (key.listener.raw) {
        return fmt::format("TCP port {}", key.listener.port);
    }
    return fmt::format("{}://{}:{}, {}", key.listener.tls ? "https" : "http", key.listener.address,
                       key.listener.port, key.match);
}

std::string name_of(const Claim& claim) {
    return model::stack_id(*claim.stack) + "/" + claim.service->name;
}

Error conflict(const RouteKey& key, const Claim& mine, const Claim& other) {
    const bool same_stack = mine.stack == other.stack;
    const std::string advice =
        mine.published_port || other.published_port ? "give one of them another published port"
        : same_stack ? "give one of them another x-shore.http.route or host"
                     : "give this stack other x-shore.gateway.listen ports, or one of the routes a "
                       "host or another path";
    return {ErrorCode::kConflict, fmt::format("services {} and {} both ask for {}: {}",
                                              name_of(mine), name_of(other), to_text(key), advice)};
}

/// Collects listeners, upstreams and routes of all stacks.
class Composer final {
 public:
    void add(const StackRoutes& stack) {
        std::set<RouteKey> served;
        std::vector<Claim> fresh = claims_of(stack.spec);
        std::vector<Claim> old;
        if (stack.fallback) {
            old = claims_of(*stack.fallback);
        }
        const auto answers = [&](const Claim& claim) { return can_answer(stack, *claim.service); };
        // In order of preference; a key goes to the first that asks for it.
        add_claims(stack, fresh, served, answers);
        add_claims(stack, old, served, answers);
        add_claims(stack, fresh, served, [](const Claim&) { return true; });
    }

    model::Snapshot finish() {
        // As the gateway looks at them (gateway/router.h): what stays equal there is decided here,
        // by service and by place in the manifest.
        std::ranges::sort(routes_, {}, [](const Placed& placed) {
            const model::HttpRoute& match = placed.route.match;
            const int rank = model::path_rank(match);
            return std::tuple(match.hosts.empty(), rank,
                              rank == 1 ? -static_cast<int>(match.path_prefix.size()) : 0,
                              -static_cast<int>(model::condition_count(match.conditions)),
                              placed.route.stack, placed.route.service, placed.place,
                              placed.route.listeners);
        });
        for (Placed& placed : routes_) {
            snapshot_.routes.push_back(std::move(placed.route));
        }
        return std::move(snapshot_);
    }

 private:
    static bool can_answer(const StackRoutes& stack, const model::ServiceSpec& service) {
        return service.static_files.has_value() || !model::has_process(service) ||
               std::ranges::any_of(stack.instances, [&](const RoutedInstance& instance) {
                   return instance.service == service.name && !instance.draining;
               });
    }

    template <class Condition>
    void add_claims(const StackRoutes& stack, const std::vector<Claim>& claims,
                    std::set<RouteKey>& served, Condition condition) {
        for (const Claim& claim : claims) {
            if (!condition(claim)) {
                continue;
            }
            // A host or listener of the claim may have gone to another already.
            model::Route route;
            std::vector<std::string> hosts;
            for (const model::ListenAddress& listener : claim.listeners) {
                for (const std::string& host : hosts_of(claim)) {
                    if (!served.insert({listener, model::describe_match(claim.match, host)})
                             .second) {
                        continue;
                    }
                    add_once(route.listeners, listener_index(listener));
                    if (!host.empty()) {
                        add_once(hosts, host);
                    }
                }
            }
            if (route.listeners.empty()) {
                continue;
            }
            if (claim.listeners.front().raw) {
                add_tcp(stack, claim, route.listeners.front());
                continue;
            }
            route.match = claim.match;
            route.match.hosts = hosts;
            fill(route, stack, claim);
            routes_.push_back({std::move(route), claim.place});
        }
    }

    void add_tcp(const StackRoutes& stack, const Claim& claim, uint32_t listener) {
        const model::TcpListen& tcp = *claim.service->tcp;
        snapshot_.tcp.push_back(
            {.name = name_of(claim),
             .stack = model::stack_id(stack.spec),
             .service = claim.service->name,
             .listener = listener,
             .upstream = static_cast<uint32_t>(upstream_index(stack, *claim.service)),
             .hold = tcp.hold,
             .idle = tcp.idle,
             .proxy_protocol = tcp.proxy_protocol});
    }

    template <class T>
    static void add_once(std::vector<T>& values, const T& value) {
        if (std::ranges::find(values, value) == values.end()) {
            values.push_back(value);
        }
    }

    void fill(model::Route& route, const StackRoutes& stack, const Claim& claim) {
        route.name = name_of(claim);
        if (!claim.match.actions.name.empty()) {
            route.name += "/" + claim.match.actions.name;
        }
        route.stack = model::stack_id(stack.spec);
        route.service = claim.service->name;
        route.log = stack.spec.gateway.access_log;
        if (!claim.published_port) {
            fill_tls(route, stack.spec.gateway);
        }
        if (claim.service->static_files) {
            route.files = *claim.service->static_files;
        } else if (claim.match.actions.redirect.to.empty() &&
                   claim.match.actions.refusal.status == 0) {
            route.upstream = upstream_index(stack, *claim.service);
            for (const model::Share& share : claim.match.actions.split) {
                if (const auto* const service = model::find_service(*claim.stack, share.service)) {
                    route.targets.push_back(
                        {static_cast<uint32_t>(upstream_index(stack, *service)), share.weight});
                }
            }
            const std::string& mirror = claim.match.actions.mirror.service;
            if (const auto* const service = model::find_service(*claim.stack, mirror)) {
                route.mirror = upstream_index(stack, *service);
            }
        }
    }

    /// A route that is reached over both sends plain requests to TLS when its stack says so.
    void fill_tls(model::Route& route, const model::GatewayOptions& gateway) {
        const auto secure = std::ranges::find(gateway.listen, true, &model::ListenAddress::tls);
        if (secure == gateway.listen.end()) {
            return;
        }
        route.https_port = gateway.tls.redirect ? secure->port : uint16_t{0};
        route.hsts = gateway.tls.hsts;
    }

    uint32_t listener_index(const model::ListenAddress& address) {
        const auto found = std::ranges::find(snapshot_.listeners, address);
        if (found != snapshot_.listeners.end()) {
            return static_cast<uint32_t>(found - snapshot_.listeners.begin());
        }
        snapshot_.listeners.push_back(address);
        return static_cast<uint32_t>(snapshot_.listeners.size() - 1);
    }

    int32_t upstream_index(const StackRoutes& stack, const model::ServiceSpec& service) {
        const std::string name = model::stack_id(stack.spec) + "/" + service.name;
        const auto found = std::ranges::find(snapshot_.upstreams, name, &model::Upstream::name);
        if (found != snapshot_.upstreams.end()) {
            return static_cast<int32_t>(found - snapshot_.upstreams.begin());
        }
        model::Upstream upstream;
        upstream.name = name;
        upstream.policy = service.upstream;
        upstream.dns = service.external;
        if (service.health.probe == model::HealthProbe::kHttp) {
            upstream.health_path = service.health.http_path;
        }
        for (const RoutedInstance& instance : stack.instances) {
            if (instance.service == service.name) {
                upstream.endpoints.push_back(
                    {.instance =
                         fmt::format("{}/{}", model::stack_id(stack.spec), instance.instance),
                     .port = instance.port,
                     .draining = instance.draining});
            }
        }
        snapshot_.upstreams.push_back(std::move(upstream));
        return static_cast<int32_t>(snapshot_.upstreams.size() - 1);
    }

    struct Placed {
        model::Route route;
        size_t place;
    };

    model::Snapshot snapshot_;
    std::vector<Placed> routes_;
};

/// Certificates of all stacks, those of the first (by name) first; a policy for each https
/// listener.
void add_tls(model::Snapshot& snapshot, const model::StackSpec& stack) {
    const model::GatewayOptions& gateway = stack.gateway;
    for (const model::CertificateFiles& files : gateway.tls.certificates) {
        const auto same = [&](const model::Certificate& known) {
            return known.certificate_file == files.certificate && known.key_file == files.key;
        };
        if (std::ranges::none_of(snapshot.certificates, same)) {
            snapshot.certificates.push_back({files.certificate, files.key, ""});
        }
    }
    for (const model::ListenAddress& listener : listeners(stack)) {
        const auto at = std::ranges::find(snapshot.listeners, listener);
        if (!listener.tls || at == snapshot.listeners.end()) {
            continue;
        }
        const auto index = static_cast<uint32_t>(at - snapshot.listeners.begin());
        const auto known = std::ranges::find(snapshot.tls, index, &model::TlsPolicy::listener);
        if (known == snapshot.tls.end()) {
            snapshot.tls.push_back({.listener = index,
                                    .client_ca = gateway.tls.client_ca,
                                    .client_ca_digest = "",
                                    .client_optional = gateway.tls.client_optional,
                                    .version_min = gateway.tls.version_min});
        } else {
            known->version_min = std::max(known->version_min, gateway.tls.version_min);
        }
    }
}

/// Where balancers say who the client is.
void add_proxies(model::Snapshot& snapshot, const model::StackSpec& stack) {
    const model::ProxyOptions& options = stack.gateway.proxy_protocol;
    if (options.from.empty()) {
        return;
    }
    for (const model::ListenAddress& listener :
         options.listen.empty() ? listeners(stack) : options.listen) {
        const auto at = std::ranges::find(snapshot.listeners, listener);
        const auto index = static_cast<uint32_t>(at - snapshot.listeners.begin());
        const bool known =
            std::ranges::find(snapshot.proxy_protocol, index, &model::ProxyPolicy::listener) !=
            snapshot.proxy_protocol.end();
        if (at != snapshot.listeners.end() && !known) {
            snapshot.proxy_protocol.push_back(
                {.listener = index, .from = options.from, .timeout = options.timeout});
        }
    }
}

/// Before a byte of HTTP is read: who shares a listener must believe the same balancers.
Result<void> check_proxies(const model::StackSpec& candidate, const model::StackSpec& other) {
    const auto believes = [](const model::StackSpec& stack, const model::ListenAddress& listener) {
        const model::ProxyOptions& options = stack.gateway.proxy_protocol;
        const bool here = options.listen.empty() ||
                          std::ranges::find(options.listen, listener) != options.listen.end();
        return here ? options.from : std::vector<std::string>();
    };
    const std::vector<model::ListenAddress> theirs = listeners(other);
    for (const model::ListenAddress& listener : listeners(candidate)) {
        if (std::ranges::find(theirs, listener) != theirs.end() &&
            believes(candidate, listener) != believes(other, listener)) {
            return fail(ErrorCode::kConflict,
                        "stacks {} and {} share port {} but name different "
                        "x-shore.gateway.proxy_protocol.from: give them the same, or one of them "
                        "another port",
                        model::stack_id(candidate), model::stack_id(other), listener.port);
        }
    }
    return {};
}

/// A raw port is one service's alone.
Result<void> check_raw_ports(const model::StackSpec& candidate, const model::StackSpec& other) {
    const std::vector<model::ListenAddress> theirs = listeners(other);
    for (const model::ListenAddress& mine : listeners(candidate)) {
        for (const model::ListenAddress& listener : theirs) {
            if (mine.port == listener.port && mine != listener && (mine.raw || listener.raw)) {
                return fail(ErrorCode::kConflict,
                            "port {} is asked for as raw TCP and for something else, by stacks {} "
                            "and {}: give x-shore.tcp another port",
                            mine.port, model::stack_id(candidate), model::stack_id(other));
            }
        }
    }
    return {};
}

/// Handshakes come before hosts and paths: who shares an https listener must let in the same
/// clients.
Result<void> check_tls(const model::StackSpec& candidate, const model::StackSpec& other) {
    for (const model::ListenAddress& listener : candidate.gateway.listen) {
        const auto& theirs = other.gateway.listen;
        const bool same =
            candidate.gateway.tls.client_ca == other.gateway.tls.client_ca &&
            candidate.gateway.tls.client_optional == other.gateway.tls.client_optional;
        if (!listener.tls || same || std::ranges::find(theirs, listener) == theirs.end()) {
            continue;
        }
        return fail(ErrorCode::kConflict,
                    "stacks {} and {} share https://{}:{} but ask for different client_ca or "
                    "client_auth: give them the same, or one of them another port",
                    model::stack_id(candidate), model::stack_id(other), listener.address,
                    listener.port);
    }
    return {};
}

}  // namespace

model::ListenAddress listener_of(const model::TcpListen& tcp) {
    return {.address = "", .port = tcp.port, .tls = tcp.tls, .raw = true};
}

bool is_routed(const model::ServiceSpec& service) {
    return service.http.has_value() || service.tcp.has_value() || service.shares_routes ||
           std::ranges::any_of(service.ports, [](const auto& port) {
               return port.published != 0 && port.protocol == "tcp";
           });
}

std::vector<Entrance> entrances(const model::StackSpec& spec, const model::ServiceSpec& service) {
    std::vector<Entrance> result;
    for (const Claim& claim : claims_of(spec)) {
        if (claim.service->name == service.name) {
            for (const model::ListenAddress& listener : claim.listeners) {
                result.push_back({listener, claim.match});
            }
        }
    }
    return result;
}

std::vector<model::ListenAddress> listeners(const model::StackSpec& spec) {
    std::vector<model::ListenAddress> result;
    for (const Claim& claim : claims_of(spec)) {
        for (const model::ListenAddress& listener : claim.listeners) {
            if (std::ranges::find(result, listener) == result.end()) {
                result.push_back(listener);
            }
        }
    }
    return result;
}

Result<void> check_routes(const model::StackSpec& candidate,
                          const std::vector<const model::StackSpec*>& others) {
    std::map<RouteKey, Claim> taken;
    SHORE_CHECK(check_raw_ports(candidate, candidate));
    for (const model::StackSpec* other : others) {
        SHORE_CHECK(check_tls(candidate, *other));
        SHORE_CHECK(check_proxies(candidate, *other));
        SHORE_CHECK(check_raw_ports(candidate, *other));
        for (const Claim& claim : claims_of(*other)) {
            for (const RouteKey& key : keys_of(claim)) {
                taken.emplace(key, claim);
            }
        }
    }
    for (const Claim& claim : claims_of(candidate)) {
        for (const RouteKey& key : keys_of(claim)) {
            const auto [there, added] = taken.emplace(key, claim);
            const bool itself = there->second.stack == claim.stack &&
                                there->second.service->name == claim.service->name;
            if (!added && !itself) {
                return fail(conflict(key, claim, there->second));
            }
        }
    }
    return {};
}

model::Snapshot compose_snapshot(const std::map<std::string, StackRoutes>& stacks,
                                 uint64_t version) {
    Composer composer;
    for (const auto& [id, stack] : stacks) {
        composer.add(stack);
    }
    model::Snapshot snapshot = composer.finish();
    snapshot.version = version;
    snapshot.access_log = stacks.empty();
    for (const auto& [id, stack] : stacks) {
        take_shared_options(snapshot, stack.spec.gateway);
        // Requests that belong to no stack are logged while any stack wants lines.
        snapshot.access_log |= stack.spec.gateway.access_log.enabled;
        add_tls(snapshot, stack.spec);
        add_proxies(snapshot, stack.spec);
    }
    return snapshot;
}

}  // namespace shore::release
