// MemoryTier: the answers in memory, shared by all loops. Two hard limits, bytes and entries, hold
// together over all parts.
//
// A hit takes one of kLocks locks for a look into a hash table and the copy of a pointer; it moves
// nothing and allocates nothing. What makes room is chosen by SIEVE (Zhang et al., NSDI 2024): new
// entries join at the front, a hit only marks, and a hand that wanders from the back drops the
// first one without a mark. On web traffic it misses less than LRU, and unlike LRU a hit writes one
// flag, so that the lock is held for a moment only; a scan of pages that nobody asks for twice
// passes through without displacing what is in use.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "cache/entry.h"
#include "cache/key.h"
#include "cache/limits.h"

namespace shore::cache {

/// Any thread.
class MemoryTier final {
 public:
    struct Limits {
        Bytes memory = Bytes::mib(512);
        uint64_t entries = 10'000;
    };

    explicit MemoryTier(const Limits& limits);
    ~MemoryTier();

    /// Calls it for every entry that goes, with a lock held: it must not call back. Before the
    /// first entry.
    void set_on_drop(std::function<void(const Entry&)> on_drop) { on_drop_ = std::move(on_drop); }

    /// Lower limits take effect at once.
    void set_limits(const Limits& limits);

    /// The answer for that key that fits the request, newest first; null when there is none.
    std::shared_ptr<const Entry> find(const Key& key, const RequestView& request);
    /// Stores it in place of the one with the same key and the same values of Vary. False when it
    /// alone is larger than all of the memory.
    bool insert(std::shared_ptr<const Entry> entry);
    /// Drops all answers of that key's URL, whoever gave them; returns how many.
    size_t erase(const Key& key);
    /// Drops that very one, if it is there.
    void erase_entry(const Entry& entry);
    /// Room for a copy that is being made: it counts as stored until it is given back. False when
    /// the memory does not have it.
    bool reserve(size_t bytes);
    void give_back(size_t bytes) { bytes_ -= bytes; }
    /// Drops those that `wanted` picks, which must not call back; returns how many. Each part is
    /// locked for the length of a walk over it.
    size_t erase_if(const std::function<bool(const Entry&)>& wanted);

    uint64_t bytes_max() const { return memory_max_.load(std::memory_order_relaxed); }
    uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
    uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }
    /// Entries dropped to make room, so far.
    uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }

 private:
    struct Slot {
        std::shared_ptr<const Entry> entry;
        bool visited = false;
    };
    using Slots = std::list<Slot>;
    struct alignas(64) Part {
        std::mutex lock;
        Slots slots;                         // Newest first.
        Slots::iterator hand = slots.end();  // Who is looked at next; end: the oldest.
        std::unordered_map<uint64_t, std::vector<Slots::iterator>> index;  // Oldest first.
    };

    Part& part_of(uint64_t hash) { return parts_[hash % kLocks]; }
    void drop(Part& part, Slots::iterator slot);
    void drop_replaced(Part& part, const Entry& entry);
    bool evict_from(Part& part);
    bool over() const;
    void make_room(size_t first_part);

    std::function<void(const Entry&)> on_drop_;
    std::atomic<uint64_t> memory_max_;
    std::atomic<uint64_t> entries_max_;
    std::atomic<uint64_t> bytes_ = 0;
    std::atomic<uint64_t> entries_ = 0;
    std::atomic<uint64_t> evictions_ = 0;
    std::array<Part, kLocks> parts_;
};

}  // namespace shore::cache
