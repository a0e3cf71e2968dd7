#include "engines/redis_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engines/redis_tls.h"

namespace shore::engines {
namespace {

using model::EnginePart;
using testing::HasSubstr;
using testing::Not;

Assignment sample(uint32_t replicas) {
    Assignment assignment{.part = EnginePart::kRedis,
                          .slot = 2,
                          .stack = "shop",
                          .instance = "store-server-2",
                          .port = 7002,
                          .data_directory = "/data",
                          .socket_directory = "/run/s"};
    assignment.spec.engine = model::Engine::kRedis;
    assignment.spec.service = "store";
    assignment.spec.redis.replicas = replicas;
    assignment.spec.redis.sentinels = replicas > 0 ? 3 : 0;
    assignment.spec.redis.replicated = replicas > 0;
    assignment.spec.users = {{.service = "re-port", .access = model::EngineAccess::kRead},
                             {.service = "web"}};
    assignment.passwords = {{"@admin", "a1"},
                            {"@monitor", "m1"},
                            {"@replication", "r1"},
                            {"re-port", "p1"},
                            {"web", "w1"}};
    return assignment;
}

TEST(RedisConfig, OfAServerAlone) {
    const std::string conf = redis_conf(sample(0), 0).value();
    for (const std::string_view line :
         {"bind 127.0.0.1\n", "port 7002\n", "unixsocket /run/s/redis-2.redis\n", "dir /data\n",
          "appendonly yes\n", "appendfsync everysec\n", "maxmemory 268435456\n",
          "maxmemory-policy noeviction\n", "tcp-keepalive 60\n", "unixsocketperm 777\n"}) {
        EXPECT_THAT(conf, HasSubstr(line));
    }
    EXPECT_THAT(conf, Not(HasSubstr("replicaof")));
}

TEST(RedisConfig, OfAReplica) {
    const std::string conf = redis_conf(sample(2), 7001).value();
    for (const std::string_view line :
         {"replicaof 127.0.0.1 7001\n", "masteruser @replication\n", "masterauth r1\n",
          "replica-announce-port 7002\n", "min-replicas-to-write 1\n", "unixsocketperm 700\n"}) {
        EXPECT_THAT(conf, HasSubstr(line));
    }
}

TEST(RedisConfig, OfAPrimaryHasNoPrimary) {
    EXPECT_THAT(redis_conf(sample(2), 0).value(), Not(HasSubstr("\nreplicaof")));
}

TEST(RedisConfig, TakesSettingsOfTheManifestInTheirPlace) {
    Assignment assignment = sample(0);
    assignment.spec.redis.settings = {{"tcp-keepalive", "10"}, {"hz", "20"}};
    const std::string conf = redis_conf(assignment, 0).value();
    EXPECT_THAT(conf, HasSubstr("hz 20\ntcp-keepalive 10\n"));
    EXPECT_THAT(conf, Not(HasSubstr("tcp-keepalive 60")));
}

TEST(RedisConfig, RefusesSettingsThatAreShoresOwn) {
    for (const auto& [name, value] : std::map<std::string, std::string>{
             {"port", "1"}, {"ReplicaOf", "x 1"}, {"hz", "1\nport 1"}, {"hz 1\nx", "1"}}) {
        Assignment assignment = sample(0);
        assignment.spec.redis.settings = {{name, value}};
        const auto conf = redis_conf(assignment, 0);
        ASSERT_FALSE(conf) << name;
        EXPECT_EQ(conf.error().code(), ErrorCode::kInvalid);
    }
}

TEST(RedisConfig, OfAServerThatSpeaksTls) {
    Assignment assignment = sample(2);
    assignment.spec.redis.tls = true;
    const std::string conf = redis_conf(assignment, 7001).value();
    for (const std::string_view line :
         {"\nport 0\n", "\ntls-port 7002\n", "tls-cert-file /data/tls.pem\n",
          "tls-key-file /data/tls.pem\n", "tls-ca-cert-file /data/ca.pem\n",
          "tls-replication yes\n", "tls-auth-clients no\n"}) {
        EXPECT_THAT(conf, HasSubstr(line));
    }
}

TEST(RedisConfig, ASentinelKeepsWhatItKnowsWhenItsPortsChange) {
    Assignment assignment = sample(2);
    assignment.part = EnginePart::kRedisSentinel;
    assignment.spec.redis.tls = true;
    const std::string_view own = "port 7002\nsentinel myid x\nbind 1.1.1.1\n# Generated\n";
    EXPECT_EQ(with_port_lines(own, assignment),
              redis_port_lines(assignment) + "sentinel myid x\n# Generated\n");
    EXPECT_THAT(redis_port_lines(assignment), HasSubstr("unixsocket /run/s/sentinel-2.redis\n"));
}

TEST(RedisConfig, EvictsOnlyWhereThatIsAllowed) {
    Assignment assignment = sample(0);
    assignment.spec.redis.evictable = true;
    EXPECT_THAT(redis_conf(assignment, 0).value(), HasSubstr("maxmemory-policy allkeys-lru\n"));
    assignment.spec.redis.policy = "volatile-ttl";
    EXPECT_THAT(redis_conf(assignment, 0).value(), HasSubstr("maxmemory-policy volatile-ttl\n"));
}

TEST(RedisConfig, GivesEachServiceAUser) {
    Assignment assignment = sample(2);
    assignment.spec.redis.commands_disabled = {"FLUSHALL"};
    EXPECT_EQ(redis_users(assignment),
              "user default off -@all\n"
              "user shore_admin on >a1 ~* &* +@all\n"
              "user @replication on >r1 +psync +replconf +ping\n"
              "user @monitor on >m1 allchannels +multi +ping +exec +subscribe +publish "
              "+config|rewrite +role +info +client|setname +client|kill +script|kill -slaveof\n"
              "user re_port on >p1 ~* &* +@read +@connection -@admin -@dangerous +info +keys "
              "+sort_ro +role -flushall\n"
              "user web on >w1 ~* &* +@all -@admin -@dangerous +info +keys +flushdb +flushall "
              "+sort +sort_ro +role +client|list -flushall\n");
}

TEST(RedisConfig, ChangesOnlyTheUsersThatHaveChanged) {
    using Commands = std::vector<std::vector<std::string>>;
    EXPECT_EQ(user_changes("user a on >1 +get\nuser b on >2 +set\nuser c on >3 +@all\n",
                           "user a on >1 +get\nuser b on >2 +get\nuser d on >4 +@all\n"),
              (Commands{{"ACL", "SETUSER", "b", "reset", "on", ">2", "+get"},
                        {"ACL", "SETUSER", "d", "reset", "on", ">4", "+@all"},
                        {"ACL", "DELUSER", "c"}}));
}

TEST(RedisConfig, OfASentinel) {
    Assignment assignment = sample(2);
    assignment.part = EnginePart::kRedisSentinel;
    assignment.port = 7012;
    assignment.slot = 2;
    assignment.peers = {{EnginePart::kRedis, 1, 7001},
                        {EnginePart::kRedis, 2, 7002},
                        {EnginePart::kRedisSentinel, 1, 7011},
                        {EnginePart::kRedisSentinel, 2, 7012},
                        {EnginePart::kRedisSentinel, 3, 7013}};
    assignment.identity = "0123456789abcdef0123456789abcdef";
    const std::string conf = sentinel_conf(assignment, 7001, {{3, "other"}});
    for (const std::string_view line :
         {"sentinel monitor store 127.0.0.1 7001 2\n",
          "sentinel down-after-milliseconds store 1150\n", "sentinel auth-user store @monitor\n",
          "sentinel auth-pass store m1\n", "sentinel sentinel-user @monitor\n",
          "sentinel myid 0123456789abcdef0123456789abcdef00000002\n",
          "sentinel known-replica store 127.0.0.1 7002\n",
          "sentinel known-sentinel store 127.0.0.1 7011 "
          "0123456789abcdef0123456789abcdef00000001\n",
          "sentinel known-sentinel store 127.0.0.1 7013 other\n"}) {
        EXPECT_THAT(conf, HasSubstr(line));
    }
    EXPECT_THAT(conf, Not(HasSubstr("known-replica store 127.0.0.1 7001")));
    EXPECT_THAT(conf, Not(HasSubstr("known-sentinel store 127.0.0.1 7012")));
    EXPECT_EQ(redis_conf_path(assignment), "/data/sentinel.conf");
    EXPECT_THAT(sentinel_users(assignment), HasSubstr("user web on >w1 allchannels +auth "));
}

}  // namespace
}  // namespace shore::engines
