#include "engines/assignment.h"

#include <gtest/gtest.h>

namespace shore::engines {
namespace {

Assignment sample() {
    Assignment assignment{.part = model::EnginePart::kPgBouncer,
                          .slot = 1,
                          .stack = "shop@testing",
                          .instance = "db-pool-3",
                          .port = 30'001,
                          .data_directory = "/s/volumes/shop@testing/db.pgbouncer-1",
                          .socket_directory = "/s/run/shop@testing/.db"};
    assignment.spec.service = "db";
    assignment.spec.postgres.settings = {{"work_mem", "8MB"}};
    assignment.spec.users = {{.service = "api", .database = "shop"}};
    assignment.peers = {{model::EnginePart::kPostgres, 2, 30'002},
                        {model::EnginePart::kPostgres, 1, 30'000},
                        {model::EnginePart::kPgBouncer, 1, 30'001}};
    assignment.passwords = {{"api", "secret"}, {"@admin", "root"}};
    assignment.identity = "0123456789abcdef0123456789abcdef";
    assignment.tls = {.certificate = "certificate", .authority = "authority"};
    return assignment;
}

TEST(Assignment, ComesBackFromItsText) {
    const auto parsed = parse_assignment(to_json(sample()));
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(*parsed, sample());
    EXPECT_EQ(control_socket(*parsed), "/s/run/shop@testing/.db/db-pool-3.sock");
}

TEST(Assignment, GivesThePeersOfAPartBySlot) {
    const auto servers = peers_of(sample(), model::EnginePart::kPostgres);
    ASSERT_EQ(servers.size(), 2u);
    EXPECT_EQ(servers[0].port, 30'000);
    EXPECT_EQ(servers[1].port, 30'002);
    EXPECT_EQ(password_of(sample(), kAdminUser), "root");
    EXPECT_EQ(role_name("order-api"), "order_api");
}

TEST(Assignment, RefusesWhatIsNone) {
    for (const char* text : {"", "[]", "{}", "{\"part\": 1}", "\xff"}) {
        const auto parsed = parse_assignment(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalid) << parsed.error().text();
    }
    Assignment relative = sample();
    relative.data_directory = "volumes";
    EXPECT_FALSE(parse_assignment(to_json(relative)));
    Assignment nameless = sample();
    nameless.part = model::EnginePart::kRedisSentinel;
    nameless.identity.clear();
    EXPECT_FALSE(parse_assignment(to_json(nameless)));
    Assignment open = sample();
    open.spec.engine = model::Engine::kRedis;
    open.spec.redis.tls = true;
    open.tls = {};
    EXPECT_FALSE(parse_assignment(to_json(open)));
    Assignment strange = sample();
    strange.part = static_cast<model::EnginePart>(99);
    EXPECT_FALSE(parse_assignment(to_json(strange)));
}

}  // namespace
}  // namespace shore::engines
