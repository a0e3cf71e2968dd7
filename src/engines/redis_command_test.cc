#include "engines/redis_command.h"

#include <gtest/gtest.h>

namespace shore::engines {
namespace {

TEST(RedisCommand, KnowsWritesFromReads) {
    for (const std::string_view name : {"SET", "EVAL", "FCALL", "BLPOP", "XADD", "FLUSHALL",
                                        "GETDEL", "SORT", "XREADGROUP", "PFADD"}) {
        EXPECT_TRUE(find_redis_command(name).writes) << name;
        EXPECT_FALSE(find_redis_command(name).repeatable) << name;
    }
    for (const std::string_view name : {"GET", "PING", "EVAL_RO", "XREAD", "SCAN", "INFO"}) {
        EXPECT_FALSE(find_redis_command(name).writes) << name;
        EXPECT_TRUE(find_redis_command(name).repeatable) << name;
    }
}

TEST(RedisCommand, RepeatsNoMessageAndWaitsForNoReplicaToHaveIt) {
    EXPECT_FALSE(find_redis_command("PUBLISH").writes);
    EXPECT_FALSE(find_redis_command("PUBLISH").repeatable);
}

TEST(RedisCommand, TakesAnUnknownOneForAWrite) {
    EXPECT_TRUE(find_redis_command("JSON.SET").writes);
    EXPECT_FALSE(find_redis_command("").repeatable);
}

TEST(RedisCommand, KnowsWhatWaits) {
    EXPECT_TRUE(find_redis_command("BLPOP").waits);
    EXPECT_TRUE(find_redis_command("XREAD").waits);
    EXPECT_FALSE(find_redis_command("LPOP").waits);
}

TEST(RedisCommand, KnowsWhatChangesTheConnection) {
    EXPECT_EQ(find_redis_command("MULTI").kind, RedisKind::kMulti);
    EXPECT_EQ(find_redis_command("SSUBSCRIBE").kind, RedisKind::kShardSubscribe);
    EXPECT_TRUE(is_subscription(find_redis_command("PUNSUBSCRIBE").kind));
    EXPECT_FALSE(is_subscription(find_redis_command("RESET").kind));
    EXPECT_EQ(find_redis_command("GET").kind, RedisKind::kPlain);
}

}  // namespace
}  // namespace shore::engines
