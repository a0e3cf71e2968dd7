// What people ask about the response cache of a running gateway: what it holds and answers; and
// that it drops something. Control thread's loop.
#pragma once

#include "async/task.h"
#include "base/result.h"
#include "wire/json.h"

namespace shore::gateway {

class Service;

/// {"tiers": [...], "routes": [...]}, as the API's CacheStatus.
async::Task<Result<wire::Json>> cache_status(Service& service);
/// Drops what fits all of "url", "prefix", "tag" and "service" that are given: {"purged": N}.
async::Task<Result<wire::Json>> purge_cache(Service& service, wire::Json with);

}  // namespace shore::gateway
