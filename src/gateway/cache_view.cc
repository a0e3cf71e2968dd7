#include "gateway/cache_view.h"

#include <algorithm>

#include "base/strings.h"
#include "cache/cache.h"
#include "gateway/service.h"

namespace shore::gateway {

using async::Task;
using wire::Json;

namespace {

Json to_json(std::string_view tier, const cache::Stats& stats) {
    return Json::object()
        .set("tier", tier)
        .set("entries", stats.entries)
        .set("entries_max", stats.entries_max)
        .set("bytes", stats.bytes)
        .set("bytes_max", stats.bytes_max)
        .set("stored", stats.stored)
        .set("evicted", stats.evicted)
        .set("purged", stats.purged)
        .set("damaged", stats.damaged)
        .set("failed", stats.failed);
}

Json to_json(const std::string& name, const RouteCounters& of) {
    using enum CacheResult;
    const auto count = [&of](CacheResult result) { return of.cache[static_cast<size_t>(result)]; };
    return Json::object()
        .set("route", name)
        .set("memory_hits", count(kHit))
        .set("disk_hits", count(kDiskHit))
        .set("stale", count(kStale))
        .set("revalidated", count(kRevalidated))
        .set("collapsed", count(kCollapsed))
        .set("misses", count(kMiss))
        .set("bypassed", count(kBypass));
}

}  // namespace

Task<Result<Json>> cache_status(Service& service) {
    Json tiers = Json::array();
    tiers.push(to_json("memory", service.cache().stats()));
    if (const cache::Tier* const tier = service.cache().tier()) {
        tiers.push(to_json(tier->name(), tier->stats()));
    }
    Json routes = Json::array();
    const Counters counters = co_await service.counters();
    for (const auto& [name, of] : service.named_routes(counters)) {
        if (std::ranges::any_of(of->cache, [](uint64_t count) { return count > 0; })) {
            routes.push(to_json(name, *of));
        }
    }
    co_return Json::object().set("tiers", std::move(tiers)).set("routes", std::move(routes));
}

Task<Result<Json>> purge_cache(Service& service, Json with) {
    const auto text = [&with](std::string_view key) { return std::string(with[key].text()); };
    for (const std::string_view key : {"url", "prefix"}) {
        const std::string url = base::to_lower(with[key].text());
        if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://")) {
            co_return fail(
                ErrorCode::kInvalid,
                "\"{}\" does not begin with http:// or https://; answers are stored under "
                "whole URLs, as clients see them",
                base::printable(with[key].text(), 100));
        }
    }
    const uint64_t purged = co_await service.purge_cache({.url = text("url"),
                                                          .prefix = text("prefix"),
                                                          .tag = text("tag"),
                                                          .service = text("service")});
    co_return Json::object().set("purged", purged);
}

}  // namespace shore::gateway
