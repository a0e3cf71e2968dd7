#include "gateway/compiled.h"

#include <algorithm>

#include "gateway/balancer.h"
#include "gateway/caching.h"
#include "gateway/limits.h"

namespace shore::gateway {

std::shared_ptr<Endpoint> Registry::endpoint(const model::Endpoint& spec, SteadyTime now) {
    auto address = net::Address::parse(spec.address.contains(':')
                                           ? fmt::format("[{}]:{}", spec.address, spec.port)
                                           : fmt::format("{}:{}", spec.address, spec.port));
    const net::Address where = address ? *address : net::Address::loopback(spec.port);
    for (const auto& known : endpoints_) {
        if (known && known->instance() == spec.instance && known->address() == where) {
            return known;
        }
    }
    const auto free = std::ranges::find(endpoints_, nullptr);
    const auto slot = static_cast<uint32_t>(free - endpoints_.begin());
    if (free == endpoints_.end()) {
        endpoints_.emplace_back();
    }
    endpoints_[slot] = std::make_shared<Endpoint>(spec.instance, where, slot, now);
    return endpoints_[slot];
}

uint32_t Registry::route_slot(const std::string& name) {
    const auto known = std::ranges::find(route_names_, name);
    const auto slot = static_cast<uint32_t>(known - route_names_.begin());
    if (known != route_names_.end()) {
        return slot;
    }
    if (route_names_.size() >= kRouteCountersMax) {
        return kRouteCountersMax - 1;
    }
    route_names_.push_back(name);
    return slot;
}

uint32_t Registry::upstream_slot(const std::string& name) {
    const auto known = std::ranges::find(upstreams_, name, &KnownUpstream::name);
    if (known != upstreams_.end()) {
        return static_cast<uint32_t>(known - upstreams_.begin());
    }
    // A place that no snapshot and no request uses any more.
    const auto free = std::ranges::find_if(
        upstreams_, [](const KnownUpstream& each) { return each.state.use_count() == 1; });
    const auto slot = static_cast<uint32_t>(free - upstreams_.begin());
    if (free == upstreams_.end()) {
        upstreams_.emplace_back();
    }
    upstreams_[slot] = {name, std::make_shared<UpstreamState>()};
    return slot;
}

void Registry::forget_unused() {
    for (auto& endpoint : endpoints_) {
        if (endpoint.use_count() == 1) {
            endpoint.reset();
        }
    }
}

std::vector<std::shared_ptr<Endpoint>> Registry::of_instance(std::string_view instance) const {
    std::vector<std::shared_ptr<Endpoint>> found;
    for (const auto& endpoint : endpoints_) {
        if (endpoint && endpoint->instance() == instance) {
            found.push_back(endpoint);
        }
    }
    return found;
}

std::unique_ptr<const RouteProgram> Compiled::program_of(const model::Route& route) const {
    auto program = RouteProgram::compile(route.match.actions, !route.targets.empty());
    for (const model::RouteTarget& target : route.targets) {
        program->targets.push_back(&upstreams_[target.upstream]);
        program->weights.push_back(target.weight);
    }
    return program;
}

std::shared_ptr<const Compiled> Compiled::make(model::Snapshot snapshot, Registry& registry,
                                               SteadyTime now) {
    auto compiled = std::make_shared<Compiled>();
    compiled->snapshot_ = std::move(snapshot);
    const model::Snapshot& from = compiled->snapshot_;
    for (const model::Upstream& upstream : from.upstreams) {
        CompiledUpstream& made = compiled->upstreams_.emplace_back();
        made.spec = &upstream;
        made.name = upstream.name;
        made.slot = registry.upstream_slot(upstream.name);
        made.state = registry.upstream_state(made.slot);
        for (const model::Endpoint& endpoint : upstream.endpoints) {
            made.members.push_back({registry.endpoint(endpoint, now), endpoint.draining,
                                    stable_hash(endpoint.instance)});
        }
    }
    for (const model::Route& route : from.routes) {
        CompiledRoute& made = compiled->routes_.emplace_back();
        made.spec = &route;
        if (route.upstream >= 0) {
            made.upstream = &compiled->upstreams_[static_cast<size_t>(route.upstream)];
        }
        if (route.mirror >= 0) {
            made.mirror = &compiled->upstreams_[static_cast<size_t>(route.mirror)];
        }
        made.prefix = route.match.path_prefix;
        while (made.prefix.ends_with('/')) {
            made.prefix.pop_back();
        }
        made.conditions = Conditions::compile(route.match.conditions);
        made.slot = registry.route_slot(route.name);
        made.program = compiled->program_of(route);
        if (route.match.cache.enabled && made.upstream != nullptr) {
            made.cache_name = cache_name(route, from.content);
        }
        if (route.hsts > Duration::zero()) {
            made.hsts = fmt::format("Strict-Transport-Security: max-age={}\r\n",
                                    std::chrono::floor<std::chrono::seconds>(route.hsts).count());
        }
    }
    compiled->tls_ = registry.tls().of(from);
    compiled->router_ = Router(from.listeners.size(), compiled->routes_);
    compiled->content_ = ContentPolicy(from.content);
    for (const std::string& text : from.trusted_proxies) {
        if (const auto network = Network::parse(text)) {
            compiled->trusted_.push_back(*network);
        }
    }
    for (const model::TcpRoute& route : from.tcp) {
        compiled->tcp_routes_.push_back({.spec = &route,
                                         .upstream = &compiled->upstreams_[route.upstream],
                                         .slot = registry.route_slot(route.name)});
    }
    for (const model::ProxyPolicy& policy : from.proxy_protocol) {
        ProxySource& source =
            compiled->proxies_.emplace_back(ProxySource{.timeout = policy.timeout});
        for (const std::string& text : policy.from) {
            if (const auto network = Network::parse(text)) {
                source.from.push_back(*network);
            }
        }
    }
    return compiled;
}

const ProxySource* Compiled::proxy_source(const model::ListenAddress& listener,
                                          const AddressBytes& peer) const {
    for (size_t i = 0; i < proxies_.size(); ++i) {
        if (snapshot_.listeners[snapshot_.proxy_protocol[i].listener] == listener &&
            contained(proxies_[i].from, peer)) {
            return &proxies_[i];
        }
    }
    return nullptr;
}

const CompiledTcp* Compiled::tcp_route(const model::ListenAddress& listener) const {
    const auto found = std::ranges::find_if(tcp_routes_, [&](const CompiledTcp& route) {
        return snapshot_.listeners[route.spec->listener] == listener;
    });
    return found == tcp_routes_.end() ? nullptr : &*found;
}

std::shared_ptr<const net::TlsServer> Compiled::tls(const model::ListenAddress& listener) const {
    const auto found = std::ranges::find(snapshot_.listeners, listener);
    return found == snapshot_.listeners.end()
               ? nullptr
               : tls_[static_cast<size_t>(found - snapshot_.listeners.begin())];
}

}  // namespace shore::gateway
