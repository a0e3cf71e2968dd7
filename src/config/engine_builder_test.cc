// Engines of a manifest: the services they become, who uses them, and what is refused.
#include "config/engine_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/digest.h"
#include "config/test_project.h"

namespace shore::config {

using testing::ElementsAre;
using testing::HasSubstr;

namespace {

model::StackSpec stack_of(std::string_view text) {
    TestProject project;
    project.file("shore.yaml", text);
    const Outcome outcome = project.load();
    if (!outcome) {
        ADD_FAILURE() << to_text(outcome.error());
        return {};
    }
    // What is stored as a release means the same.
    const Outcome again = load_normalised(outcome->manifest_yaml, project.directory(), "");
    EXPECT_TRUE(again && again->stack == outcome->stack) << outcome->manifest_yaml;
    return outcome->stack;
}

std::string problems_of(std::string_view text) {
    return TestProject().problems_of(text);
}

std::vector<std::string> names(const model::StackSpec& stack) {
    std::vector<std::string> result;
    std::ranges::transform(stack.services, std::back_inserter(result), &model::ServiceSpec::name);
    return result;
}

const model::ServiceSpec& service(const model::StackSpec& stack, std::string_view name) {
    const model::ServiceSpec* const found = model::find_service(stack, name);
    static const model::ServiceSpec kNone;
    EXPECT_NE(found, nullptr) << name;
    return found == nullptr ? kNone : *found;
}

constexpr std::string_view kShop = R"(
services:
  api:
    command: [./api]
    depends_on: [db]
  report:
    command: [./report]
    x-shore: {uses: {db: {access: read, database: numbers}}}
  db:
    deploy: {resources: {limits: {memory: 1G}}}
    x-shore: {engine: postgres, pool: {size: 25, clients: 2000}, extensions: pg_trgm}
)";

}  // namespace

TEST(Engines, PostgresBecomesAServerAndItsPool) {
    const model::StackSpec stack = stack_of(kShop);
    EXPECT_THAT(names(stack), ElementsAre("api", "db", "db-pool", "report"));
    const model::ServiceSpec& db = service(stack, "db");
    ASSERT_TRUE(db.engine);
    EXPECT_EQ(db.engine->part, model::EnginePart::kPostgres);
    EXPECT_EQ(db.engine->spec.postgres.memory, Bytes::gib(1));
    EXPECT_EQ(db.engine->spec.postgres.database, "shop");
    EXPECT_THAT(db.engine->spec.postgres.extensions, ElementsAre("pg_trgm"));
    EXPECT_EQ(db.engine->spec.pool.size, 25u);
    EXPECT_EQ(db.health.probe, model::HealthProbe::kEngine);
    EXPECT_EQ(db.update.order, model::UpdateOrder::kStopFirst);
    const model::ServiceSpec& pool = service(stack, "db-pool");
    ASSERT_TRUE(pool.engine);
    EXPECT_EQ(pool.engine->part, model::EnginePart::kPgBouncer);
    EXPECT_FALSE(pool.limits.memory);
    ASSERT_EQ(pool.depends_on.size(), 1u);
    EXPECT_EQ(pool.depends_on[0].service, "db");
}

TEST(Engines, UsersWaitForHealthyPartsAndAreKnownToTheEngine) {
    const model::StackSpec stack = stack_of(kShop);
    const model::ServiceSpec& api = service(stack, "api");
    ASSERT_EQ(api.uses.size(), 1u);
    EXPECT_EQ(api.uses[0].database, "shop");
    EXPECT_TRUE(api.uses[0].pooled);
    EXPECT_EQ(api.uses[0].prefix, "");
    ASSERT_EQ(api.depends_on.size(), 2u);
    for (const model::Dependency& dependency : api.depends_on) {
        EXPECT_EQ(dependency.condition, model::DependencyCondition::kHealthy);
    }
    const model::EngineUser report{
        .service = "report", .database = "numbers", .access = model::EngineAccess::kRead};
    EXPECT_THAT(service(stack, "db").engine->spec.users,
                ElementsAre(model::EngineUser{.service = "api", .database = "shop"}, report));
}

TEST(Engines, RedisIsOneServerOrAnEndpointWithServersAndSentinels) {
    constexpr std::string_view kSimple = R"(
services:
  api: {command: [./api], depends_on: [store]}
  store: {x-shore: {engine: redis}}
)";
    const model::StackSpec simple = stack_of(kSimple);
    EXPECT_THAT(names(simple), ElementsAre("api", "store"));
    EXPECT_EQ(service(simple, "store").engine->part, model::EnginePart::kRedis);
    EXPECT_FALSE(service(simple, "store").engine->spec.redis.replicated);

    constexpr std::string_view kHa = R"(
services:
  api: {command: [./api], depends_on: [store]}
  store: {x-shore: {engine: redis, ha: {replicas: 2, sentinels: 3}}}
)";
    const model::StackSpec ha = stack_of(kHa);
    EXPECT_THAT(names(ha), ElementsAre("api", "store", "store-sentinel", "store-server"));
    EXPECT_EQ(service(ha, "store").engine->part, model::EnginePart::kRedisEndpoint);
    EXPECT_EQ(service(ha, "store-server").replicas, 3u);
    EXPECT_EQ(service(ha, "store-sentinel").replicas, 3u);
    EXPECT_TRUE(service(ha, "store").engine->spec.redis.replicated);
    EXPECT_EQ(service(ha, "api").uses[0].sentinels, 3u);
}

TEST(Engines, ConnectionsThatCannotBeAreToldWhereTheyAreAskedFor) {
    EXPECT_EQ(problems_of(R"(services:
  db:
    deploy: {resources: {limits: {memory: 128M}}}
    x-shore: {engine: postgres, connections: 60}
)"),
              "shore.yaml:3:43: services.db.deploy.resources.limits.memory: 128M of memory cannot "
              "hold 85 connections (pool.size 20, connections 60, 0 for replicas, 5 reserved): "
              "raise deploy.resources.limits.memory to 380M or more, or lower pool.size or "
              "connections\n");
    EXPECT_THAT(problems_of(R"(services:
  db:
    x-shore:
      engine: postgres
      connections: 400
)"),
                HasSubstr("shore.yaml:5:20: services.db.x-shore.connections: 512M of memory cannot "
                          "hold 425 connections"));
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: postgres, replicas: 2, pool: {size: "
                            "300}}}}"),
                HasSubstr("shore.yaml:1:71: services.db.x-shore.pool.size: 512M of memory cannot "
                          "hold 327 connections"));
    EXPECT_THAT(problems_of(R"(services:
  db:
    x-shore:
      engine: postgres
      settings: {max_connections: 40}
)"),
                HasSubstr("shore.yaml:5:35: services.db.x-shore.settings.max_connections: "
                          "settings.max_connections is 40, but 45 are needed"));
}

TEST(Engines, APoolTooSmallForItsRolesIsToldWhereItsSizeStands) {
    EXPECT_THAT(
        problems_of(R"(services:
  api: {command: [./api], depends_on: [db]}
  report: {command: [./report], x-shore: {uses: {db: {database: numbers}}}}
  db:
    x-shore: {engine: postgres, pool: {size: 3, clients: 10}}
)"),
        HasSubstr("shore.yaml:5:46: services.db.x-shore.pool.size: pool.size 3 is too small: "
                  "roles that need a connection: 2, databases that need one for reads: 2; "
                  "at least 4"));
}

TEST(Engines, SeveralOfAKindHavePrefixes) {
    constexpr std::string_view kText = R"(
services:
  api:
    command: [./api]
    x-shore: {uses: [orders-db, numbers, cache]}
  orders-db: {x-shore: {engine: postgres}}
  numbers: {x-shore: {engine: postgres, pool: false}}
  cache: {x-shore: {engine: redis, evictable: true}}
)";
    const model::StackSpec stack = stack_of(kText);
    const auto& uses = service(stack, "api").uses;
    ASSERT_EQ(uses.size(), 3u);
    EXPECT_EQ(uses[0].prefix, "");  // cache
    EXPECT_EQ(uses[1].prefix, "NUMBERS_");
    EXPECT_FALSE(uses[1].pooled);
    EXPECT_EQ(uses[2].prefix, "ORDERS_DB_");
}

TEST(Engines, OptionsDoNotReplaceServersAndUsesDoReplaceUsers) {
    const model::StackSpec before = stack_of(kShop);
    std::string changed(kShop);
    changed.replace(changed.find("pg_trgm"), 7, "citext");
    const model::StackSpec after = stack_of(changed);
    EXPECT_NE(service(before, "db"), service(after, "db"));
    EXPECT_EQ(service_digest(service(before, "db")), service_digest(service(after, "db")));
    std::string unpooled(kShop);
    unpooled.replace(unpooled.find("pool: {"), 31, "pool: false");
    const model::StackSpec direct = stack_of(unpooled);
    EXPECT_NE(service_digest(service(before, "api")), service_digest(service(direct, "api")));
}

TEST(Engines, VariablesOfEnginesStayForTheStart) {
    const model::StackSpec stack = stack_of(R"(
services:
  api:
    command: [./api]
    environment: {DATABASE_URL: "${DATABASE_URL}", OTHER: "x-${ORDERS_PGHOST}"}
    depends_on: [db]
  db: {x-shore: {engine: postgres}}
)");
    EXPECT_EQ(service(stack, "api").environment.at("DATABASE_URL"), "${DATABASE_URL}");
    EXPECT_EQ(service(stack, "api").environment.at("OTHER"), "x-${ORDERS_PGHOST}");
    TestProject project;
    project.file("shore.yaml",
                 "services: {api: {command: [./a], environment: {URL: \"${REDIS_URL}\"}}}");
    const Outcome outcome = project.load();
    ASSERT_TRUE(outcome);
    EXPECT_THAT(to_text(outcome->notes), HasSubstr("names REDIS_URL, which a service gets that"));
}

TEST(Engines, WhatCannotBeIsRefusedWithItsPlace) {
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: postgre}}}"),
                HasSubstr("did you mean \"postgres\"?"));
    EXPECT_THAT(problems_of("services: {db: {command: [a], x-shore: {engine: postgres}}}"),
                HasSubstr("shore.yaml:1:26: services.db.command: stands beside x-shore.engine"));
    EXPECT_THAT(problems_of("services: {db: {deploy: {replicas: 2}, x-shore: {engine: redis}}}"),
                HasSubstr("does not act on an engine"));
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: redis, pool: {size: 3}}}}"),
                HasSubstr("is of engine: postgres"));
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: redis, ha: {sentinels: 2}}}}"),
                HasSubstr("must be odd"));
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: redis, durability: replicated}}}"),
                HasSubstr("replicated needs x-shore.ha"));
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: redis, policy: allkeys-lru}}}"),
                HasSubstr("this store refuses to lose any"));
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: postgres, database: Shop}}}"),
                HasSubstr("must be lower-case letters"));
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: postgres, "
                            "pool: {size: 30, clients: 10}}}}"),
                HasSubstr("with fewer clients than connections"));
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: postgres}}, "
                            "api: {command: [a], x-shore: {uses: [bd]}}}"),
                HasSubstr("there is no engine \"bd\", did you mean \"db\"?"));
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: postgres}}, "
                            "db-pool: {command: [a]}}"),
                HasSubstr("runs as db-pool too, and there is a service of that name"));
    EXPECT_THAT(problems_of("services: {db: {x-shore: {engine: postgres}}, api: {command: [a], "
                            "x-shore: {uses: {db: {prefix: a-b}}}}}"),
                HasSubstr("a prefix must be capitals"));
}

}  // namespace shore::config
