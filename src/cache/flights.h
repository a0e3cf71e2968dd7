// Flights: which URLs are being fetched right now, by any loop, so that others wait for that one
// fetch (collapsed forwarding, RFC 9111 section 4); and whose answers could not be stored lately,
// so that nobody waits for nothing.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "cache/limits.h"

namespace shore::cache {

enum class Boarding : uint8_t {
    kLead,    ///< Fetch it, and end() the flight.
    kFollow,  ///< Somebody fetches it.
    kAlone,   ///< Fetch it; nobody waits for it, and there is nothing to end.
    kPassed,  ///< Likewise: its answer could not be stored lately.
};

/// How a fetch ended for those who wait for it.
enum class Landing : uint8_t {
    kStored,       ///< The answer is in the cache, or could have been.
    kNotStorable,  ///< The next ones go alone for kPassedFor.
    kFailed,       ///< The app failed: those who wait ask at once, and for kFailedFor nobody waits.
};

/// Any thread.
class Flights final {
 public:
    Boarding begin(uint64_t hash, SteadyTime now);
    void end(uint64_t hash, Landing landing, SteadyTime now);
    bool is_under_way(uint64_t hash);

 private:
    struct Passed {
        uint64_t hash = 0;
        SteadyTime until{};
    };
    struct alignas(64) Part {
        std::mutex lock;
        std::vector<uint64_t> under_way;
        std::array<Passed, kPassedMax> passed;  // By hash; a newer one takes the place.
    };

    Part& part_of(uint64_t hash) { return parts_[hash % kLocks]; }
    static Passed& passed(Part& part, uint64_t hash) {
        return part.passed[hash / kLocks % kPassedMax];
    }

    std::array<Part, kLocks> parts_;
};

}  // namespace shore::cache
