#include "gateway/counters.h"

#include <algorithm>

namespace shore::gateway {

using observe::Label;
using observe::MetricKind;
using observe::MetricsText;

namespace {

constexpr std::array<std::string_view, 6> kClasses = {"aborted", "1xx", "2xx", "3xx", "4xx", "5xx"};

/// Calls `each` with the label and the counters of every route that has a name.
template <class Each>
void for_each_route(const Counters& counters, std::span<const std::string> names, Each each) {
    for (size_t i = 0; i < std::min(counters.routes.size(), names.size()); ++i) {
        each(names[i], counters.routes[i]);
    }
    each(std::string("none"), counters.unrouted);
}

void write_total(MetricsText& text, const Counters& counters, std::span<const std::string> names,
                 std::string_view name, std::string_view help, uint64_t RouteCounters::* field) {
    text.begin(name, MetricKind::kCounter, help);
    for_each_route(counters, names, [&](const std::string& route, const RouteCounters& of) {
        text.sample(std::array{Label{"route", route}}, of.*field);
    });
}

void write_single(MetricsText& text, MetricKind kind, std::string_view name, std::string_view help,
                  uint64_t value) {
    text.begin(name, kind, help);
    text.sample({}, value);
}

void write_http2(MetricsText& text, const Counters& counters) {
    write_single(text, MetricKind::kCounter, "shore_gateway_http2_connections_total",
                 "Client connections that spoke HTTP/2.", counters.http2_connections);
    write_single(text, MetricKind::kCounter, "shore_gateway_http2_streams_total",
                 "Requests that came over HTTP/2.", counters.http2_streams);
    write_single(text, MetricKind::kGauge, "shore_gateway_http2_streams",
                 "HTTP/2 streams now open.", counters.http2_streams_open);
    text.begin("shore_gateway_http2_cut_total", MetricKind::kCounter,
               "HTTP/2 connections and streams that were cut off, by reason.");
    for (size_t i = 1; i < counters.http2_cut.size(); ++i) {
        const std::string reason(wire::to_string(static_cast<wire::Http2Cut>(i)));
        text.sample(std::array{Label{"reason", reason}}, counters.http2_cut[i]);
    }
}

/// Tier and result, by CacheResult.
struct CacheLabels {
    std::string_view tier;
    std::string_view result;
};
constexpr std::array<CacheLabels, kCacheResults> kCacheLabels = {{{"memory", "hit"},
                                                                  {"disk", "hit"},
                                                                  {"memory", "stale"},
                                                                  {"memory", "revalidated"},
                                                                  {"memory", "collapsed"},
                                                                  {"none", "miss"},
                                                                  {"none", "bypass"}}};

void write_cache(MetricsText& text, const Counters& counters, std::span<const std::string> names) {
    text.begin("shore_gateway_cache_requests_total", MetricKind::kCounter,
               "Requests of cached routes, by the tier that answered; none: the app.");
    for_each_route(counters, names, [&](const std::string& route, const RouteCounters& of) {
        const bool used = std::ranges::any_of(of.cache, [](uint64_t count) { return count > 0; });
        for (size_t i = 0; used && i < of.cache.size(); ++i) {
            text.sample(
                std::array{Label{"route", route}, Label{"tier", std::string(kCacheLabels[i].tier)},
                           Label{"result", std::string(kCacheLabels[i].result)}},
                of.cache[i]);
        }
    });
}

}  // namespace

void RouteCounters::count_response(uint32_t status, Duration took) {
    ++responses[std::min<uint32_t>(status / 100, 5)];
    const double seconds = std::chrono::duration<double>(took).count();
    const auto bucket = std::ranges::lower_bound(kLatencyBounds, seconds) - kLatencyBounds.begin();
    ++latency[static_cast<size_t>(bucket)];
    latency_sum += seconds;
    fine.count(took);
}

void RouteCounters::add(const RouteCounters& other) {
    for (size_t i = 0; i < responses.size(); ++i) {
        responses[i] += other.responses[i];
    }
    for (size_t i = 0; i < latency.size(); ++i) {
        latency[i] += other.latency[i];
    }
    latency_sum += other.latency_sum;
    fine.add(other.fine);
    bytes_in += other.bytes_in;
    bytes_out += other.bytes_out;
    upstream_errors += other.upstream_errors;
    retries += other.retries;
    tunnels += other.tunnels;
    encoded += other.encoded;
    decoded += other.decoded;
    mirrored += other.mirrored;
    mirrors_skipped += other.mirrors_skipped;
    for (size_t i = 0; i < cache.size(); ++i) {
        cache[i] += other.cache[i];
    }
}

void Counters::add(const Counters& other) {
    for (uint32_t i = 0; i < other.routes.size(); ++i) {
        route(i).add(other.routes[i]);
    }
    unrouted.add(other.unrouted);
    connections_accepted += other.connections_accepted;
    connections_refused += other.connections_refused;
    connections_open += other.connections_open;
    upstream_connects += other.upstream_connects;
    upstream_idle += other.upstream_idle;
    mirrors_failed += other.mirrors_failed;
    access_lines_dropped += other.access_lines_dropped;
    http2_connections += other.http2_connections;
    http2_streams += other.http2_streams;
    http2_streams_open += other.http2_streams_open;
    for (size_t i = 0; i < http2_cut.size(); ++i) {
        http2_cut[i] += other.http2_cut[i];
    }
    for (uint32_t i = 0; i < other.tcp.size(); ++i) {
        tcp_route(i).add(other.tcp[i]);
    }
    proxy_headers_refused += other.proxy_headers_refused;
    tls_handshakes += other.tls_handshakes;
    tls_resumptions += other.tls_resumptions;
    tls_in_library += other.tls_in_library;
    tls_failures += other.tls_failures;
}

void Counters::write(MetricsText& text, std::span<const std::string> names) const {
    text.begin("shore_gateway_requests_total", MetricKind::kCounter,
               "Requests answered, by route and class of status.");
    for_each_route(*this, names, [&](const std::string& route, const RouteCounters& of) {
        for (size_t i = 0; i < kClasses.size(); ++i) {
            text.sample(std::array{Label{"route", route}, Label{"class", std::string(kClasses[i])}},
                        of.responses[i]);
        }
    });
    text.begin("shore_gateway_request_duration_seconds", MetricKind::kHistogram,
               "From a request's first byte to the last byte of its answer.");
    for_each_route(*this, names, [&](const std::string& route, const RouteCounters& of) {
        text.histogram(std::array{Label{"route", route}}, kLatencyBounds, of.latency,
                       of.latency_sum);
    });
    write_total(text, *this, names, "shore_gateway_received_bytes_total",
                "Bytes of request bodies.", &RouteCounters::bytes_in);
    write_total(text, *this, names, "shore_gateway_sent_bytes_total",
                "Bytes of answers, heads included.", &RouteCounters::bytes_out);
    write_total(text, *this, names, "shore_gateway_upstream_errors_total",
                "Tries that an endpoint failed: refused, lost, late or malformed.",
                &RouteCounters::upstream_errors);
    write_total(text, *this, names, "shore_gateway_retries_total",
                "Tries after the first one of a request.", &RouteCounters::retries);
    write_total(text, *this, names, "shore_gateway_upgraded_connections_total",
                "Connections that became tunnels (WebSocket).", &RouteCounters::tunnels);
    write_total(text, *this, names, "shore_gateway_compressed_answers_total",
                "Answers compressed on their way to the client.", &RouteCounters::encoded);
    write_cache(text, *this, names);
    write_total(text, *this, names, "shore_gateway_decompressed_requests_total",
                "Request bodies decompressed on their way to the app.", &RouteCounters::decoded);
    write_total(text, *this, names, "shore_gateway_mirrored_requests_total",
                "Copies of requests sent to another service.", &RouteCounters::mirrored);
    write_total(text, *this, names, "shore_gateway_mirrors_skipped_total",
                "Copies not sent: a body too large or cut off, an upgrade, too many under way.",
                &RouteCounters::mirrors_skipped);
    write_single(text, MetricKind::kCounter, "shore_gateway_mirrors_failed_total",
                 "Copies that could not be sent or got no answer.", mirrors_failed);
    write_single(text, MetricKind::kCounter, "shore_gateway_connections_accepted_total",
                 "Client connections accepted.", connections_accepted);
    write_single(text, MetricKind::kCounter, "shore_gateway_connections_refused_total",
                 "Client connections closed at once: connections_max was reached.",
                 connections_refused);
    write_single(text, MetricKind::kGauge, "shore_gateway_connections",
                 "Client connections now open.", connections_open);
    write_single(text, MetricKind::kCounter, "shore_gateway_tls_handshakes_total",
                 "TLS handshakes completed.", tls_handshakes);
    write_single(text, MetricKind::kCounter, "shore_gateway_tls_resumptions_total",
                 "TLS handshakes that took up an earlier session.", tls_resumptions);
    write_single(text, MetricKind::kCounter, "shore_gateway_tls_in_library_total",
                 "TLS handshakes behind which OpenSSL stays, at 14 KB a connection: TLS 1.2.",
                 tls_in_library);
    write_single(text, MetricKind::kCounter, "shore_gateway_tls_failures_total",
                 "TLS handshakes that failed: refused, garbage or too slow.", tls_failures);
    write_single(text, MetricKind::kCounter, "shore_gateway_upstream_connects_total",
                 "Connections made to endpoints.", upstream_connects);
    write_single(text, MetricKind::kGauge, "shore_gateway_upstream_connections_idle",
                 "Connections to endpoints that are kept for later requests.", upstream_idle);
    write_single(text, MetricKind::kCounter, "shore_gateway_proxy_headers_refused_total",
                 "Connections of balancers without a PROXY header: missing, malformed or too slow.",
                 proxy_headers_refused);
    write_tcp(text, tcp, names);
    write_http2(text, *this);
    write_single(text, MetricKind::kCounter, "shore_gateway_access_log_dropped_lines_total",
                 "Access log lines that could not be written.", access_lines_dropped);
}

}  // namespace shore::gateway
