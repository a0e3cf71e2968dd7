#include "config/engine_builder.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/tree_values.h"
#include "model/connection_plan.h"

namespace shore::config {

namespace {

using model::Engine;
using model::EnginePart;
using model::EngineSpec;
using model::ServiceSpec;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array kParts = {EnginePart::kPostgres, EnginePart::kPgBouncer, EnginePart::kRedis,
                               EnginePart::kRedisSentinel, EnginePart::kRedisEndpoint};

/// What users connect to has the engine's own name; the rest says what it is.
std::string part_name(const EngineSpec& spec, EnginePart part) {
    const bool is_ha = spec.redis.replicas > 0;
    switch (part) {
        case EnginePart::kPgBouncer:
            return spec.service + "-pool";
        case EnginePart::kRedis:
            return is_ha ? spec.service + "-server" : spec.service;
        case EnginePart::kRedisSentinel:
            return spec.service + "-sentinel";
        case EnginePart::kPostgres:
        case EnginePart::kRedisEndpoint:
            break;
    }
    return spec.service;
}

/// What a dependant of the engine waits for.
std::vector<std::string> parts_waited_for(const EngineSpec& spec) {
    std::vector<std::string> names = {spec.service};
    if (model::processes_of(spec, EnginePart::kPgBouncer) > 0) {
        names.push_back(part_name(spec, EnginePart::kPgBouncer));
    }
    return names;
}

/// A database's name of a stack's: letters, digits and _ need no quotes anywhere.
std::string database_name(std::string_view stack) {
    std::string name(stack);
    std::ranges::replace(name, '-', '_');
    return name;
}

/// "orders-db" -> "ORDERS_DB".
std::string capitals(std::string_view name) {
    std::string text;
    for (const char c : name) {
        const bool is_letter = c >= 'a' && c <= 'z';
        const bool passes = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        text += is_letter ? static_cast<char>(c - 'a' + 'A') : passes ? c : '_';
    }
    return text;
}

/// The first variable of an engine that `text` names, or "".
std::string_view engine_variable_in(std::string_view text) {
    for (size_t dollar = text.find('$'); dollar != std::string_view::npos;
         dollar = text.find('$', dollar + 1)) {
        std::string_view name = text.substr(dollar + 1);
        name.remove_prefix(name.starts_with('{') ? 1 : 0);
        name = name.substr(0, name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"));
        if (model::is_engine_variable(name)) {
            return name;
        }
    }
    return {};
}

bool is_identifier(std::string_view name) {
    return !name.empty() && name.size() <= 55 && (name[0] < '0' || name[0] > '9') &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") ==
               std::string_view::npos;
}

class EngineExpander final {
 public:
    EngineExpander(const Node& services, model::StackSpec& stack, Report& report)
        : services_(services), stack_(stack), report_(report) {}

    void expand() {
        for (const ServiceSpec& service : stack_.services) {
            if (const Node* const node = services_.find(service.name); is_engine(*node)) {
                engines_.push_back(read(service, *node));
            }
        }
        for (ServiceSpec& service : stack_.services) {
            const Node& node = *services_.find(service.name);
            if (!is_engine(node)) {
                use(service, node);
            }
        }
        for (EngineSpec& spec : engines_) {
            std::ranges::sort(spec.users, {}, &model::EngineUser::service);
            check_sums(spec);
            replace(spec);
        }
        std::ranges::sort(stack_.services, {}, &ServiceSpec::name);
    }

 private:
    void problem(const Node& node, std::string_view service, std::string_view key,
                 std::string message) {
        const Node* const found = node.at(key);
        report_.problem(found == nullptr ? node.place : found->place,
                        fmt::format("services.{}.{}", service, key), std::move(message));
    }

    EngineSpec read(const ServiceSpec& service, const Node& node) {
        EngineSpec spec;
        spec.service = service.name;
        spec.engine =
            text_at(node, "x-shore.engine") == "redis" ? Engine::kRedis : Engine::kPostgres;
        refuse_strangers(service, node, spec);
        if (spec.engine == Engine::kPostgres) {
            read_postgres(service, node, spec);
        } else {
            read_redis(service, node, spec);
        }
        return spec;
    }

    /// Keys that would start something else, or that belong to the other engine.
    void refuse_strangers(const ServiceSpec& service, const Node& node, const EngineSpec& spec) {
        for (const std::string_view key : {"command", "entrypoint", "image", "build"}) {
            if (value_at(node, key) != nullptr) {
                problem(node, service.name, key,
                        "stands beside x-shore.engine, which runs the server itself");
            }
        }
        for (const std::string_view key : {"http", "static", "tcp", "uses"}) {
            if (value_at(node, fmt::format("x-shore.{}", key)) != nullptr) {
                problem(node, service.name, fmt::format("x-shore.{}", key),
                        "does not go together with x-shore.engine");
            }
        }
        if (service.replicas != 1) {
            problem(node, service.name, "deploy.replicas",
                    "does not act on an engine; x-shore.replicas (postgres) and x-shore.ha (redis) "
                    "do");
        }
        constexpr std::array kPostgresKeys = {"database", "extensions", "replicas", "connections",
                                              "pool"};
        constexpr std::array kRedisKeys = {"ha",     "durability", "evictable",
                                           "policy", "tls",        "commands_disabled"};
        const auto refuse = [&](std::string_view key, std::string_view engine) {
            const std::string path = fmt::format("x-shore.{}", key);
            if (value_at(node, path) != nullptr) {
                problem(node, service.name, path, fmt::format("is of engine: {}", engine));
            }
        };
        if (spec.engine == Engine::kPostgres) {
            std::ranges::for_each(kRedisKeys, [&](auto key) { refuse(key, "redis"); });
        } else {
            std::ranges::for_each(kPostgresKeys, [&](auto key) { refuse(key, "postgres"); });
        }
    }

    void read_postgres(const ServiceSpec& service, const Node& node, EngineSpec& spec) {
        const Node* const shore = value_at(node, "x-shore");
        model::PostgresOptions& options = spec.postgres;
        options.database = text_at(*shore, "database", database_name(stack_.name));
        if (!is_identifier(options.database)) {
            problem(node, service.name, "x-shore.database", identifier_advice(options.database));
        }
        options.extensions = texts_at(*shore, "extensions");
        options.settings = pairs_at(*shore, "settings");
        options.replicas = static_cast<uint32_t>(int_at(*shore, "replicas", options.replicas));
        options.lag_max = duration_at(*shore, "lag_max", options.lag_max);
        options.connections_direct =
            static_cast<uint32_t>(int_at(*shore, "connections", options.connections_direct));
        options.memory = service.limits.memory.value_or(options.memory);
        if (const Node* const pool = value_at(*shore, "pool")) {
            model::PoolOptions& to = spec.pool;
            to.enabled = bool_at(*pool, "enabled", to.enabled);
            to.size = static_cast<uint32_t>(int_at(*pool, "size", to.size));
            to.clients = static_cast<uint32_t>(int_at(*pool, "clients", to.clients));
            to.wait = duration_at(*pool, "wait", to.wait);
            to.statement_timeout = duration_at(*pool, "statement_timeout", to.statement_timeout);
            to.recycle = duration_at(*pool, "recycle", to.recycle);
            if (to.clients < to.size) {
                problem(node, service.name, "x-shore.pool",
                        fmt::format("shares {} connections between {} clients; with fewer clients "
                                    "than connections it has no use",
                                    to.size, to.clients));
            }
        }
    }

    void read_redis(const ServiceSpec& service, const Node& node, EngineSpec& spec) {
        const Node* const shore = value_at(node, "x-shore");
        model::RedisOptions& options = spec.redis;
        if (const Node* const ha = value_at(*shore, "ha")) {
            options.replicas = static_cast<uint32_t>(int_at(*ha, "replicas", 2));
            options.sentinels = static_cast<uint32_t>(int_at(*ha, "sentinels", 3));
            options.hold = duration_at(*ha, "hold", options.hold);
            if (options.sentinels % 2 == 0) {
                problem(node, service.name, "x-shore.ha.sentinels",
                        fmt::format("must be odd, so that more than half can agree, got {}",
                                    options.sentinels));
            }
        }
        const std::string durability = text_at(*shore, "durability");
        options.replicated = durability.empty() ? options.replicas > 0 : durability == "replicated";
        if (options.replicated && options.replicas == 0) {
            problem(node, service.name, "x-shore.durability",
                    "replicated needs x-shore.ha with a replica");
        }
        options.evictable = bool_at(*shore, "evictable", options.evictable);
        options.policy = text_at(*shore, "policy", options.evictable ? "allkeys-lru" : "");
        if (!options.policy.empty() && !options.evictable) {
            problem(node, service.name, "x-shore.policy",
                    "says which keys go first, and this store refuses to lose any; set "
                    "x-shore.evictable: true for one that may, and keep jobs and sessions in "
                    "another");
        }
        if (service.limits.memory) {
            // Copy on write while it saves, buffers of replicas and clients.
            options.memory = Bytes{service.limits.memory->count / 4 * 3};
        }
        options.lag_max = duration_at(*shore, "lag_max", options.lag_max);
        options.tls = bool_at(*shore, "tls", options.tls);
        options.commands_disabled = texts_at(*shore, "commands_disabled");
        options.settings = pairs_at(*shore, "settings");
    }

    /// What the engine's own process would refuse, told where the manifest asks for it.
    void check_sums(const EngineSpec& spec) {
        if (spec.engine != Engine::kPostgres) {
            return;
        }
        if (const auto planned = model::plan_postgres(spec); !planned) {
            const bool is_pool_larger =
                spec.pool.enabled && spec.pool.size > spec.postgres.connections_direct;
            const std::string_view larger =
                is_pool_larger ? "x-shore.pool.size" : "x-shore.connections";
            impossible(spec,
                       {"x-shore.settings.max_connections", "deploy.resources.limits.memory",
                        larger, "x-shore.replicas"},
                       planned.error());
        }
        const auto shared =
            spec.pool.enabled ? model::plan_pool(spec) : Result<std::vector<model::PoolShare>>();
        if (!shared) {
            impossible(spec, {"x-shore.pool.size", "x-shore.pool"}, shared.error());
        }
    }

    /// At the first of `keys` that the manifest has.
    void impossible(const EngineSpec& spec, std::initializer_list<std::string_view> keys,
                    const Error& error) {
        const Node& node = *services_.find(spec.service);
        const auto named = std::ranges::find_if(
            keys, [&](std::string_view key) { return value_at(node, key) != nullptr; });
        problem(node, spec.service, named == keys.end() ? *keys.begin() : *named,
                std::string(error.text()));
    }

    static std::string identifier_advice(std::string_view name) {
        return fmt::format(
            "must be lower-case letters, digits and _, beginning with no digit, at most 55, got "
            "\"{}\"",
            base::printable(name, 60));
    }

    EngineSpec* find(std::string_view name) {
        const auto found = std::ranges::find(engines_, name, &EngineSpec::service);
        return found == engines_.end() ? nullptr : &*found;
    }

    /// Which engines the service uses: those of x-shore.uses, and those that it depends on.
    void use(ServiceSpec& service, const Node& node) {
        std::map<std::string, const Node*> named;
        for (const model::Dependency& dependency : service.depends_on) {
            if (find(dependency.service) != nullptr) {
                named.emplace(dependency.service, nullptr);
            }
        }
        if (const Node* const uses = value_at(node, "x-shore.uses")) {
            for (const Entry& entry : uses->entries) {
                if (find(entry.key) == nullptr) {
                    missing_engine(service, entry);
                    continue;
                }
                named.insert_or_assign(entry.key, &entry.value);
            }
        }
        for (const auto& [name, value] : service.environment) {
            const std::string_view variable = engine_variable_in(value);
            if (named.empty() && !variable.empty()) {
                report_.note(node.place,
                             fmt::format("services.{}.environment.{}", service.name, name),
                             fmt::format("names {}, which a service gets that depends on an engine "
                                         "or names one in x-shore.uses; this one does neither",
                                         variable));
            }
        }
        for (const auto& [name, options] : named) {
            EngineSpec& spec = *find(name);
            service.uses.push_back(make_use(service, node, spec, options, named));
            wait_for(service, spec);
        }
    }

    void missing_engine(const ServiceSpec& service, const Entry& entry) {
        std::vector<std::string> names;
        std::ranges::transform(engines_, std::back_inserter(names), &EngineSpec::service);
        report_.problem(entry.place, fmt::format("services.{}.x-shore.uses", service.name),
                        fmt::format("there is no engine \"{}\"{}", base::printable(entry.key, 60),
                                    base::did_you_mean(entry.key, names)));
    }

    model::EngineUse make_use(const ServiceSpec& service, const Node& node, EngineSpec& spec,
                              const Node* options,
                              const std::map<std::string, const Node*>& named) {
        const Node empty;
        const Node& from = options == nullptr ? empty : *options;
        model::EngineUse use{.service = spec.service, .engine = spec.engine};
        use.access = text_at(from, "access") == "read" ? model::EngineAccess::kRead
                                                       : model::EngineAccess::kWrite;
        if (spec.engine == Engine::kPostgres) {
            use.database = text_at(from, "database", spec.postgres.database);
            if (!is_identifier(use.database)) {
                problem(node, service.name, "x-shore.uses", identifier_advice(use.database));
            }
            use.pooled = spec.pool.enabled;
            use.replicas = spec.postgres.replicas;
        } else {
            use.replicas = spec.redis.replicas;
            use.sentinels = spec.redis.sentinels;
            use.tls = spec.redis.tls;
        }
        const auto same_kind = std::ranges::count_if(
            named, [&](const auto& other) { return find(other.first)->engine == spec.engine; });
        // One of a kind has the usual names; of several each says which it is.
        std::string prefix = capitals(spec.service) + "_";
        use.prefix = text_at(from, "prefix", same_kind > 1 ? prefix : "");
        if (use.prefix.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") !=
            std::string::npos) {
            problem(node, service.name, "x-shore.uses",
                    fmt::format("a prefix must be capitals, digits and _, got \"{}\"",
                                base::printable(use.prefix, 40)));
        }
        spec.users.push_back(
            {.service = service.name, .database = use.database, .access = use.access});
        return use;
    }

    static void wait_for(ServiceSpec& service, const EngineSpec& spec) {
        for (const std::string& part : parts_waited_for(spec)) {
            const auto known =
                std::ranges::find(service.depends_on, part, &model::Dependency::service);
            model::Dependency& dependency =
                known == service.depends_on.end()
                    ? service.depends_on.emplace_back(model::Dependency{.service = part})
                    : *known;
            dependency.condition = model::DependencyCondition::kHealthy;
        }
    }

    void replace(const EngineSpec& spec) {
        const auto found = std::ranges::find(stack_.services, spec.service, &ServiceSpec::name);
        const ServiceSpec given = std::move(*found);
        stack_.services.erase(found);
        for (const EnginePart part : kParts) {
            const uint32_t processes = model::processes_of(spec, part);
            if (processes == 0) {
                continue;
            }
            ServiceSpec service = part_service(given, spec, part);
            service.replicas = processes;
            if (std::ranges::find(stack_.services, service.name, &ServiceSpec::name) !=
                stack_.services.end()) {
                problem(*services_.find(spec.service), spec.service, "x-shore.engine",
                        fmt::format("runs as {} too, and there is a service of that name",
                                    service.name));
                continue;
            }
            stack_.services.push_back(std::move(service));
        }
    }

    static ServiceSpec part_service(const ServiceSpec& given, const EngineSpec& spec,
                                    EnginePart part) {
        const bool is_server = part == EnginePart::kPostgres || part == EnginePart::kRedis;
        ServiceSpec service = given;
        service.name = part_name(spec, part);
        service.engine = model::EngineRole{.part = part, .spec = spec};
        service.command = {"$SHORE_PROGRAM", "engine", "$SHORE_RUN_DIRECTORY"};
        service.working_dir = "/";
        service.needs_port = true;
        service.health = {.probe = model::HealthProbe::kEngine,
                          .interval = seconds(2),
                          .timeout = seconds(5),
                          .retries = 3,
                          .start_period = minutes(10),  // Recovery of a large database.
                          .start_interval = milliseconds(100)};
        // PostgreSQL's checkpoint, Redis' last snapshot.
        const Duration grace = part == EnginePart::kRedis ? seconds(75) : seconds(30);
        service.stop_grace_period = std::max(service.stop_grace_period, grace);
        // Two servers must never have the same data.
        for (model::UpdateConfig* config : {&service.update, &service.rollback}) {
            config->order = model::UpdateOrder::kStopFirst;
            config->parallelism = 1;
        }
        if (!is_server) {
            service.limits = {};
            service.reservations = {};
            service.post_start.clear();
            service.pre_stop.clear();
            service.depends_on = {
                {.service = part_name(spec, spec.engine == Engine::kPostgres ? EnginePart::kPostgres
                                                                             : EnginePart::kRedis),
                 .condition = spec.engine == Engine::kPostgres
                                  ? model::DependencyCondition::kHealthy
                                  : model::DependencyCondition::kStarted}};
        }
        return service;
    }

    const Node& services_;
    model::StackSpec& stack_;
    Report& report_;
    std::vector<EngineSpec> engines_;
};

}  // namespace

bool is_engine(const Node& service) {
    return value_at(service, "x-shore.engine") != nullptr;
}

void expand_engines(const Node& services, model::StackSpec& stack, Report& report) {
    EngineExpander(services, stack, report).expand();
}

}  // namespace shore::config
