#include "engines/postgres_callers.h"

#include <gtest/gtest.h>

namespace shore::engines {

namespace {

using enum model::EngineAccess;

model::EngineSpec spec_of(std::vector<model::EngineUser> users) {
    model::EngineSpec spec;
    spec.postgres.database = "shop";
    spec.users = std::move(users);
    return spec;
}

const std::vector<model::EngineUser> kTwoWriters = {
    {.service = "order-api", .database = "shop", .access = kWrite},
    {.service = "worker", .database = "shop", .access = kWrite},
    {.service = "report", .database = "shop", .access = kRead}};

TEST(PostgresCallers, NamesTheOnlyServiceOfAGroup) {
    const auto spec = spec_of({{.service = "order-api", .database = "shop", .access = kWrite}});
    EXPECT_FALSE(has_shared_groups(spec));
    EXPECT_EQ(caller_name(spec, "shop", "shop_owner", 7, {}), "order-api");
}

TEST(PostgresCallers, NamesThoseThatWereSeenWhereSeveralActAsOneGroup) {
    const auto spec = spec_of(kTwoWriters);
    EXPECT_TRUE(has_shared_groups(spec));
    const PostgresCallers callers = {{7, {"worker"}}, {8, {"worker", "order_api", "report"}}};
    EXPECT_EQ(caller_name(spec, "shop", "shop_owner", 7, callers), "worker");
    EXPECT_EQ(caller_name(spec, "shop", "shop_owner", 8, callers), "order-api, worker");
    EXPECT_EQ(caller_name(spec, "shop", "shop_owner", 9, callers), "order-api or worker");
}

TEST(PostgresCallers, NamesServicesThatReadAndRolesOfNobody) {
    const auto spec = spec_of(kTwoWriters);
    EXPECT_EQ(caller_name(spec, "shop", "report", 7, {}), "report");
    EXPECT_EQ(caller_name(spec, "shop", "guest", 7, {}), "guest");
    EXPECT_EQ(caller_name(spec, "old", "old_owner", 7, {}), "old_owner");
}

}  // namespace

}  // namespace shore::engines
