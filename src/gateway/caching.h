// Caching: what an exchange knows while its answer may be stored: the key, the stored answer that
// is too old, the copy that is being made, the fetch that others wait for. Requests that are
// answered from memory, and routes without a cache, have none.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "cache/cache.h"
#include "cache/recorder.h"
#include "model/snapshot.h"

namespace shore::gateway {

struct Caching {
    std::string key;
    std::string route;  ///< CompiledRoute::cache_name when the key was written.
    uint64_t hash = 0;
    uint32_t epoch = 0;                       ///< Of the cache when the app was asked.
    std::shared_ptr<const cache::Entry> old;  ///< What is stored, and not fresh.
    std::unique_ptr<cache::Recorder> recorder;
    size_t reserved = 0;  ///< Bytes of the cache that the recorder has.
    cache::Judgement judgement;
    std::string origin_tag;
    bool fills = false;  ///< The answer is stored when it may be.
    bool asks = false;   ///< The request carries the validators of `old`.
    bool leads = false;  ///< Others wait for this fetch.
    cache::Landing landing = cache::Landing::kStored;  ///< What they are told at its end.
    bool secure = false;                               ///< A refresh: its client spoke TLS.
    SteadyTime asked{};
    SteadyTime answered{};

    cache::Key stored_under() const { return {.text = key, .hash = hash}; }
};

/// Names a route as it is configured now, for cache keys: another setting of it, or of what is done
/// to the content of its answers, gives another name.
std::string cache_name(const model::Route& route, const model::ContentOptions& content);

}  // namespace shore::gateway
