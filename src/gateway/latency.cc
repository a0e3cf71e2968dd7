#include "gateway/latency.h"

#include <cmath>
#include <numeric>

namespace shore::gateway {

double Latency::seconds_of(size_t bucket) {
    const size_t shift = bucket < 32 ? 0 : bucket / 16 - 1;
    const auto low = static_cast<double>(uint64_t{bucket - shift * 16} << shift);
    const auto width = static_cast<double>(uint64_t{1} << shift);
    return (low + width / 2) / 1e6;
}

void Latency::add(size_t bucket, uint64_t count) {
    if (counts_.empty()) {
        counts_.resize(kBuckets);
    }
    counts_[std::min(bucket, kBuckets - 1)] += count;
}

void Latency::add(const Latency& other) {
    for (size_t i = 0; i < other.counts_.size(); ++i) {
        if (other.counts_[i] != 0) {
            add(i, other.counts_[i]);
        }
    }
}

uint64_t Latency::total() const {
    return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
}

double Latency::quantile(double share) const {
    const uint64_t all = total();
    if (all == 0) {
        return 0;
    }
    const auto wanted = std::max(1.0, std::ceil(share * static_cast<double>(all)));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
        seen += counts_[i];
        if (static_cast<double>(seen) >= wanted) {
            return seconds_of(i);
        }
    }
    return seconds_of(kBuckets - 1);
}

}  // namespace shore::gateway
