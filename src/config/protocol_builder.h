// Reads what a manifest says about raw TCP (x-shore.tcp) and about the PROXY protocol.
#pragma once

#include <optional>
#include <string>

#include "config/node.h"
#include "config/report.h"
#include "model/stack_spec.h"

namespace shore::config {

/// `gateway` is the canonical map of x-shore.gateway; the listeners of `stack` are known already.
/// Problems are reported with their place.
model::ProxyOptions build_proxy_options(const Node& gateway, const model::StackSpec& stack,
                                        Report& report);

/// `tcp` is the canonical map of x-shore.tcp, `path` its name for reports.
model::TcpListen build_tcp(const Node& tcp, const std::string& path, Report& report);

/// "v1", "v2": 1, 2; 0 for anything else.
uint8_t proxy_version(const std::string& text);

}  // namespace shore::config
