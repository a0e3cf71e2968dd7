// Observed: what is there, as one value: instances as the runtime reports them and what the gateway
// has acknowledged.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/instance.h"

namespace shore::release {

/// How the gateway treats an endpoint.
enum class Serving : uint8_t { kNo = 1, kYes = 2, kDraining = 3 };

struct ObservedInstance {
    model::Instance instance;
    SteadyTime state_since{};    ///< When it entered its state.
    bool start_pending = false;  ///< Ordered, not yet listed by the runtime; counts as live.
    bool stop_pending = false;   ///< Ordered to stop.
    /// It served before this daemon started, and its first probe is not back.
    bool adopted = false;
    Serving serving = Serving::kNo;  ///< In the last acknowledged snapshot.
    SteadyTime draining_since{};     ///< When kDraining was acknowledged.
    bool drained = false;            ///< Its last request has ended since then.
};

/// One endpoint of a publication.
struct PublishedEndpoint {
    uint16_t port = 0;
    bool draining = false;
    friend bool operator==(const PublishedEndpoint&, const PublishedEndpoint&) = default;
};

/// What a stack asks of the gateway: which release's routes, and which instances take requests.
struct Publication {
    uint64_t release = 0;
    /// During a rollout: routes of this release stay until the new ones can be served; 0: none.
    uint64_t fallback_release = 0;
    /// By instance id.
    std::map<std::string, PublishedEndpoint> endpoints;
    friend bool operator==(const Publication&, const Publication&) = default;
};

struct Observed {
    std::vector<ObservedInstance> instances;
    /// Acknowledged by the gateway; absent: unknown (the daemon has just started) or never.
    std::optional<Publication> published;
    /// Sent, not yet acknowledged.
    std::optional<Publication> publishing;
};

}  // namespace shore::release
