#include "cache/memory_tier.h"

#include <algorithm>
#include <utility>

namespace shore::cache {

MemoryTier::MemoryTier(const Limits& limits)
    : memory_max_(limits.memory.count), entries_max_(limits.entries) {
}

MemoryTier::~MemoryTier() = default;

void MemoryTier::set_limits(const Limits& limits) {
    memory_max_ = limits.memory.count;
    entries_max_ = limits.entries;
    make_room(0);
}

std::shared_ptr<const Entry> MemoryTier::find(const Key& key, const RequestView& request) {
    Part& part = part_of(key.hash);
    const std::lock_guard guard(part.lock);
    const auto found = part.index.find(key.hash);
    if (found == part.index.end()) {
        return nullptr;
    }
    for (auto slot = found->second.rbegin(); slot != found->second.rend(); ++slot) {
        const Entry& entry = *(*slot)->entry;
        if (entry.key == key.text && entry.fits(request)) {
            (*slot)->visited = true;
            return (*slot)->entry;
        }
    }
    return nullptr;
}

bool MemoryTier::insert(std::shared_ptr<const Entry> entry) {
    const size_t cost = entry->cost();
    if (cost > memory_max_ || entries_max_ == 0) {
        return false;
    }
    Part& part = part_of(entry->hash);
    {
        const std::lock_guard guard(part.lock);
        drop_replaced(part, *entry);
    }
    // Counted before it is there, so that the sum of all parts never passes a limit.
    bytes_ += cost;
    ++entries_;
    make_room(entry->hash % kLocks);
    if (over()) {
        bytes_ -= cost;  // Others have counted theirs and are about to store them.
        --entries_;
        return false;
    }
    const std::lock_guard guard(part.lock);
    drop_replaced(part, *entry);  // Another loop may have stored the same meanwhile.
    const uint64_t hash = entry->hash;
    part.slots.push_front({.entry = std::move(entry)});
    part.index[hash].push_back(part.slots.begin());
    return true;
}

bool MemoryTier::reserve(size_t bytes) {
    if (bytes > memory_max_ || entries_max_ == 0) {
        return false;
    }
    bytes_ += bytes;
    make_room(0);
    if (over()) {
        bytes_ -= bytes;
        return false;
    }
    return true;
}

/// With the part's lock held: what `entry` takes the place of.
void MemoryTier::drop_replaced(Part& part, const Entry& entry) {
    const auto found = part.index.find(entry.hash);
    if (found == part.index.end()) {
        return;
    }
    auto& variants = found->second;
    const auto same = std::ranges::find_if(variants, [&entry](Slots::iterator slot) {
        return slot->entry->key == entry.key && slot->entry->vary == entry.vary;
    });
    if (same != variants.end()) {
        drop(part, *same);
    } else if (variants.size() >= kVariantsMax) {
        drop(part, variants.front());
    }
}

size_t MemoryTier::erase(const Key& key) {
    const std::string_view url = url_of(key.text);
    Part& part = part_of(key.hash);
    const std::lock_guard guard(part.lock);
    const auto found = part.index.find(key.hash);
    if (found == part.index.end()) {
        return 0;
    }
    size_t dropped = 0;
    const std::vector<Slots::iterator> variants = found->second;
    for (const Slots::iterator slot : variants) {
        if (url_of(slot->entry->key) == url) {
            drop(part, slot);
            ++dropped;
        }
    }
    return dropped;
}

void MemoryTier::erase_entry(const Entry& entry) {
    Part& part = part_of(entry.hash);
    const std::lock_guard guard(part.lock);
    const auto found = part.index.find(entry.hash);
    if (found == part.index.end()) {
        return;
    }
    const auto same = std::ranges::find_if(
        found->second, [&entry](Slots::iterator slot) { return slot->entry.get() == &entry; });
    if (same != found->second.end()) {
        drop(part, *same);
    }
}

size_t MemoryTier::erase_if(const std::function<bool(const Entry&)>& wanted) {
    size_t dropped = 0;
    for (Part& part : parts_) {
        const std::lock_guard guard(part.lock);
        for (auto slot = part.slots.begin(); slot != part.slots.end();) {
            const auto next = std::next(slot);
            if (wanted(*slot->entry)) {
                drop(part, slot);
                ++dropped;
            }
            slot = next;
        }
    }
    return dropped;
}

/// With the part's lock held.
void MemoryTier::drop(Part& part, Slots::iterator slot) {
    bytes_ -= slot->entry->cost();
    --entries_;
    if (on_drop_) {
        on_drop_(*slot->entry);
    }
    const auto found = part.index.find(slot->entry->hash);
    std::erase(found->second, slot);
    if (found->second.empty()) {
        part.index.erase(found);
    }
    if (part.hand == slot) {
        part.hand = slot == part.slots.begin() ? part.slots.end() : std::prev(slot);
    }
    part.slots.erase(slot);
}

/// Drops the first entry without a mark from the hand on towards the front. False when the part is
/// empty.
bool MemoryTier::evict_from(Part& part) {
    const std::lock_guard guard(part.lock);
    if (part.slots.empty()) {
        return false;
    }
    Slots::iterator at = part.hand == part.slots.end() ? std::prev(part.slots.end()) : part.hand;
    while (std::exchange(at->visited, false)) {
        at = at == part.slots.begin() ? std::prev(part.slots.end()) : std::prev(at);
    }
    part.hand = at;
    drop(part, at);
    ++evictions_;
    return true;
}

bool MemoryTier::over() const {
    return bytes_ > memory_max_ || entries_ > entries_max_;
}

/// Drops entries, of that part first, until both limits hold or nothing is left.
void MemoryTier::make_room(size_t first_part) {
    size_t empty = 0;
    for (size_t i = first_part; over() && empty < kLocks;) {
        if (evict_from(parts_[i % kLocks])) {
            empty = 0;
        } else {
            ++empty;
        }
        ++i;
    }
}

}  // namespace shore::cache
