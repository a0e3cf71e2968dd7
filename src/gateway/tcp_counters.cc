#include "gateway/tcp_counters.h"

#include <algorithm>
#include <array>

namespace shore::gateway {

using observe::Label;
using observe::MetricKind;
using observe::MetricsText;

namespace {

struct Row {
    std::string_view name;
    std::string_view help;
    MetricKind kind;
    uint64_t TcpCounters::* field;
};

constexpr Row kRows[] = {
    {"shore_gateway_tcp_connections_total", "Raw TCP connections accepted, by route.",
     MetricKind::kCounter, &TcpCounters::connections},
    {"shore_gateway_tcp_connections", "Raw TCP connections now open, by route.", MetricKind::kGauge,
     &TcpCounters::open},
    {"shore_gateway_tcp_held_total", "Raw TCP connections that waited for an instance, by route.",
     MetricKind::kCounter, &TcpCounters::held},
    {"shore_gateway_tcp_refused_total",
     "Raw TCP connections closed without having reached an instance, by route.",
     MetricKind::kCounter, &TcpCounters::refused},
    {"shore_gateway_tcp_received_bytes_total", "Bytes from clients over raw TCP, by route.",
     MetricKind::kCounter, &TcpCounters::bytes_in},
    {"shore_gateway_tcp_sent_bytes_total", "Bytes to clients over raw TCP, by route.",
     MetricKind::kCounter, &TcpCounters::bytes_out},
};

}  // namespace

void TcpCounters::add(const TcpCounters& other) {
    for (const Row& row : kRows) {
        this->*row.field += other.*row.field;
    }
}

void write_tcp(MetricsText& text, std::span<const TcpCounters> counters,
               std::span<const std::string> names) {
    for (const Row& row : kRows) {
        text.begin(row.name, row.kind, row.help);
        for (size_t i = 0; i < std::min(counters.size(), names.size()); ++i) {
            if (counters[i].connections > 0) {
                text.sample(std::array{Label{"route", names[i]}}, counters[i].*row.field);
            }
        }
    }
}

}  // namespace shore::gateway
