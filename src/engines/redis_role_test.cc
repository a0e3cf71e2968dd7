#include "engines/redis_role.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "engines/limits.h"

namespace shore::engines {
namespace {

using Kind = RoleAnswer::Kind;
using State = RedisPeer::State;

constexpr std::chrono::seconds kLong{30};

RoleQuestion question(uint32_t slot, Duration waited = kLong) {
    RoleQuestion result{.slot = slot, .has_data = true, .waited = waited};
    for (uint32_t other = 1; other <= 3; ++other) {
        if (other != slot) {
            result.peers.push_back({.slot = other});
        }
    }
    return result;
}

TEST(RedisRole, FollowsWhomTheSentinelsName) {
    RoleQuestion asked = question(1, {});
    asked.named = 2;
    EXPECT_EQ(decide_role(asked), (RoleAnswer{.kind = Kind::kReplica, .slot = 2}));
}

TEST(RedisRole, IsPrimaryWhenNamedAndNoReplicaHasOutlivedIt) {
    RoleQuestion asked = question(2, {});
    asked.named = 2;
    EXPECT_EQ(decide_role(asked).kind, Kind::kPrimary);
    asked.peers[0].state = State::kReplica;  // It started after all had ended: it has no more.
    EXPECT_EQ(decide_role(asked).kind, Kind::kPrimary);
}

TEST(RedisRole, NeverComesBackBeforeReplicasThatHaveOutlivedIt) {
    RoleQuestion asked = question(1, {});
    asked.named = 1;
    asked.peers[1] = {.slot = 3, .state = State::kReplica, .has_followed = true};
    EXPECT_EQ(decide_role(asked).kind, Kind::kWait);
    asked.waited = kLong;
    EXPECT_EQ(decide_role(asked).kind, Kind::kElect);
}

TEST(RedisRole, WaitsForTheSentinelsWhenAnotherIsPrimaryAlready) {
    RoleQuestion asked = question(1, {});
    asked.named = 1;
    asked.peers[1] = {.slot = 3, .state = State::kPrimary};
    EXPECT_EQ(decide_role(asked).kind, Kind::kWait);
    asked.waited = kLong;
    EXPECT_EQ(decide_role(asked), (RoleAnswer{.kind = Kind::kReplica, .slot = 3}));
}

TEST(RedisRole, DoesNotFollowOneThatFollowsItself) {
    RoleQuestion asked = question(2, {});
    asked.named = 1;
    asked.peers[0] = {.slot = 1, .state = State::kReplica};
    EXPECT_EQ(decide_role(asked).kind, Kind::kWait);
    asked.waited = kLong;
    EXPECT_EQ(decide_role(asked).kind, Kind::kElect);
}

TEST(RedisRole, GivesTheFirstServerTheFirstStart) {
    for (uint32_t slot = 1; slot <= 3; ++slot) {
        RoleQuestion asked = question(slot, kRoleFreshWait);
        asked.has_data = false;
        const RoleAnswer answer = decide_role(asked);
        EXPECT_EQ(answer.kind, slot == 1 ? Kind::kPrimary : Kind::kReplica);
        EXPECT_EQ(answer.slot, slot == 1 ? 0U : 1U);
        asked.waited = {};
        EXPECT_EQ(decide_role(asked).kind, Kind::kWait);
    }
}

TEST(RedisRole, WaitsForTheOthersWordWhenItHasData) {
    RoleQuestion asked = question(1, kRoleSentinelsWait);
    asked.record = {.epoch = 4, .primary = true, .offset = 10};
    EXPECT_EQ(decide_role(asked).kind, Kind::kWait);
    for (RedisPeer& peer : asked.peers) {
        peer.state = State::kDeciding;
    }
    EXPECT_EQ(decide_role(asked).kind, Kind::kPrimary);
}

TEST(RedisRole, KeepsItsRecordInAFile) {
    const RedisRecord record{.epoch = 7, .primary = true, .offset = 1ULL << 40U};
    EXPECT_EQ(parse_redis_record(to_json(record)), record);
    EXPECT_EQ(parse_redis_record("{"), RedisRecord{});
}

/// All servers start at once and see each other; no sentinel answers: there is one primary, and it
/// has the newest data.
TEST(RedisRole, MakesTheNewestDataPrimaryWhateverTheRecords) {
    const uint64_t seed = base::Random(11).next();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    base::Random random(seed);
    for (int round = 0; round < 2000; ++round) {
        std::array<RedisRecord, 3> records;
        for (RedisRecord& record : records) {
            record = {.epoch = random.next() % 3,
                      .primary = random.next() % 2 == 0,
                      .offset = random.next() % 4};
        }
        uint32_t primary = 0;
        std::array<RoleAnswer, 3> answers;
        for (uint32_t slot = 1; slot <= 3; ++slot) {
            RoleQuestion asked = question(slot);
            asked.record = records[slot - 1];
            for (RedisPeer& peer : asked.peers) {
                peer.state = State::kDeciding;
                peer.record = records[peer.slot - 1];
            }
            answers[slot - 1] = decide_role(asked);
            if (answers[slot - 1].kind == Kind::kPrimary) {
                ASSERT_EQ(primary, 0U);
                primary = slot;
            }
        }
        ASSERT_NE(primary, 0U);
        for (uint32_t slot = 1; slot <= 3; ++slot) {
            ASSERT_FALSE(is_newer(records[slot - 1], records[primary - 1]));
            ASSERT_TRUE(slot == primary || answers[slot - 1].slot == primary);
        }
    }
}

}  // namespace
}  // namespace shore::engines
