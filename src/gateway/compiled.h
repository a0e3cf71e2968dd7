// Compiled: a snapshot as the loops want it: routing tables without text search per route,
// endpoints joined to their shared state. Immutable; every loop holds the same one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/conditions.h"
#include "gateway/content_policy.h"
#include "gateway/endpoint.h"
#include "gateway/network.h"
#include "gateway/route_program.h"
#include "gateway/router.h"
#include "gateway/tls_servers.h"
#include "gateway/upstream_state.h"
#include "model/snapshot.h"

namespace shore::gateway {

struct CompiledUpstream {
    struct Member {
        std::shared_ptr<Endpoint> endpoint;
        bool draining = false;
        uint64_t identity = 0;  ///< For hashes and session cookies; the same on every machine.
    };
    const model::UpstreamPolicy& policy() const { return spec->policy; }

    const model::Upstream* spec = nullptr;  ///< In Compiled::snapshot.
    std::string name;
    std::vector<Member> members;
    uint32_t slot = 0;                     ///< Index of what each loop remembers of it.
    std::shared_ptr<UpstreamState> state;  ///< What all loops know together.
};

struct CompiledRoute {
    const model::Route* spec = nullptr;            ///< In Compiled::snapshot.
    const CompiledUpstream* upstream = nullptr;    ///< Null: static files.
    std::string prefix;                            ///< Without a slash at its end; "" matches all.
    std::unique_ptr<const Conditions> conditions;  ///< Null: the prefix alone decides.
    const CompiledUpstream* mirror = nullptr;      ///< Gets copies; null: none.
    uint32_t slot = 0;                             ///< Index of per-loop counters.
    std::unique_ptr<const RouteProgram> program;   ///< Null: requests are only passed on.
    std::string cache_name;  ///< Names it as it is configured, in cache keys; empty: not cached.
    std::string hsts;        ///< The field with its end of line, for answers over TLS; or empty.
};

/// Where connections of a raw listener go.
struct CompiledTcp {
    const model::TcpRoute* spec = nullptr;  ///< In Compiled::snapshot.
    const CompiledUpstream* upstream = nullptr;
    uint32_t slot = 0;  ///< Index of per-loop counters.
};

/// Balancers in front of a listener.
struct ProxySource {
    std::vector<Network> from;
    Duration timeout{};
};

/// Where endpoints and counters keep their numbers from one snapshot to the next. Control thread.
class Registry final {
 public:
    /// The endpoint of that instance and address: the one known before, or a new one, fresh
    /// since `now`.
    std::shared_ptr<Endpoint> endpoint(const model::Endpoint& spec, SteadyTime now);
    /// The number and the shared state of the upstream of that name: the ones known before, or new
    /// ones.
    uint32_t upstream_slot(const std::string& name);
    std::shared_ptr<UpstreamState> upstream_state(uint32_t slot) const {
        return upstreams_[slot].state;
    }
    /// The number of a route's counters; the same for the same name.
    uint32_t route_slot(const std::string& name);
    const std::vector<std::string>& route_names() const { return route_names_; }
    /// Forgets endpoints that no snapshot and no request uses any more.
    void forget_unused();
    /// All that belong to an instance.
    std::vector<std::shared_ptr<Endpoint>> of_instance(std::string_view instance) const;
    const std::vector<std::shared_ptr<Endpoint>>& endpoints() const { return endpoints_; }
    TlsServers& tls() { return tls_; }

 private:
    std::vector<std::shared_ptr<Endpoint>> endpoints_;  // By slot; null: free.
    std::vector<std::string> route_names_;              // By slot.
    struct KnownUpstream {
        std::string name;
        std::shared_ptr<UpstreamState> state;
    };
    std::vector<KnownUpstream> upstreams_;  // By slot.
    TlsServers tls_;
};

class Compiled final {
 public:
    /// Joins `snapshot` with what `registry` knows; endpoints that are new are fresh since `now`.
    static std::shared_ptr<const Compiled> make(model::Snapshot snapshot, Registry& registry,
                                                SteadyTime now = {});

    const model::Snapshot& snapshot() const { return snapshot_; }
    const ContentPolicy& content() const { return content_; }
    uint64_t version() const { return snapshot_.version; }
    const std::vector<CompiledUpstream>& upstreams() const { return upstreams_; }
    const std::vector<CompiledRoute>& routes() const { return routes_; }

    const Router& router() const { return router_; }
    std::span<const Network> trusted() const { return trusted_; }
    bool trusts(const AddressBytes& peer) const { return contained(trusted_, peer); }
    /// What handshakes at an https listener go by; null when nothing does.
    std::shared_ptr<const net::TlsServer> tls(const model::ListenAddress& listener) const;
    /// What a connection of `peer` must begin with a PROXY header by; null: with none.
    const ProxySource* proxy_source(const model::ListenAddress& listener,
                                    const AddressBytes& peer) const;
    /// Where connections of a raw listener go; null when nowhere.
    const CompiledTcp* tcp_route(const model::ListenAddress& listener) const;

 private:
    std::unique_ptr<const RouteProgram> program_of(const model::Route& route) const;

    model::Snapshot snapshot_;
    ContentPolicy content_;
    std::vector<CompiledUpstream> upstreams_;
    std::vector<CompiledRoute> routes_;
    Router router_;
    std::vector<Network> trusted_;
    TlsByListener tls_;
    std::vector<CompiledTcp> tcp_routes_;
    std::vector<ProxySource> proxies_;  // As Snapshot::proxy_protocol.
};

}  // namespace shore::gateway
