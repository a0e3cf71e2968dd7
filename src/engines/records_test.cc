// What is given out once: ports and passwords; and what instances get of them.
#include "engines/records.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "engines/provision.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::engines {
namespace {

model::EngineSpec postgres(uint32_t replicas) {
    model::EngineSpec spec;
    spec.service = "db";
    spec.postgres.replicas = replicas;
    spec.users = {{.service = "api", .database = "shop"}};
    return spec;
}

class RecordsTest : public testing::Test {
 protected:
    os::TemporaryDirectory directory_ = std::move(*os::TemporaryDirectory::create());
    Records records_{directory_.path(), [this](uint16_t port) { return port != busy_; }};
    uint16_t busy_ = kPortFirst;  // Of another program.
};

TEST_F(RecordsTest, AreTheSameForTheLifeOfTheData) {
    const auto first = records_.take_blocking("shop", postgres(0));
    ASSERT_TRUE(first) << first.error().text();
    ASSERT_EQ(first->peers.size(), 2u);
    const uint16_t port = port_of(*first, model::EnginePart::kPostgres, 1);
    EXPECT_GE(port, kPortFirst);
    EXPECT_LE(port, kPortLast);
    EXPECT_NE(port, busy_);
    EXPECT_EQ(first->passwords.size(), 5u);
    EXPECT_EQ(first->passwords.at("api").size(), 32u);
    EXPECT_EQ(first->identity.size(), 32u);
    busy_ = 0;
    Records next(directory_.path(), [](uint16_t) { return true; });
    const auto again = next.take_blocking("shop", postgres(1));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->passwords, first->passwords);
    EXPECT_EQ(again->identity, first->identity);
    EXPECT_EQ(port_of(*again, model::EnginePart::kPostgres, 1), port);
    const uint16_t second = port_of(*again, model::EnginePart::kPostgres, 2);
    EXPECT_NE(second, 0);
    EXPECT_NE(second, port);
    EXPECT_NE(second, port_of(*again, model::EnginePart::kPgBouncer, 1));
}

TEST_F(RecordsTest, ShareNoPortBetweenStacks) {
    const auto one = records_.take_blocking("shop", postgres(0));
    const auto two = records_.take_blocking("shop@testing", postgres(0));
    ASSERT_TRUE(one && two);
    for (const Peer& peer : one->peers) {
        for (const Peer& other : two->peers) {
            EXPECT_NE(peer.port, other.port);
        }
    }
}

TEST_F(RecordsTest, AreReadableByTheirOwnerOnly) {
    ASSERT_TRUE(records_.take_blocking("shop", postgres(0)));
    struct stat status{};
    ASSERT_EQ(::stat(records_.path("shop", "db").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(RecordsTest, AreNeverMadeAnewOverDamagedOnes) {
    ASSERT_TRUE(records_.take_blocking("shop", postgres(0)));
    const std::string path = records_.path("shop", "db");
    ASSERT_TRUE(os::write_file_atomically(path, "{\"addresses\": [{\"part\": \"x\"}]}"));
    const auto taken = records_.take_blocking("shop", postgres(0));
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code(), ErrorCode::kCorrupt);
    EXPECT_NE(taken.error().text().find(path), std::string::npos) << taken.error().text();
}

TEST_F(RecordsTest, SayWhenNoPortIsLeft) {
    Records full(directory_.path(), [](uint16_t) { return false; });
    const auto taken = full.take_blocking("shop", postgres(0));
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code(), ErrorCode::kExhausted);
}

TEST_F(RecordsTest, GiveUsersTheirAddresses) {
    const auto record = records_.take_blocking("shop", postgres(1));
    ASSERT_TRUE(record);
    model::EngineUse use{.service = "db", .database = "shop", .pooled = true, .replicas = 1};
    const auto variables = use_variables(*record, use, "api", "/run/db");
    ASSERT_TRUE(variables);
    const std::string password = record->passwords.at("api");
    const uint16_t pool = port_of(*record, model::EnginePart::kPgBouncer, 1);
    EXPECT_EQ(variables->at("DATABASE_URL"),
              fmt::format("postgresql://api:{}@127.0.0.1:{}/shop", password, pool));
    EXPECT_EQ(variables->at("DATABASE_READ_URL"),
              fmt::format("postgresql://api:{}@127.0.0.1:{}/shop_read", password, pool));
    EXPECT_NE(variables->at("DATABASE_DIRECT_URL").find("?target_session_attrs=read-write"),
              std::string::npos);
    EXPECT_EQ(variables->at("PGPORT"), std::to_string(pool));
    use.prefix = "ORDERS_";
    EXPECT_TRUE(use_variables(*record, use, "api", "/run/db")->contains("ORDERS_PGPASSWORD"));
    const auto stranger = use_variables(*record, use, "worker", "/run/db");
    ASSERT_FALSE(stranger);
    EXPECT_EQ(stranger.error().code(), ErrorCode::kUnavailable);
}

TEST_F(RecordsTest, GiveUsersOfAStoreThatSpeaksTlsTheAuthority) {
    model::EngineSpec spec;
    spec.service = "store";
    spec.engine = model::Engine::kRedis;
    spec.redis.tls = true;
    spec.users = {{.service = "web"}};
    model::ServiceSpec service;
    service.engine = model::EngineRole{.part = model::EnginePart::kRedis, .spec = spec};
    ProvisionPlace place{.run_directory = directory_.file("run"),
                         .volume_directory = directory_.path(),
                         .is_root = false,
                         .tls = nullptr};
    const Applicant applicant{
        .stack = "shop", .instance = "store-1", .slot = 1, .service = service};
    EXPECT_FALSE(provide_agent_blocking(records_, place, applicant));
    place.tls = [] { return EngineTls{.certificate = "key", .authority = "authority"}; };
    const auto agent = provide_agent_blocking(records_, place, applicant);
    ASSERT_TRUE(agent) << agent.error().text();
    EXPECT_EQ(agent->assignment.tls.certificate, "key");
    const model::EngineUse use{
        .service = "store", .engine = model::Engine::kRedis, .prefix = "", .tls = true};
    const auto variables = use_variables(*records_.read_blocking("shop", "store"), use, "web",
                                         agent->assignment.socket_directory);
    ASSERT_TRUE(variables) << variables.error().text();
    EXPECT_TRUE(variables->at("REDIS_URL").starts_with("rediss://web:"));
    EXPECT_EQ(os::read_file(variables->at("REDIS_CA_FILE"), Bytes::kib(1)).value(), "authority");
}

TEST_F(RecordsTest, GiveAgentsTheirAssignmentAndDirectories) {
    model::ServiceSpec service;
    service.engine = model::EngineRole{.part = model::EnginePart::kPgBouncer, .spec = postgres(0)};
    const ProvisionPlace place{.run_directory = directory_.file("run"),
                               .volume_directory = directory_.path(),
                               .is_root = false,
                               .tls = nullptr};
    const auto agent = provide_agent_blocking(
        records_, place, {.stack = "shop", .instance = "db-pool-1", .slot = 1, .service = service});
    ASSERT_TRUE(agent) << agent.error().text();
    EXPECT_EQ(agent->user, "");
    EXPECT_EQ(agent->assignment.data_directory, directory_.file("shop/db.pgbouncer-1"));
    struct stat status{};
    ASSERT_EQ(::stat(agent->assignment.data_directory.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700u);
    ASSERT_EQ(::stat(agent->assignment.socket_directory.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0711u);
    const auto surplus = provide_agent_blocking(
        records_, place, {.stack = "shop", .instance = "db-pool-2", .slot = 2, .service = service});
    ASSERT_FALSE(surplus);
    EXPECT_EQ(surplus.error().code(), ErrorCode::kInvalid);
}

}  // namespace
}  // namespace shore::engines
