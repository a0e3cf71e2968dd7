#include "cache/flights.h"

#include <algorithm>

namespace shore::cache {

Boarding Flights::begin(uint64_t hash, SteadyTime now) {
    Part& part = part_of(hash);
    const std::lock_guard guard(part.lock);
    if (std::ranges::find(part.under_way, hash) != part.under_way.end()) {
        return Boarding::kFollow;
    }
    const Passed& last = passed(part, hash);
    if (last.hash == hash && now < last.until) {
        return Boarding::kPassed;
    }
    if (part.under_way.size() >= kFlightsMax) {
        return Boarding::kAlone;
    }
    part.under_way.push_back(hash);
    return Boarding::kLead;
}

void Flights::end(uint64_t hash, Landing landing, SteadyTime now) {
    Part& part = part_of(hash);
    const std::lock_guard guard(part.lock);
    std::erase(part.under_way, hash);
    if (landing != Landing::kStored) {
        const Duration pause = landing == Landing::kFailed ? Duration(kFailedFor) : kPassedFor;
        passed(part, hash) = {.hash = hash, .until = now + pause};
    }
}

bool Flights::is_under_way(uint64_t hash) {
    Part& part = part_of(hash);
    const std::lock_guard guard(part.lock);
    return std::ranges::find(part.under_way, hash) != part.under_way.end();
}

}  // namespace shore::cache
