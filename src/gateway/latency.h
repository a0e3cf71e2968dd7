// Latency: how long requests took, in buckets fine enough for honest quantiles: 16 per doubling, so
// that a quantile is off by at most 1/32 of itself (3.2 %), from 16 us (below: 1 us) to 19 hours.
// Counting is an index and an increment; the memory comes with the first count.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.h"

namespace shore::gateway {

class Latency final {
 public:
    static constexpr uint64_t kMicrosecondsMax = (uint64_t{1} << 36U) - 1;
    static constexpr size_t bucket_of(uint64_t microseconds) {
        const uint64_t value = std::min(microseconds, kMicrosecondsMax);
        const auto width = static_cast<uint32_t>(std::bit_width(value));
        const uint32_t shift = width > 5 ? width - 5 : 0;
        return shift * 16 + static_cast<size_t>(value >> shift);
    }
    static constexpr size_t kBuckets = 528;
    /// The middle of a bucket in seconds.
    static double seconds_of(size_t bucket);

    void count(Duration took) {
        if (counts_.empty()) {
            counts_.resize(kBuckets);
        }
        const auto microseconds = took.count() / 1000;
        ++counts_[bucket_of(microseconds > 0 ? static_cast<uint64_t>(microseconds) : 0)];
    }
    void add(size_t bucket, uint64_t count);
    void add(const Latency& other);

    bool empty() const { return counts_.empty(); }
    uint64_t at(size_t bucket) const { return counts_.empty() ? 0 : counts_[bucket]; }
    uint64_t total() const;
    /// The time in seconds that a share (0..1) of all counts did not exceed; 0 without counts.
    double quantile(double share) const;

 private:
    std::vector<uint64_t> counts_;  // Empty until something was counted.
};

static_assert(Latency::bucket_of(Latency::kMicrosecondsMax) + 1 == Latency::kBuckets);

}  // namespace shore::gateway
