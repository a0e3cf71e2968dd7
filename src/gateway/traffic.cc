#include "gateway/traffic.h"

#include <algorithm>
#include <numeric>

#include "gateway/limits.h"

namespace shore::gateway {

namespace {

RouteTraffic difference_of(uint32_t slot, const RouteCounters& from, const RouteCounters& to) {
    RouteTraffic traffic{.slot = slot,
                         .bytes_in = to.bytes_in - from.bytes_in,
                         .bytes_out = to.bytes_out - from.bytes_out};
    for (size_t i = 0; i < traffic.responses.size(); ++i) {
        traffic.responses[i] = to.responses[i] - from.responses[i];
    }
    for (size_t i = 0; !to.fine.empty() && i < Latency::kBuckets; ++i) {
        if (const uint64_t more = to.fine.at(i) - from.fine.at(i); more != 0) {
            traffic.latency.add(i, more);
        }
    }
    return traffic;
}

void merge(std::vector<RouteTraffic>& into, const std::vector<RouteTraffic>& from) {
    for (const RouteTraffic& each : from) {
        auto found = std::ranges::find(into, each.slot, &RouteTraffic::slot);
        if (found == into.end()) {
            into.push_back({.slot = each.slot});
            found = into.end() - 1;
        }
        for (size_t i = 0; i < each.responses.size(); ++i) {
            found->responses[i] += each.responses[i];
        }
        found->bytes_in += each.bytes_in;
        found->bytes_out += each.bytes_out;
        found->latency.add(each.latency);
    }
}

}  // namespace

uint64_t RouteTraffic::requests() const {
    return std::accumulate(responses.begin(), responses.end(), uint64_t{0});
}

std::vector<RouteTraffic> TrafficHistory::difference(const Counters& from, const Counters& to) {
    static const RouteCounters kNone;
    std::vector<RouteTraffic> all;
    const auto take = [&](uint32_t slot, const RouteCounters& before, const RouteCounters& after) {
        if (before.responses != after.responses) {
            all.push_back(difference_of(slot, before, after));
        }
    };
    for (uint32_t i = 0; i < to.routes.size(); ++i) {
        take(i, i < from.routes.size() ? from.routes[i] : kNone, to.routes[i]);
    }
    take(kUnroutedSlot, from.unrouted, to.unrouted);
    return all;
}

void TrafficHistory::sample(const Counters& now, SteadyTime at) {
    if (last_at_ != SteadyTime{}) {
        if (at - last_at_ < kTrafficPause) {
            return;
        }
        samples_.push_back({last_at_, difference(last_, now)});
        while (at - samples_.front().begin > kTrafficWindow) {
            samples_.pop_front();
        }
    }
    last_ = now;
    last_at_ = at;
}

TrafficHistory::Window TrafficHistory::window(const Counters& now, SteadyTime at,
                                              Duration length) const {
    Window window{.length = at - last_at_, .routes = difference(last_, now)};
    for (auto sample = samples_.rbegin(); sample != samples_.rend(); ++sample) {
        if (window.length >= length) {
            break;
        }
        window.length = at - sample->begin;
        merge(window.routes, sample->routes);
    }
    return window;
}

}  // namespace shore::gateway
