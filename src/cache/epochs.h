// Epochs: what has been dropped by URL, as counters: a copy whose fetch began before a drop is not
// stored behind it. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "cache/limits.h"

namespace shore::cache {

class Epochs final {
 public:
    /// Take it before the origin is asked; compare it when its answer is stored.
    uint32_t of(uint64_t hash) const {
        return counters_[hash % kEpochs].load(std::memory_order_acquire);
    }
    void end(uint64_t hash) { counters_[hash % kEpochs].fetch_add(1, std::memory_order_acq_rel); }
    void end_all() {
        for (auto& counter : counters_) {
            counter.fetch_add(1, std::memory_order_acq_rel);
        }
    }

 private:
    std::array<std::atomic<uint32_t>, kEpochs> counters_{};
};

}  // namespace shore::cache
