// Routes: from every stack's services and instances to one snapshot for the gateway. Pure.
//
// Per stack: x-shore.http and x-shore.static become routes on the stack's listeners; every
// published TCP port becomes a listener of its own with a catch-all route. A rollout may hold two
// releases' routes: one key (listener, host, path) goes to the new release as soon as that service
// can answer, and stays with the old one until then.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/snapshot.h"
#include "model/stack_spec.h"
#include "release/observed.h"

namespace shore::release {

/// An instance that takes, or has just taken, requests.
struct RoutedInstance {
    std::string service;
    std::string instance;  ///< Without the stack: "api-7".
    uint16_t port = 0;
    bool draining = false;
};

struct StackRoutes {
    model::StackSpec spec;
    /// The release before, during a rollout.
    std::optional<model::StackSpec> fallback;
    std::vector<RoutedInstance> instances;
};

/// The listener of a service's x-shore.tcp.
model::ListenAddress listener_of(const model::TcpListen& tcp);

/// One snapshot of all stacks, in a stable order: routes sorted so that the first match wins (hosts
/// before any host, longer prefixes first). Gateway options that are one per machine (threads,
/// limits, access log) are taken from the first stack in the order of names that sets them to other
/// than the default. `stacks` is keyed by stack_id().
model::Snapshot compose_snapshot(const std::map<std::string, StackRoutes>& stacks,
                                 uint64_t version);

/// Listeners of a stack: its own (or the default http://:8080 plus its port offset) and one per
/// published port.
std::vector<model::ListenAddress> listeners(const model::StackSpec& spec);

/// Where one service of a stack can be reached: a listener and what is matched there.
struct Entrance {
    model::ListenAddress listener;
    model::HttpRoute match;
};
std::vector<Entrance> entrances(const model::StackSpec& spec, const model::ServiceSpec& service);

/// kConflict when `candidate` cannot stand beside `others` (without itself): the same host and path
/// on one listener, the same published port; also within the candidate. The message names both
/// sides and what to change.
Result<void> check_routes(const model::StackSpec& candidate,
                          const std::vector<const model::StackSpec*>& others);

/// True when the gateway sends requests to instances of the service.
bool is_routed(const model::ServiceSpec& service);

}  // namespace shore::release
