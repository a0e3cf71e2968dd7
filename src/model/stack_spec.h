// StackSpec: a manifest for one environment, normalised. A stack is a Compose project in an
// environment.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "model/access_log.h"
#include "model/content_options.h"
#include "model/service_spec.h"

namespace shore::model {

/// x-shore.gateway.listen: "http://:8080", "https://127.0.0.1:8443"; or the port of a service's
/// x-shore.tcp.
struct ListenAddress {
    std::string address;  ///< IPv4 or IPv6 literal; empty: every IPv4 and IPv6 address.
    uint16_t port = 0;
    bool tls = false;
    bool raw = false;  ///< Bytes are passed on as they are; otherwise HTTP.
    friend auto operator<=>(const ListenAddress&, const ListenAddress&) = default;
};

/// Limits that protect the gateway from its clients. Each is an option of x-shore.gateway; defaults
/// stand here.
struct GatewayLimits {
    uint32_t connections_max = 20'000;    ///< Client connections, all loops together.
    Bytes header_bytes = Bytes::kib(32);  ///< Request line and header fields together.
    uint32_t headers_max = 100;
    Bytes body_bytes = Bytes::gib(1);                    ///< Request body.
    Duration header_timeout = std::chrono::seconds(10);  ///< First byte to the end of the head.
    Duration body_timeout =
        std::chrono::seconds(30);  ///< Without a byte of a body in either direction.
    Duration idle_timeout = std::chrono::seconds(75);  ///< Keep-alive connection between requests.
    Duration connect_timeout = std::chrono::seconds(2);  ///< To an upstream, per try.
    friend bool operator==(const GatewayLimits&, const GatewayLimits&) = default;
};

/// Files of x-shore.gateway.tls.certificates.
struct CertificateFiles {
    std::string certificate;  ///< Absolute path; PEM, chain included.
    std::string key;          ///< Absolute path; PEM.
    friend bool operator==(const CertificateFiles&, const CertificateFiles&) = default;
};

/// x-shore.gateway.tls.
struct TlsOptions {
    std::vector<CertificateFiles> certificates;  ///< None: the private authority signs one.
    std::string client_ca;         ///< Absolute path; not empty: clients must bring a certificate.
    bool client_optional = false;  ///< Or may; then routes say which must.
    bool redirect = false;         ///< Plain requests are sent to https.
    Duration hsts{};               ///< Strict-Transport-Security; 0: not sent.
    uint16_t version_min = 12;     ///< 12 or 13: TLS 1.2 or 1.3.
    friend bool operator==(const TlsOptions&, const TlsOptions&) = default;
};

/// x-shore.gateway.proxy_protocol: balancers in front of the gateway that say who the client is.
struct ProxyOptions {
    std::vector<std::string> from;  ///< Their networks: connections of these begin with a header.
    std::vector<ListenAddress> listen;  ///< Where; empty: at every listener of the stack.
    Duration timeout = std::chrono::seconds(3);
    friend bool operator==(const ProxyOptions&, const ProxyOptions&) = default;
};

struct GatewayOptions {
    std::vector<ListenAddress>
        listen;            ///< Never empty after loading: 8080 plus the environment's port offset.
    uint32_t threads = 0;  ///< 0: one per core.
    AccessLogOptions access_log;
    bool trace = true;                   ///< traceparent is made or continued.
    std::vector<std::string> resolvers;  ///< DNS servers of upstreams; empty: the machine's.
    Duration drain_timeout =
        std::chrono::seconds(30);  ///< Requests of a leaving instance may take this long to end.
    Duration upgrade_timeout =
        std::chrono::hours(1);  ///< A replaced gateway serves its WebSockets on for this long.
    std::vector<std::string> trusted_proxies;  ///< Networks whose X-Forwarded-* are believed.
    GatewayLimits limits;
    ContentOptions content;
    TlsOptions tls;
    ProxyOptions proxy_protocol;
    friend bool operator==(const GatewayOptions&, const GatewayOptions&) = default;
};

struct StackSpec {
    std::string name;         ///< Compose project name: [a-z0-9][a-z0-9_-]*.
    std::string environment;  ///< Empty for the default environment.
    std::string directory;    ///< Absolute project directory.
    uint16_t port_offset =
        0;  ///< Of the environment; the listening and published ports below contain it already.
    uint16_t port_first =
        20'000;  ///< $PORT is taken from port_first..port_last (x-shore.ports.range), which lies
    uint16_t port_last =
        29'999;  ///< below the kernel's usual range for outgoing connections (32768..60999).
    std::vector<ServiceSpec> services;  ///< Sorted by name; disabled profiles left out.
    std::vector<std::string> volumes;   ///< Declared named volumes, sorted.
    GatewayOptions gateway;
    friend bool operator==(const StackSpec&, const StackSpec&) = default;
};

/// "shop" or "shop@testing": the stack's name in the CLI, the API and the state directory.
inline std::string stack_id(std::string_view name, std::string_view environment) {
    std::string id(name);
    if (!environment.empty()) {
        id += '@';
        id += environment;
    }
    return id;
}
inline std::string stack_id(const StackSpec& stack) {
    return stack_id(stack.name, stack.environment);
}

/// The named service, or nullptr.
const ServiceSpec* find_service(const StackSpec& stack, std::string_view name);

}  // namespace shore::model
