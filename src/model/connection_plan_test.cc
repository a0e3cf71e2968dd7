#include "model/connection_plan.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace shore::model {
namespace {

using testing::HasSubstr;

EngineSpec spec(uint32_t size, std::vector<EngineUser> users = {}) {
    EngineSpec spec;
    spec.service = "db";
    spec.postgres.database = "shop";
    spec.pool.size = size;
    spec.users = std::move(users);
    return spec;
}

TEST(PostgresBudget, AddsUpPoolDirectReplicasAndReserve) {
    EngineSpec engine = spec(25);
    engine.postgres.replicas = 2;
    EXPECT_EQ(plan_postgres(engine)->connections_max, 25 + 20 + 2 + kConnectionsReserved);
    engine.pool.enabled = false;
    EXPECT_EQ(plan_postgres(engine)->connections_max, 20 + 2 + kConnectionsReserved);
}

TEST(PostgresBudget, SpendsTheMemoryItHasAndNoMore) {
    for (const uint64_t mebibytes : {256, 512, 1000, 4096, 65536}) {
        EngineSpec engine = spec(25);
        engine.postgres.memory = Bytes::mib(mebibytes);
        const auto budget = plan_postgres(engine);
        ASSERT_TRUE(budget) << budget.error().text();
        const uint64_t all =
            budget->shared_buffers.count + budget->maintenance_work_mem.count +
            budget->connections_max * (Bytes::mib(2).count + budget->work_mem.count);
        EXPECT_LE(all, engine.postgres.memory.count) << mebibytes;
        EXPECT_GE(budget->work_mem, Bytes::kib(512));
    }
}

TEST(PostgresBudget, RefusesWhatDoesNotFitAndSaysWhatWould) {
    EngineSpec engine = spec(25);
    engine.postgres.memory = Bytes::mib(128);
    const auto refused = plan_postgres(engine);
    ASSERT_FALSE(refused);
    const std::string text = refused.error().text();
    EXPECT_THAT(text, HasSubstr("128M of memory cannot hold 50 connections"));
    const size_t at = text.find("memory to ") + std::string_view("memory to ").size();
    engine.postgres.memory = base::parse_bytes(text.substr(at, text.find(' ', at) - at)).value();
    EXPECT_TRUE(plan_postgres(engine));
}

TEST(PostgresBudget, RefusesAMaximumBelowTheSum) {
    EngineSpec engine = spec(25);
    engine.postgres.settings["max_connections"] = "40";
    EXPECT_THAT(plan_postgres(engine).error().text(),
                HasSubstr("settings.max_connections is 40, but 50 are needed"));
    engine.postgres.settings["max_connections"] = "60";
    EXPECT_EQ(plan_postgres(engine)->connections_max, 60);
    engine.postgres.settings["max_connections"] = "5000";
    EXPECT_THAT(plan_postgres(engine).error().text(),
                HasSubstr("or lower settings.max_connections"));
}

TEST(PoolPlan, AddsUpToTheSizeWhateverUsesIt) {
    for (uint32_t size = 8; size < 120; size += 7) {
        for (const uint32_t replicas : {0U, 2U}) {
            EngineSpec many = spec(size, {{"api", "shop"}, {"worker", "shop"}, {"zoo", "animals"}});
            many.postgres.replicas = replicas;
            const auto shares = plan_pool(many);
            ASSERT_TRUE(shares) << size;
            uint32_t sum = 0;
            for (const PoolShare& share : *shares) {
                sum += share.connections;
                EXPECT_GE(share.connections, 1U);
                EXPECT_GE(share.connections_per_role, 1U);
                EXPECT_LE(share.connections_per_role, share.connections);
            }
            EXPECT_EQ(sum, size);
        }
    }
}

TEST(PoolPlan, AddsUpHoweverUnevenlyDatabasesAreUsed) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(seed);
    base::Random random(seed);
    for (int round = 0; round < 2000; ++round) {
        EngineSpec engine = spec(0);
        engine.postgres.replicas = static_cast<uint32_t>(random.below(3));
        const uint64_t databases = 1 + random.below(6);
        for (uint64_t i = 0, users = random.below(30); i < users; ++i) {
            // Most of them use one database.
            const uint64_t number = random.below(3) == 0 ? random.below(databases) : databases - 1;
            engine.users.push_back({fmt::format("s{}", i), fmt::format("d{}", number)});
        }
        uint32_t least = 0;
        while (!plan_pool(engine)) {
            ++engine.pool.size;
            ASSERT_LT(++least, 100U);
        }
        engine.pool.size = least + static_cast<uint32_t>(random.below(3) * random.below(60));
        const auto shares = plan_pool(engine).value();
        uint64_t sum = 0;
        for (const PoolShare& share : shares) {
            const auto roles =
                std::ranges::count(engine.users, share.database, &EngineUser::database);
            sum += share.connections;
            EXPECT_GE(share.connections, share.reads ? 1U : static_cast<uint32_t>(roles));
            EXPECT_GE(share.connections, share.connections_per_role);
        }
        EXPECT_EQ(sum, engine.pool.size);
    }
}

TEST(PoolPlan, NamesTheLeastSizeThatDoesWithReplicasToo) {
    std::vector<EngineUser> users;
    for (int i = 0; i < 10; ++i) {
        users.push_back({fmt::format("s{}", i), "shop"});
    }
    EngineSpec engine = spec(10, users);
    engine.postgres.replicas = 1;
    EXPECT_THAT(plan_pool(engine).error().text(), HasSubstr("at least 11"));
    engine.pool.size = 11;
    const auto shares = plan_pool(engine).value();
    EXPECT_EQ(shares[0].connections, 10U);
    EXPECT_EQ(shares[1].connections, 1U);
}

TEST(PoolPlan, LeavesEveryRoleAConnection) {
    const auto shares = plan_pool(spec(10, {{"api", "shop"}, {"worker", "shop"}})).value();
    EXPECT_EQ(
        shares[0],
        (PoolShare{
            .entry = "shop", .database = "shop", .connections = 9, .connections_per_role = 8}));
    EXPECT_EQ(shares[1].entry, "shop_read");
    EXPECT_EQ(shares[1].connections, 1U);
}

TEST(PoolPlan, GivesReadsAPartWhenThereAreReplicas) {
    EngineSpec one = spec(24, {{"api", "shop"}});
    one.postgres.replicas = 1;
    const auto shares = plan_pool(one).value();
    EXPECT_EQ(shares[0].connections, 16U);
    EXPECT_EQ(shares[1].connections, 8U);
}

TEST(PoolPlan, RefusesASizeThatIsTooSmallAndSaysWhatIsNot) {
    const auto refused = plan_pool(spec(2, {{"a", "x"}, {"b", "y"}}));
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(), HasSubstr("at least 6"));
    EXPECT_TRUE(plan_pool(spec(6, {{"a", "x"}, {"b", "y"}})));
}

}  // namespace
}  // namespace shore::model
