#include "config/protocol_builder.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/addresses.h"
#include "config/tree_values.h"

namespace shore::config {

namespace {

constexpr std::string_view kPath = "x-shore.gateway.proxy_protocol";

/// One of the stack's listeners, as the manifest names them all: without the environment's offset.
std::optional<model::ListenAddress> own_listener(const std::string& text,
                                                 const model::StackSpec& stack) {
    auto address = listen_address(text);
    if (!address || uint32_t{address->port} + stack.port_offset > 65535) {
        return std::nullopt;
    }
    address->port = static_cast<uint16_t>(address->port + stack.port_offset);
    const auto& own = stack.gateway.listen;
    return std::ranges::find(own, *address) != own.end() ? address : std::nullopt;
}

}  // namespace

model::ProxyOptions build_proxy_options(const Node& gateway, const model::StackSpec& stack,
                                        Report& report) {
    model::ProxyOptions options;
    const Node* const node = value_at(gateway, "proxy_protocol");
    if (node == nullptr) {
        return options;
    }
    options.from = texts_at(*node, "from");
    options.timeout = duration_at(*node, "timeout", options.timeout);
    if (options.from.empty()) {
        report.problem(node->place, std::string(kPath),
                       "needs \"from\", the networks of the balancers that send the header");
    }
    for (const std::string& network : options.from) {
        if (!is_network(network)) {
            report.problem(value_at(*node, "from")->place, fmt::format("{}.from", kPath),
                           fmt::format("must be networks such as 10.0.0.0/8, got \"{}\"",
                                       base::printable(network, 60)));
        }
    }
    for (const std::string& text : texts_at(*node, "listen")) {
        if (const auto listener = own_listener(text, stack)) {
            options.listen.push_back(*listener);
        } else {
            report.problem(value_at(*node, "listen")->place, fmt::format("{}.listen", kPath),
                           fmt::format("must be addresses of x-shore.gateway.listen, got \"{}\"",
                                       base::printable(text, 60)));
        }
    }
    return options;
}

model::TcpListen build_tcp(const Node& tcp, const std::string& path, Report& report) {
    model::TcpListen listen;
    listen.port = static_cast<uint16_t>(int_at(tcp, "port", 0));
    if (value_at(tcp, "port") == nullptr && !report.failed_below(path)) {
        report.problem(tcp.place, path, "needs a port that the gateway listens on");
    }
    listen.tls = bool_at(tcp, "tls", listen.tls);
    listen.hold = duration_at(tcp, "hold", listen.hold);
    listen.idle = duration_at(tcp, "idle", listen.idle);
    listen.proxy_protocol = proxy_version(text_at(tcp, "proxy_protocol"));
    return listen;
}

uint8_t proxy_version(const std::string& text) {
    return text == "v1" ? 1 : text == "v2" ? 2 : 0;
}

}  // namespace shore::config
