// Which instances the gateway should send requests to.
#include <algorithm>

#include "release/routes.h"
#include "release/service_view.h"

namespace shore::release {
namespace {

using model::InstanceState;

enum class Wish : uint8_t { kAbsent, kServe, kDrain };

Wish wish(const ObservedInstance& observed, bool retiring, bool others_run) {
    const bool known = observed.serving != Serving::kNo;
    if (is_leaving(observed)) {
        return known ? Wish::kDrain : Wish::kAbsent;
    }
    switch (observed.instance.state) {
        case InstanceState::kRunning:
            return !retiring ? Wish::kServe : known ? Wish::kDrain : Wish::kAbsent;
        case InstanceState::kStarting:
            // Whoever served before this daemon started goes on until a probe speaks against it.
            if (!known || !observed.adopted) {
                return Wish::kAbsent;
            }
            return retiring || observed.serving == Serving::kDraining ? Wish::kDrain : Wish::kServe;
        case InstanceState::kUnhealthy:
            // One that fails its probe is better than none.
            if (!others_run && !retiring) {
                return Wish::kServe;
            }
            return known ? Wish::kDrain : Wish::kAbsent;
        default:
            return Wish::kAbsent;
    }
}

}  // namespace

Publication wanted_publication(const World& world,
                               const std::map<std::string, std::string>& retiring) {
    Publication wanted;
    wanted.release = world.desired.release;
    if (world.desired.status != model::ReleaseStatus::kActive) {
        wanted.fallback_release = world.desired.previous;
    }
    for (const auto& [name, view] : world.services) {
        if (view.goal == nullptr || !is_routed(view.goal->spec)) {
            continue;
        }
        const auto stays_running = [&](const ObservedInstance* instance) {
            return is_running(*instance) && !retiring.contains(instance->instance.id);
        };
        const bool others_run = std::ranges::any_of(view.current, stays_running) ||
                                std::ranges::any_of(view.stale, stays_running);
        for (const Instances* instances : {&view.current, &view.stale, &view.leaving}) {
            for (const ObservedInstance* observed : *instances) {
                const std::string& id = observed->instance.id;
                const Wish it = wish(*observed, retiring.contains(id), others_run);
                if (it != Wish::kAbsent && observed->instance.port != 0) {
                    wanted.endpoints[id] = {observed->instance.port, it == Wish::kDrain};
                }
            }
        }
    }
    return wanted;
}

}  // namespace shore::release
