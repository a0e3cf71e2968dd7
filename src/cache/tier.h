// Tier: a place behind the memory where answers are kept: the disk of this machine, and room for
// one that several machines share. It is asked when the memory has nothing, and told of all that is
// stored.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "async/loop.h"
#include "async/task.h"
#include "cache/entry.h"
#include "cache/key.h"

namespace shore::cache {

/// What to drop. Several that are set must all hold; none is set: everything.
struct Purge {
    std::string url;      ///< "http://shop.example.com/news?id=1", exact, all its variants.
    std::string prefix;   ///< "http://shop.example.com/news/".
    std::string tag;      ///< Of Surrogate-Key or Cache-Tag.
    std::string service;  ///< "shop/api"; or "shop/": all of a stack.
};

/// True when the purge means that entry.
bool is_meant(const Purge& purge, const Entry& entry);

struct Stats {
    uint64_t entries = 0;
    uint64_t entries_max = 0;
    uint64_t bytes = 0;
    uint64_t bytes_max = 0;
    uint64_t stored = 0;
    uint64_t evicted = 0;
    uint64_t purged = 0;
    uint64_t damaged = 0;  ///< Found unreadable, and dropped.
    uint64_t failed = 0;   ///< Could not be written.
};

/// Answers that a purge has dropped elsewhere: identity_of() each.
using Dropped = std::vector<std::string>;
/// What tells an entry from every other: its key and what it varies by.
std::string identity_of(const Entry& entry);

/// Any thread, except where it says otherwise.
class Tier {
 public:
    virtual ~Tier() = default;

    virtual std::string_view name() const = 0;
    /// The answer for that key that fits the request, with its body; null when there is none.
    /// Never blocks `loop`, which is the caller's. `request` is read before it suspends.
    virtual async::Task<std::shared_ptr<const Entry>> find(async::Loop& loop, Key key,
                                                           RequestView request) = 0;
    /// Keeps the answer if that is worth it, some time later; unless its URL has been dropped since
    /// `epoch`.
    virtual void store(std::shared_ptr<const Entry> entry, uint32_t epoch) = 0;
    /// Drops all answers of that key's URL.
    virtual void erase(const Key& key) = 0;
    /// Completes when nothing of what is meant could come back, even after a restart. Returns how
    /// many were dropped that are not among `elsewhere`, which is sorted.
    virtual async::Task<uint64_t> purge(async::Loop& loop, Purge purge, Dropped elsewhere) = 0;
    virtual Stats stats() const = 0;
    /// Ends what is under way; nothing is found or stored any more, and what is kept stays. May be
    /// called twice.
    virtual void stop() = 0;
};

}  // namespace shore::cache
