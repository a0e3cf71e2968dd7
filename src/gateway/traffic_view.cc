#include "gateway/traffic_view.h"

#include <array>
#include <cmath>

namespace shore::gateway {

using observe::Label;
using observe::MetricKind;
using wire::Json;

namespace {

std::string name_of(const RouteTraffic& route, std::span<const std::string> names) {
    return route.slot < names.size() ? names[route.slot] : "none";
}

/// Whole microseconds in milliseconds: 1.234.
double milliseconds(double seconds) {
    return std::round(seconds * 1e6) / 1e3;
}

double rate(uint64_t count, double seconds) {
    return seconds > 0 ? std::round(static_cast<double>(count) / seconds * 1000) / 1000 : 0;
}

}  // namespace

Json traffic_json(const TrafficHistory::Window& window, std::span<const std::string> names) {
    const double seconds = std::chrono::duration<double>(window.length).count();
    Json routes = Json::array();
    for (const RouteTraffic& route : window.routes) {
        routes.push(Json::object()
                        .set("name", name_of(route, names))
                        .set("requests", route.requests())
                        .set("rate", rate(route.requests(), seconds))
                        .set("errors", route.errors())
                        .set("client_errors", route.responses[4])
                        .set("aborted", route.responses[0])
                        .set("p50_ms", milliseconds(route.latency.quantile(0.5)))
                        .set("p95_ms", milliseconds(route.latency.quantile(0.95)))
                        .set("p99_ms", milliseconds(route.latency.quantile(0.99)))
                        .set("bytes_in_rate", rate(route.bytes_in, seconds))
                        .set("bytes_out_rate", rate(route.bytes_out, seconds)));
    }
    return Json::object()
        .set("seconds", std::round(seconds * 1000) / 1000)
        .set("routes", std::move(routes));
}

void write_quantiles(observe::MetricsText& text, const TrafficHistory::Window& window,
                     std::span<const std::string> names) {
    struct Quantile {
        std::string_view name;
        std::string_view help;
        double share;
    };
    static constexpr std::array<Quantile, 3> kQuantiles = {
        Quantile{"shore_gateway_request_duration_p50_seconds",
                 "Half of the last minute's requests took at most this long (within 3.2 %).", 0.5},
        Quantile{"shore_gateway_request_duration_p95_seconds",
                 "95 of 100 of the last minute's requests took at most this long.", 0.95},
        Quantile{"shore_gateway_request_duration_p99_seconds",
                 "99 of 100 of the last minute's requests took at most this long.", 0.99}};
    for (const Quantile& quantile : kQuantiles) {
        text.begin(quantile.name, MetricKind::kGauge, quantile.help);
        for (const RouteTraffic& route : window.routes) {
            text.sample(std::array{Label{"route", name_of(route, names)}},
                        route.latency.quantile(quantile.share));
        }
    }
}

}  // namespace shore::gateway
