#include "engines/parts.h"

#include "engines/pgbouncer_server.h"
#include "engines/postgres_server.h"
#include "engines/redis_endpoint.h"
#include "engines/redis_sentinel.h"
#include "engines/redis_server.h"

namespace shore::engines {

std::unique_ptr<Server> make_server(const ServerContext& context, Assignment assignment) {
    switch (assignment.part) {
        case model::EnginePart::kPostgres:
            return std::make_unique<PostgresServer>(context, std::move(assignment));
        case model::EnginePart::kRedis:
            return std::make_unique<RedisServer>(context, std::move(assignment));
        case model::EnginePart::kRedisSentinel:
            return std::make_unique<RedisSentinel>(context, std::move(assignment));
        case model::EnginePart::kRedisEndpoint:
            return std::make_unique<RedisEndpoint>(context, std::move(assignment));
        case model::EnginePart::kPgBouncer:
            return std::make_unique<PgBouncerServer>(context, std::move(assignment));
    }
    return nullptr;
}

}  // namespace shore::engines
