// Cache: the response cache of one gateway: its memory, the tier behind it, the fetches that others
// wait for, and what operators ask of it. HTTP's rules are in freshness.h, vary.h, entry.h and
// reply.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "cache/epochs.h"
#include "cache/flights.h"
#include "cache/memory_tier.h"
#include "cache/tier.h"

namespace shore::cache {

/// Any thread.
class Cache final {
 public:
    Cache(const MemoryTier::Limits& limits, const HashSeed& seed) : seed_(seed), memory_(limits) {
        set_limits(limits);
    }

    void set_limits(const MemoryTier::Limits& limits);
    const HashSeed& seed() const { return seed_; }
    Key key(std::string_view text) const {
        return {.text = text, .hash = siphash(seed_, url_of(text))};
    }

    std::shared_ptr<const Entry> find(const Key& key, const RequestView& request) {
        return memory_.find(key, request);
    }
    /// Whether find_behind() could find what find() has not.
    bool has_tier() const { return tier() != nullptr; }
    /// As find(), in the tier behind; what is found stands in memory, too.
    async::Task<std::shared_ptr<const Entry>> find_behind(async::Loop& loop, Key key,
                                                          RequestView request);

    /// What store() compares: take it before the origin is asked.
    uint32_t epoch(uint64_t hash) const { return epochs_.of(hash); }
    const Epochs& epochs() const { return epochs_; }
    /// False when it does not fit, or when its URL was dropped since `epoch`: it may be what the
    /// drop meant.
    bool store(std::shared_ptr<const Entry> entry, uint32_t epoch);
    /// Room for a copy that is being made; see MemoryTier.
    bool reserve(size_t bytes) { return memory_.reserve(bytes); }
    void give_back(size_t bytes) { memory_.give_back(bytes); }
    /// Drops what a request that changes something has made untrue (RFC 9111 section 4.4).
    void invalidate(const Key& key);
    Flights& flights() { return flights_; }
    bool empty() const;

    /// Completes when no tier has what is meant; returns how many answers that were. Fetches under
    /// way are not stored either.
    async::Task<uint64_t> purge(async::Loop& loop, Purge purge);
    Stats stats() const;

    /// The tier behind the memory, from now on; once.
    void set_tier(std::unique_ptr<Tier> tier);
    Tier* tier() const { return tier_.load(std::memory_order_acquire); }

 private:
    HashSeed seed_;
    MemoryTier memory_;
    Flights flights_;
    Epochs epochs_;
    std::atomic<uint64_t> entries_max_ = 0;
    std::atomic<uint64_t> stored_ = 0;
    std::atomic<uint64_t> purged_ = 0;
    std::unique_ptr<Tier> owned_tier_;
    std::atomic<Tier*> tier_ = nullptr;
};

}  // namespace shore::cache
