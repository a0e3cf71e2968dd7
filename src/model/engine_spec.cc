#include "model/engine_spec.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace shore::model {

namespace json = boost::json;

namespace {

json::array to_array(const std::vector<std::string>& texts) {
    return json::array(texts.begin(), texts.end());
}

json::object to_object(const std::map<std::string, std::string>& pairs) {
    json::object object;
    for (const auto& [key, value] : pairs) {
        object[key] = value;
    }
    return object;
}

std::vector<std::string> texts_of(const json::value& value) {
    return json::value_to<std::vector<std::string>>(value);
}

std::map<std::string, std::string> pairs_of(const json::value& value) {
    return json::value_to<std::map<std::string, std::string>>(value);
}

uint32_t count_of(const json::value& value) {
    return value.to_number<uint32_t>();
}

Duration duration_of(const json::value& value) {
    return Duration(value.to_number<int64_t>());
}

std::string text_of(const json::value& value) {
    return std::string(value.as_string());
}

json::object postgres_json(const PostgresOptions& options) {
    return {{"database", options.database},
            {"extensions", to_array(options.extensions)},
            {"settings", to_object(options.settings)},
            {"replicas", options.replicas},
            {"lag_max_ns", options.lag_max.count()},
            {"connections_direct", options.connections_direct},
            {"memory", options.memory.count}};
}

PostgresOptions postgres_of(const json::object& object) {
    return {.database = text_of(object.at("database")),
            .extensions = texts_of(object.at("extensions")),
            .settings = pairs_of(object.at("settings")),
            .replicas = count_of(object.at("replicas")),
            .lag_max = duration_of(object.at("lag_max_ns")),
            .connections_direct = count_of(object.at("connections_direct")),
            .memory = {object.at("memory").to_number<uint64_t>()}};
}

json::object pool_json(const PoolOptions& options) {
    return {{"enabled", options.enabled},
            {"size", options.size},
            {"clients", options.clients},
            {"wait_ns", options.wait.count()},
            {"statement_timeout_ns", options.statement_timeout.count()},
            {"recycle_ns", options.recycle.count()}};
}

PoolOptions pool_of(const json::object& object) {
    return {.enabled = object.at("enabled").as_bool(),
            .size = count_of(object.at("size")),
            .clients = count_of(object.at("clients")),
            .wait = duration_of(object.at("wait_ns")),
            .statement_timeout = duration_of(object.at("statement_timeout_ns")),
            .recycle = duration_of(object.at("recycle_ns"))};
}

json::object redis_json(const RedisOptions& options) {
    return {{"replicas", options.replicas},
            {"sentinels", options.sentinels},
            {"replicated", options.replicated},
            {"evictable", options.evictable},
            {"policy", options.policy},
            {"memory", options.memory.count},
            {"hold_ns", options.hold.count()},
            {"lag_max_ns", options.lag_max.count()},
            {"tls", options.tls},
            {"commands_disabled", to_array(options.commands_disabled)},
            {"settings", to_object(options.settings)}};
}

RedisOptions redis_of(const json::object& object) {
    return {.replicas = count_of(object.at("replicas")),
            .sentinels = count_of(object.at("sentinels")),
            .replicated = object.at("replicated").as_bool(),
            .evictable = object.at("evictable").as_bool(),
            .policy = text_of(object.at("policy")),
            .memory = {object.at("memory").to_number<uint64_t>()},
            .hold = duration_of(object.at("hold_ns")),
            .lag_max = duration_of(object.at("lag_max_ns")),
            .tls = object.at("tls").as_bool(),
            .commands_disabled = texts_of(object.at("commands_disabled")),
            .settings = pairs_of(object.at("settings"))};
}

}  // namespace

std::string_view to_string(Engine engine) {
    return engine == Engine::kPostgres ? "postgres" : "redis";
}

std::string_view to_string(EnginePart part) {
    switch (part) {
        case EnginePart::kPostgres:
            return "postgres";
        case EnginePart::kPgBouncer:
            return "pgbouncer";
        case EnginePart::kRedis:
            return "redis";
        case EnginePart::kRedisSentinel:
            return "redis-sentinel";
        case EnginePart::kRedisEndpoint:
            return "redis-endpoint";
    }
    return "unknown";
}

uint32_t processes_of(const EngineSpec& spec, EnginePart part) {
    const bool is_postgres = spec.engine == Engine::kPostgres;
    const bool is_ha = !is_postgres && spec.redis.replicas > 0;
    switch (part) {
        case EnginePart::kPostgres:
            return is_postgres ? 1 + spec.postgres.replicas : 0;
        case EnginePart::kPgBouncer:
            return is_postgres && spec.pool.enabled ? 1 : 0;
        case EnginePart::kRedis:
            return is_postgres ? 0 : 1 + spec.redis.replicas;
        case EnginePart::kRedisSentinel:
            return is_ha ? spec.redis.sentinels : 0;
        case EnginePart::kRedisEndpoint:
            return is_ha ? 1 : 0;
    }
    return 0;
}

std::string engine_socket_directory(std::string_view run_directory, std::string_view stack,
                                    std::string_view service) {
    return fmt::format("{}/{}/.{}", run_directory, stack, service);
}

std::string engine_socket(std::string_view socket_directory, std::string_view instance) {
    return fmt::format("{}/{}.sock", socket_directory, instance);
}

bool is_engine_variable(std::string_view name) {
    constexpr std::array<std::string_view, 12> kNames = {"DATABASE_URL",
                                                         "DATABASE_DIRECT_URL",
                                                         "DATABASE_READ_URL",
                                                         "PGHOST",
                                                         "PGPORT",
                                                         "PGUSER",
                                                         "PGPASSWORD",
                                                         "PGDATABASE",
                                                         "REDIS_URL",
                                                         "REDIS_READ_URL",
                                                         "REDIS_SENTINELS",
                                                         "REDIS_CA_FILE"};
    return std::ranges::any_of(kNames, [name](std::string_view known) {
        return name.ends_with(known) &&
               (name.size() == known.size() || name[name.size() - known.size() - 1] == '_');
    });
}

std::string to_json(const EngineSpec& spec) {
    json::array users;
    for (const EngineUser& user : spec.users) {
        users.push_back({{"service", user.service},
                         {"database", user.database},
                         {"access", static_cast<int>(user.access)}});
    }
    const json::object object = {
        {"engine", static_cast<int>(spec.engine)},  {"service", spec.service},
        {"postgres", postgres_json(spec.postgres)}, {"pool", pool_json(spec.pool)},
        {"redis", redis_json(spec.redis)},          {"users", users}};
    return json::serialize(object);
}

Result<EngineSpec> parse_engine_spec(std::string_view text) {
    try {
        const json::value document = json::parse(text);
        const json::object& object = document.as_object();
        EngineSpec spec;
        spec.engine = static_cast<Engine>(object.at("engine").to_number<uint8_t>());
        spec.service = text_of(object.at("service"));
        spec.postgres = postgres_of(object.at("postgres").as_object());
        spec.pool = pool_of(object.at("pool").as_object());
        spec.redis = redis_of(object.at("redis").as_object());
        for (const json::value& item : object.at("users").as_array()) {
            const json::object& user = item.as_object();
            spec.users.push_back(
                {.service = text_of(user.at("service")),
                 .database = text_of(user.at("database")),
                 .access = static_cast<EngineAccess>(user.at("access").to_number<uint8_t>())});
        }
        return spec;
    } catch (const std::exception& error) {
        return fail(ErrorCode::kInvalid, "not an engine's options: {}", error.what());
    }
}

}  // namespace shore::model
