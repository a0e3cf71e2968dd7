// Snapshot: everything the gateway needs to route, as one immutable, versioned value.
//
// The control plane composes it, stores it in run/snapshot.json and sends it over run/gateway.sock;
// each gateway loop swaps one pointer. Names are joined by index, so that the hot path never looks
// anything up by text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/stack_spec.h"

namespace shore::model {

/// Where requests of an upstream can go: one instance.
struct Endpoint {
    std::string instance;  ///< "shop/api-7": stack_id and instance id.
    std::string address = "127.0.0.1";
    uint16_t port = 0;
    bool draining = false;  ///< No new requests; those under way may end.
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct Upstream {
    std::string name;  ///< "shop/api".
    std::vector<Endpoint> endpoints;
    std::string
        health_path;  ///< For re-probing an endpoint that was ejected; empty: a TCP connect.
    UpstreamPolicy policy;
    std::string dns;  ///< "api.example.com:8080": endpoints are what this name leads to; or empty.
    friend bool operator==(const Upstream&, const Upstream&) = default;
};

/// A part of a route's requests, by weight.
struct RouteTarget {
    uint32_t upstream = 0;  ///< Index into Snapshot::upstreams.
    uint32_t weight = 1;
    friend bool operator==(const RouteTarget&, const RouteTarget&) = default;
};

/// Of two routes that could take a request the earlier one in Snapshot::routes does, when host,
/// path and number of conditions do not decide (gateway/router.h).
struct Route {
    std::string name;  ///< "shop/api": label of metrics and access log.
    std::string stack;
    std::string service;
    std::vector<uint32_t> listeners;  ///< Indices into Snapshot::listeners.
    HttpRoute match;
    int32_t upstream = -1;  ///< Index into Snapshot::upstreams; -1: static files or a redirect.
    std::vector<RouteTarget> targets;  ///< Of a split; empty: all to `upstream`.
    StaticFiles files;                 ///< When upstream is -1.
    uint16_t https_port = 0;           ///< Plain requests are sent to https there; 0: answered.
    int32_t mirror = -1;   ///< Index into Snapshot::upstreams: gets copies of requests; -1: none.
    AccessLogOptions log;  ///< Of the route's stack.
    Duration hsts{};       ///< Told with answers over TLS; 0: not.
    friend bool operator==(const Route&, const Route&) = default;
};

/// A certificate of https listeners, chosen by the server name that a client asks for. Keys stay in
/// their files; a new digest says that the files have new content.
struct Certificate {
    std::string certificate_file;
    std::string key_file;
    std::string digest;  ///< SHA-256 over both files' content, hexadecimal.
    friend bool operator==(const Certificate&, const Certificate&) = default;
};

/// What handshakes of an https listener go by, besides the certificates.
struct TlsPolicy {
    uint32_t listener = 0;  ///< Index into Snapshot::listeners.
    std::string client_ca;  ///< A PEM file: clients must bring a certificate of it; empty: none.
    std::string client_ca_digest;
    bool client_optional = false;  ///< Who brings none is let in; routes may ask for it.
    uint16_t version_min = 12;
    friend bool operator==(const TlsPolicy&, const TlsPolicy&) = default;
};

/// Balancers in front of a listener (model::ProxyOptions).
struct ProxyPolicy {
    uint32_t listener = 0;          ///< Index into Snapshot::listeners.
    std::vector<std::string> from;  ///< Networks.
    Duration timeout{};
    friend bool operator==(const ProxyPolicy&, const ProxyPolicy&) = default;
};

/// Where connections of a raw listener go.
struct TcpRoute {
    std::string name;  ///< "shop/db": label of metrics and access log.
    std::string stack;
    std::string service;
    uint32_t listener = 0;  ///< Index into Snapshot::listeners; one that is raw.
    uint32_t upstream = 0;  ///< Index into Snapshot::upstreams.
    Duration hold{};
    Duration idle{};
    uint8_t proxy_protocol = 0;
    friend bool operator==(const TcpRoute&, const TcpRoute&) = default;
};

struct Snapshot {
    uint64_t version = 0;
    std::vector<ListenAddress> listeners;
    std::vector<Upstream> upstreams;
    std::vector<Route> routes;
    std::vector<Certificate> certificates;  ///< The first serves clients that name no other.
    std::vector<TlsPolicy> tls;             ///< One for each listener with TLS.
    std::vector<ProxyPolicy> proxy_protocol;
    std::vector<TcpRoute> tcp;  ///< One for each raw listener.
    uint32_t threads = 0;       ///< 0: one per core. Read at start only.
    bool access_log = true;     ///< False: no line for any request.
    bool trace = true;          ///< traceparent is made or continued.
    std::vector<std::string>
        resolvers;  ///< DNS servers, ADDRESS or ADDRESS:PORT; empty: the machine's.
    Duration drain_timeout = std::chrono::seconds(30);
    Duration upgrade_timeout = std::chrono::hours(1);
    std::vector<std::string> trusted_proxies;
    GatewayLimits limits;
    ContentOptions content;
    friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

/// One line of JSON, documented in docs/internals/file-formats.md.
std::string to_json(const Snapshot& snapshot);
/// kCorrupt with the place when the text is not a snapshot or its indices do not join.
Result<Snapshot> parse_snapshot(std::string_view json);

}  // namespace shore::model
