#include "engines/pgbouncer_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shore::engines {
namespace {

using testing::HasSubstr;

model::EngineSpec spec(uint32_t size, std::vector<model::EngineUser> users) {
    model::EngineSpec spec;
    spec.service = "db";
    spec.postgres.database = "shop";
    spec.pool.size = size;
    spec.users = std::move(users);
    return spec;
}

TEST(PoolPlan, AddsUpToTheSizeWhateverUsesIt) {
    for (uint32_t size = 8; size < 120; size += 7) {
        for (const uint32_t replicas : {0U, 2U}) {
            model::EngineSpec many =
                spec(size, {{"api", "shop"}, {"worker", "shop"}, {"zoo", "animals"}});
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
    model::EngineSpec one = spec(24, {{"api", "shop"}});
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

std::string ini(const Assignment& assignment, PoolServers servers) {
    return pgbouncer_ini({.assignment = assignment,
                          .shares = plan_pool(assignment.spec).value(),
                          .servers = std::move(servers),
                          .users_file = "/v/users.txt"});
}

Assignment assignment() {
    Assignment assignment;
    assignment.port = 30002;
    assignment.socket_directory = "/r/shop/.db";
    assignment.spec = spec(25, {{"api", "shop"}});
    return assignment;
}

TEST(PgBouncerIni, SendsEachEntryToItsServers) {
    EXPECT_THAT(ini(assignment(), {.primary = "/r/shop/.db/primary"}),
                HasSubstr("[databases]\n"
                          "shop = host=/r/shop/.db/primary port=5432 dbname=shop pool_size=24 "
                          "max_db_connections=24\n"
                          "shop_read = host=/r/shop/.db/primary port=5432 dbname=shop pool_size=1 "
                          "max_db_connections=1\n"));
    EXPECT_THAT(ini(assignment(), {.primary = "/r/shop/.db/primary",
                                   .readers = {"/r/shop/.db/r2", "/r/shop/.db/r3"}}),
                HasSubstr("shop_read = host=/r/shop/.db/r2,/r/shop/.db/r3 port=5432 "));
}

TEST(PgBouncerIni, CarriesThePoolsOptions) {
    Assignment own = assignment();
    own.spec.pool.clients = 700;
    own.spec.pool.wait = std::chrono::seconds(7);
    own.spec.pool.recycle = std::chrono::minutes(2);
    own.spec.pool.statement_timeout = std::chrono::milliseconds(1500);
    const std::string text = ini(own, {.primary = "/r"});
    for (const std::string_view line :
         {"max_client_conn = 700\n", "query_wait_timeout = 7\n", "server_lifetime = 120\n",
          "pool_mode = transaction\n", "auth_type = scram-sha-256\n",
          "auth_query = SELECT uname, phash FROM shore.user_lookup($1)\n",
          " connect_query='SET statement_timeout = 1500'\n"}) {
        EXPECT_THAT(text, HasSubstr(line));
    }
}

TEST(PgBouncerUsers, AreQuoted) {
    EXPECT_EQ(users_file_text({{"api", "SCRAM-SHA-256$4096:a$b:c"}, {"x", "a\"b"}}),
              "\"api\" \"SCRAM-SHA-256$4096:a$b:c\"\n\"x\" \"a\"\"b\"\n");
}

}  // namespace
}  // namespace shore::engines
