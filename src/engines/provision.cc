#include "engines/provision.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/user.h"

namespace shore::engines {

using model::EnginePart;

namespace {

constexpr std::string_view kHost = "127.0.0.1";

struct PartUser {
    std::string_view user;
    std::string_view package;
};

PartUser user_of(EnginePart part) {
    switch (part) {
        case EnginePart::kPostgres:
            return {"postgres", "postgresql-15"};
        case EnginePart::kPgBouncer:
            return {"postgres", "pgbouncer"};
        case EnginePart::kRedisSentinel:
            return {"redis", "redis-sentinel"};
        case EnginePart::kRedis:
        case EnginePart::kRedisEndpoint:
            break;
    }
    return {"redis", "redis-server"};
}

/// A directory that is the agent's own. One that is there already keeps its mode and owner: wrong
/// rights are the server's to tell.
Result<void> make_own(const std::string& path, mode_t mode, const std::optional<os::User>& user) {
    if (os::file_exists(path)) {
        return {};
    }
    SHORE_CHECK(os::make_directories(path, 0711));
    if (::chmod(path.c_str(), mode) < 0 ||
        (user && ::chown(path.c_str(), user->uid, user->gid) < 0)) {
        return fail(os::last_error("give " + path + " to the engine's user"));
    }
    return {};
}

Result<std::optional<os::User>> find_user(const ProvisionPlace& place,
                                          const model::ServiceSpec& service, EnginePart part,
                                          std::string& name) {
    if (!place.is_root) {
        return std::optional<os::User>();
    }
    const PartUser own = user_of(part);
    name = service.user.empty() ? std::string(own.user) : service.user;
    auto user = os::find_user_blocking(name);
    if (!user && service.user.empty()) {
        return fail(ErrorCode::kNotFound,
                    "there is no user {}, as whom {} runs: apt-get install {}", own.user,
                    model::to_string(part), own.package);
    }
    if (!user) {
        return fail(std::move(user).error());
    }
    return std::optional(std::move(*user));
}

/// "127.0.0.1:30001,127.0.0.1:30002" of the first `count` processes of a part.
std::string addresses(const Record& record, EnginePart part, uint32_t count) {
    std::vector<std::string> list;
    for (uint32_t slot = 1; slot <= count; ++slot) {
        list.push_back(fmt::format("{}:{}", kHost, port_of(record, part, slot)));
    }
    return base::join(list, ",");
}

using VariableMap = std::map<std::string, std::string>;

VariableMap postgres_variables(const Record& record, const model::EngineUse& use,
                               std::string_view service, const std::string& password) {
    const std::string role = role_name(service);
    const uint16_t server = port_of(record, EnginePart::kPostgres, 1);
    const uint16_t port = use.pooled ? port_of(record, EnginePart::kPgBouncer, 1) : server;
    const auto url = [&](std::string_view hosts, std::string_view database) {
        return fmt::format("postgresql://{}:{}@{}/{}", role, password, hosts, database);
    };
    std::string direct = url(fmt::format("{}:{}", kHost, server), use.database);
    std::string read = direct;
    if (use.replicas > 0) {
        const std::string all = addresses(record, EnginePart::kPostgres, 1 + use.replicas);
        direct = url(all, use.database) + "?target_session_attrs=read-write";
        read = url(all, use.database) + "?target_session_attrs=prefer-standby";
    }
    const std::string pool = fmt::format("{}:{}", kHost, port);
    return {{"DATABASE_URL", use.pooled ? url(pool, use.database) : direct},
            {"DATABASE_DIRECT_URL", direct},
            {"DATABASE_READ_URL",
             use.pooled ? url(pool, use.database + (use.replicas > 0 ? "_read" : "")) : read},
            {"PGHOST", std::string(kHost)},
            {"PGPORT", std::to_string(port)},
            {"PGUSER", role},
            {"PGPASSWORD", password},
            {"PGDATABASE", use.database}};
}

VariableMap redis_addresses(const Record& record, const model::EngineUse& use,
                            std::string_view service, const std::string& password) {
    const auto url = [&](uint16_t port) {
        return fmt::format("{}://{}:{}@{}:{}", use.tls ? "rediss" : "redis", role_name(service),
                           password, kHost, port);
    };
    if (use.replicas == 0) {
        const std::string server = url(port_of(record, EnginePart::kRedis, 1));
        return {{"REDIS_URL", server}, {"REDIS_READ_URL", server}};
    }
    return {{"REDIS_URL", url(port_of(record, EnginePart::kRedisEndpoint, 1))},
            {"REDIS_READ_URL", url(port_of(record, EnginePart::kRedisEndpoint, 2))},
            {"REDIS_SENTINELS", addresses(record, EnginePart::kRedisSentinel, use.sentinels)}};
}

VariableMap redis_variables(const Record& record, const model::EngineUse& use,
                            std::string_view service, const std::string& password,
                            std::string_view socket_directory) {
    VariableMap variables = redis_addresses(record, use, service, password);
    if (use.tls) {
        variables.emplace("REDIS_CA_FILE", authority_file(socket_directory));
    }
    return variables;
}

/// Gives a Redis that speaks TLS its certificate, and services the authority's.
Result<void> provide_tls(const ProvisionPlace& place, Assignment& assignment) {
    const std::string file = authority_file(assignment.socket_directory);
    if (assignment.spec.engine != model::Engine::kRedis || !assignment.spec.redis.tls) {
        return os::remove_file(file);
    }
    if (!place.tls) {
        return fail(ErrorCode::kUnsupported, "there is no authority that signs for engines");
    }
    SHORE_TRY(assignment.tls, place.tls());
    return os::write_file_atomically(file, assignment.tls.authority, 0644);
}

}  // namespace

Result<AgentProvision> provide_agent_blocking(Records& records, const ProvisionPlace& place,
                                              const Applicant& applicant) {
    const model::EngineRole& role = *applicant.service.engine;
    SHORE_TRY(Record record, records.take_blocking(applicant.stack, role.spec));
    AgentProvision provision;
    SHORE_TRY(const std::optional<os::User> user,
              find_user(place, applicant.service, role.part, provision.user));
    Assignment& assignment = provision.assignment;
    assignment.part = role.part;
    assignment.slot = applicant.slot;
    assignment.stack = applicant.stack;
    assignment.instance = applicant.instance;
    assignment.port = port_of(record, role.part, applicant.slot);
    if (assignment.port == 0) {
        return fail(ErrorCode::kInvalid, "{} has no process {} of {}", role.spec.service,
                    applicant.slot, model::to_string(role.part));
    }
    assignment.data_directory =
        fmt::format("{}/{}/{}.{}-{}", place.volume_directory, applicant.stack, role.spec.service,
                    model::to_string(role.part), applicant.slot);
    assignment.socket_directory =
        model::engine_socket_directory(place.run_directory, applicant.stack, role.spec.service);
    assignment.spec = role.spec;
    assignment.peers = std::move(record.peers);
    assignment.passwords = std::move(record.passwords);
    assignment.identity = std::move(record.identity);
    SHORE_CHECK(make_own(assignment.data_directory, 0700, user));
    SHORE_CHECK(make_own(assignment.socket_directory, 0711, user));
    SHORE_CHECK(provide_tls(place, assignment));
    return provision;
}

Result<std::map<std::string, std::string>> use_variables(const Record& record,
                                                         const model::EngineUse& use,
                                                         std::string_view service,
                                                         std::string_view socket_directory) {
    const auto password = record.passwords.find(std::string(service));
    if (password == record.passwords.end()) {
        return fail(ErrorCode::kUnavailable, "engine {} does not know service {} yet", use.service,
                    service);
    }
    const VariableMap plain =
        use.engine == model::Engine::kPostgres
            ? postgres_variables(record, use, service, password->second)
            : redis_variables(record, use, service, password->second, socket_directory);
    VariableMap variables;
    for (const auto& [name, value] : plain) {
        variables.emplace(use.prefix + name, value);
    }
    return variables;
}

}  // namespace shore::engines
