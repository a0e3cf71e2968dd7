// UpstreamState: what all loops know together about a service with a limit of requests under way.
// Kept from one snapshot to the next by the upstream's name.
#pragma once

#include <atomic>
#include <cstdint>

namespace shore::gateway {

class UpstreamState final {
 public:
    /// True when one more request may begin; it must end().
    bool begin(uint32_t limit) {
        if (active_.fetch_add(1, std::memory_order_acq_rel) < limit) {
            return true;
        }
        active_.fetch_sub(1, std::memory_order_acq_rel);
        return false;
    }
    void end() { active_.fetch_sub(1, std::memory_order_acq_rel); }
    uint32_t active() const { return active_.load(std::memory_order_relaxed); }

    /// True when one more may wait; it must leave().
    bool enter(uint32_t limit) {
        if (waiting_.fetch_add(1, std::memory_order_acq_rel) < limit) {
            return true;
        }
        leave();
        return false;
    }
    void leave() { waiting_.fetch_sub(1, std::memory_order_acq_rel); }
    uint32_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
    std::atomic<uint32_t> active_ = 0;
    std::atomic<uint32_t> waiting_ = 0;
};

}  // namespace shore::gateway
