#include "model/connection_plan.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

namespace shore::model {

namespace {

// Postmaster, writers, checkpointer, autovacuum launcher, WAL buffers.
constexpr Bytes kServerBytes = Bytes::mib(24);
// Less spills ordinary sorts of a few thousand rows to disk.
constexpr Bytes kWorkMemMin = Bytes::kib(512);
constexpr Bytes kWorkMemMax = Bytes::mib(64);

Bytes clamped(Bytes value, Bytes least, Bytes most) {
    return std::clamp(value, least, most);
}

std::optional<uint32_t> number_of(const std::map<std::string, std::string>& settings,
                                  const std::string& name) {
    const auto found = settings.find(name);
    if (found == settings.end()) {
        return std::nullopt;
    }
    uint32_t number = 0;
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    // What is no number is the server's to refuse.
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(number)
                                                                    : std::nullopt;
}

// With replicas, reads may have so much of the pool: one part of this many.
constexpr uint32_t kReadersPart = 3;

uint32_t roles_in(const EngineSpec& spec, const std::string& database) {
    std::set<std::string> services;
    for (const EngineUser& user : spec.users) {
        if (user.database == database) {
            services.insert(user.service);
        }
    }
    return std::max<uint32_t>(1, static_cast<uint32_t>(services.size()));
}

// `total` over the databases, by how many roles use each: at least one each, and one for each role
// where there are as many. The first takes what is left over. `total` is not below the number of
// databases.
void share_out(uint32_t total, bool reads, const std::vector<std::string>& databases,
               const std::vector<uint32_t>& roles, std::vector<PoolShare>& shares) {
    uint32_t all = 0;
    for (const uint32_t each : roles) {
        all += each;
    }
    const size_t first = shares.size();
    const auto count = static_cast<uint32_t>(databases.size());
    uint32_t given = 0;
    for (size_t i = 0; i < databases.size(); ++i) {
        const uint32_t connections =
            total < all ? 1 + (total - count) * roles[i] / all : total * roles[i] / all;
        given += connections;
        shares.push_back({.entry = databases[i] + (reads ? "_read" : ""),
                          .database = databases[i],
                          .reads = reads,
                          .connections = connections});
    }
    shares[first].connections += total - given;
    for (size_t i = 0; i < databases.size(); ++i) {
        PoolShare& share = shares[first + i];
        const uint32_t others = roles[i] - 1;
        share.connections_per_role = share.connections > others ? share.connections - others : 1;
    }
}

}  // namespace

std::vector<std::string> databases_of(const EngineSpec& spec) {
    std::vector<std::string> databases = {spec.postgres.database};
    for (const EngineUser& user : spec.users) {
        if (std::ranges::find(databases, user.database) == databases.end()) {
            databases.push_back(user.database);
        }
    }
    return databases;
}

Result<PostgresBudget> plan_postgres(const EngineSpec& spec) {
    const PostgresOptions& options = spec.postgres;
    const uint32_t pooled = spec.pool.enabled ? spec.pool.size : 0;
    const uint32_t needed =
        pooled + options.connections_direct + options.replicas + kConnectionsReserved;
    PostgresBudget budget;
    const std::optional<uint32_t> wanted = number_of(options.settings, "max_connections");
    budget.connections_max = wanted.value_or(needed);
    if (budget.connections_max < needed) {
        return fail(ErrorCode::kInvalid,
                    "settings.max_connections is {}, but {} are needed: pool.size {}, "
                    "connections {}, {} for replicas, {} reserved",
                    budget.connections_max, needed, pooled, options.connections_direct,
                    options.replicas, kConnectionsReserved);
    }
    const uint64_t memory = options.memory.count;
    budget.shared_buffers = {std::max(memory / 4, Bytes::mib(16).count) >> 20 << 20};
    budget.cache = {memory / 4 * 3 >> 20 << 20};
    budget.maintenance_work_mem = clamped({memory / 16 >> 20 << 20}, Bytes::mib(16), Bytes::gib(1));
    budget.wal_size_max = clamped({memory >> 20 << 20}, Bytes::mib(256), Bytes::gib(4));
    const uint64_t fixed =
        budget.shared_buffers.count + kServerBytes.count + budget.maintenance_work_mem.count;
    const uint64_t least =
        fixed + budget.connections_max * (kConnectionBytes.count + kWorkMemMin.count);
    if (memory < least) {
        return fail(ErrorCode::kInvalid,
                    "{} of memory cannot hold {} connections (pool.size {}, connections {}, "
                    "{} for replicas, {} reserved): raise deploy.resources.limits.memory to {} or "
                    "more, or lower {}",
                    base::to_text(options.memory), budget.connections_max, pooled,
                    options.connections_direct, options.replicas, kConnectionsReserved,
                    base::to_text(Bytes::mib((least * 4 / 3 >> 20) + 1)),
                    wanted > needed ? "settings.max_connections" : "pool.size or connections");
    }
    const uint64_t left = memory - fixed - budget.connections_max * kConnectionBytes.count;
    budget.work_mem =
        clamped({left / budget.connections_max >> 10 << 10}, kWorkMemMin, kWorkMemMax);
    return budget;
}

Result<std::vector<PoolShare>> plan_pool(const EngineSpec& spec) {
    const std::vector<std::string> databases = databases_of(spec);
    std::vector<uint32_t> roles;
    uint32_t least = 0;
    for (const std::string& database : databases) {
        roles.push_back(roles_in(spec, database));
        least += roles.back();
    }
    const auto count = static_cast<uint32_t>(databases.size());
    // Without replicas the entries for reads go to the primary too. Services use them only until
    // they are started anew, so one connection each does. With replicas they get a part, as long as
    // each role keeps its connection to the primary.
    if (spec.pool.size < least + count) {
        return fail(ErrorCode::kInvalid,
                    "pool.size {} is too small: roles that need a connection: {}, databases that "
                    "need one for reads: {}; at least {}",
                    spec.pool.size, least, count, least + count);
    }
    const uint32_t part = std::min(spec.pool.size / kReadersPart, spec.pool.size - least);
    const uint32_t readers = spec.postgres.replicas > 0 ? std::max(count, part) : count;
    std::vector<PoolShare> shares;
    share_out(spec.pool.size - readers, false, databases, roles, shares);
    share_out(readers, true, databases, roles, shares);
    return shares;
}

}  // namespace shore::model
