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

std::string ini(const Assignment& assignment, PoolServers servers) {
    return pgbouncer_ini({.assignment = assignment,
                          .shares = model::plan_pool(assignment.spec).value(),
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
