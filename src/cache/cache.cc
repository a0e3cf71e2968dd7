#include "cache/cache.h"

#include <algorithm>

namespace shore::cache {

using async::Task;

void Cache::set_limits(const MemoryTier::Limits& limits) {
    entries_max_ = limits.entries;
    memory_.set_limits(limits);
}

void Cache::set_tier(std::unique_ptr<Tier> tier) {
    owned_tier_ = std::move(tier);
    tier_.store(owned_tier_.get(), std::memory_order_release);
}

Task<std::shared_ptr<const Entry>> Cache::find_behind(async::Loop& loop, Key key,
                                                      RequestView request) {
    const uint32_t epoch = epochs_.of(key.hash);
    std::shared_ptr<const Entry> entry = co_await tier()->find(loop, key, request);
    if (entry && epoch == epochs_.of(entry->hash)) {
        memory_.insert(entry);
        if (epoch != epochs_.of(entry->hash)) {
            memory_.erase_entry(*entry);
        }
    }
    co_return entry;
}

bool Cache::store(std::shared_ptr<const Entry> entry, uint32_t epoch) {
    const uint64_t hash = entry->hash;
    if (epoch != epochs_.of(hash) || !memory_.insert(entry)) {
        return false;
    }
    if (epoch != epochs_.of(hash)) {
        memory_.erase_entry(*entry);  // It may have come behind the drop.
        return false;
    }
    ++stored_;
    if (Tier* const behind = tier()) {
        behind->store(std::move(entry), epoch);
    }
    return true;
}

void Cache::invalidate(const Key& key) {
    epochs_.end(key.hash);
    memory_.erase(key);
    if (Tier* const behind = tier()) {
        behind->erase(key);
    }
}

bool Cache::empty() const {
    return memory_.entries() == 0 && (tier() == nullptr || tier()->stats().entries == 0);
}

bool is_meant(const Purge& purge, const Entry& entry) {
    const std::string_view url = url_of(entry.key);
    const std::string_view owner = owner_of(entry.key);
    const bool service_fits = purge.service.empty() || owner == purge.service ||
                              (purge.service.ends_with('/') && owner.starts_with(purge.service));
    return service_fits && (purge.url.empty() || url == purge.url) &&
           (purge.prefix.empty() || url.starts_with(purge.prefix)) &&
           (purge.tag.empty() || std::ranges::find(entry.tags, purge.tag) != entry.tags.end());
}

std::string identity_of(const Entry& entry) {
    std::string identity = entry.key;
    for (const VaryField& field : entry.vary) {
        identity.append("\n").append(field.name).append("\n").append(field.value);
    }
    return identity;
}

Task<uint64_t> Cache::purge(async::Loop& loop, Purge purge) {
    epochs_.end_all();
    Dropped dropped;
    memory_.erase_if([&](const Entry& entry) {
        const bool meant = is_meant(purge, entry);
        if (meant) {
            dropped.push_back(identity_of(entry));
        }
        return meant;
    });
    purged_ += dropped.size();
    uint64_t count = dropped.size();
    if (Tier* const behind = tier()) {
        std::ranges::sort(dropped);
        count += co_await behind->purge(loop, std::move(purge), std::move(dropped));
    }
    co_return count;
}

Stats Cache::stats() const {
    return {.entries = memory_.entries(),
            .entries_max = entries_max_,
            .bytes = memory_.bytes(),
            .bytes_max = memory_.bytes_max(),
            .stored = stored_,
            .evicted = memory_.evictions(),
            .purged = purged_};
}

}  // namespace shore::cache
