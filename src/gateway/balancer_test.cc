#include "gateway/balancer.h"

#include <map>

#include <gtest/gtest.h>

namespace shore::gateway {
namespace {

using std::chrono::seconds;

/// An upstream of some instances, all known since long ago unless said otherwise.
class Balancing : public ::testing::Test {
 protected:
    void add(std::string name, SteadyTime fresh = SteadyTime(seconds(-1000))) {
        members_.push_back(
            {std::make_shared<Endpoint>(name, net::Address::loopback(1), slot_++, fresh), false,
             stable_hash(name)});
    }
    Endpoint& endpoint(size_t at) { return *members_[at].endpoint; }
    size_t choose(Choice choice = {}) { return choose_member(members_, choice, random_); }
    /// How often each member is chosen.
    std::map<size_t, int> counts(const Choice& choice, int rounds = 3000) {
        std::map<size_t, int> counts;
        for (int i = 0; i < rounds; ++i) {
            ++counts[choose(choice)];
        }
        return counts;
    }

    std::vector<CompiledUpstream::Member> members_;
    uint32_t slot_ = 0;
    base::Random random_{42};
};

TEST_F(Balancing, TakesNobodyWhenNobodyCan) {
    EXPECT_EQ(choose(), kNobody);
    add("a");
    add("b");
    members_[0].draining = true;
    endpoint(1).eject();
    EXPECT_EQ(choose(), kNobody);
    EXPECT_EQ(choose({.balance = model::Balance::kHash}), kNobody);
    EXPECT_EQ(choose({.balance = model::Balance::kRoundRobin}), kNobody);
}

TEST_F(Balancing, PrefersTheInstanceWithFewerRequests) {
    add("a");
    add("b");
    endpoint(0).begin_request();
    EXPECT_EQ(counts({}).size(), 1U);
    EXPECT_EQ(choose(), 1U);
}

TEST_F(Balancing, SpreadsEqualLoadEvenly) {
    for (const char* const name : {"a", "b", "c", "d"}) {
        add(name);
    }
    for (const auto& [at, count] : counts({}, 4000)) {
        EXPECT_NEAR(count, 1000, 200) << at;
    }
}

TEST_F(Balancing, PutsInstancesThatFailedThisRequestLast) {
    add("a");
    add("b");
    for (const auto balance :
         {model::Balance::kLeastRequests, model::Balance::kRoundRobin, model::Balance::kHash}) {
        EXPECT_EQ(choose({.balance = balance, .tried = 1}), 1U);
        EXPECT_EQ(choose({.balance = balance, .tried = 2}), 0U);
        EXPECT_NE(choose({.balance = balance, .tried = 3}), kNobody);
    }
}

TEST_F(Balancing, GoesRound) {
    for (const char* const name : {"a", "b", "c"}) {
        add(name);
    }
    for (uint64_t turn = 0; turn < 9; ++turn) {
        EXPECT_EQ(choose({.balance = model::Balance::kRoundRobin, .turn = turn}), turn % 3);
    }
}

TEST_F(Balancing, HashesMoveOnlyTheShareOfAnInstanceThatLeaves) {
    for (const char* const name : {"a", "b", "c", "d", "e"}) {
        add(name);
    }
    std::vector<size_t> before;
    std::map<size_t, int> spread;
    for (uint64_t client = 0; client < 5000; ++client) {
        before.push_back(choose(
            {.balance = model::Balance::kHash, .client = stable_hash(std::to_string(client))}));
        ++spread[before.back()];
    }
    for (const auto& [at, count] : spread) {
        EXPECT_NEAR(count, 1000, 150) << at;
    }
    endpoint(2).eject();
    for (uint64_t client = 0; client < 5000; ++client) {
        const size_t now = choose(
            {.balance = model::Balance::kHash, .client = stable_hash(std::to_string(client))});
        EXPECT_NE(now, 2U);
        if (before[client] != 2) {
            ASSERT_EQ(now, before[client]);
        }
    }
}

TEST_F(Balancing, StartsSlowly) {
    add("old");
    add("young", SteadyTime(seconds(0)));
    const auto share = [&](Duration age, model::Balance balance) {
        int young = 0;
        for (uint64_t turn = 0; turn < 4000; ++turn) {
            young += static_cast<int>(choose({.balance = balance,
                                              .turn = turn,
                                              .now = SteadyTime(age),
                                              .slow_start = seconds(10)}) == 1);
        }
        return young / 4000.0;
    };
    EXPECT_LT(share(seconds(1), model::Balance::kLeastRequests), 0.15);
    EXPECT_LT(share(seconds(1), model::Balance::kRoundRobin), 0.15);
    EXPECT_NEAR(share(seconds(10), model::Balance::kLeastRequests), 0.5, 0.05);
    EXPECT_NEAR(share(seconds(10), model::Balance::kRoundRobin), 0.5, 0.05);
}

TEST_F(Balancing, LimitsTheShareThatIsOut) {
    for (const char* const name : {"a", "b", "c", "d"}) {
        add(name);
    }
    EXPECT_TRUE(may_eject(members_, 0.5));
    endpoint(0).eject();
    EXPECT_TRUE(may_eject(members_, 0.5));
    endpoint(1).eject();
    EXPECT_FALSE(may_eject(members_, 0.5));
    EXPECT_TRUE(may_eject(members_, 1.0));
}

TEST(Shares, FollowTheirWeights) {
    const std::vector<uint32_t> weights = {90, 0, 10};
    std::map<size_t, int> counts;
    base::Random random(7);
    for (int i = 0; i < 10'000; ++i) {
        ++counts[choose_share(weights, random.next())];
    }
    EXPECT_NEAR(counts[0], 9000, 200);
    EXPECT_EQ(counts[1], 0);
}

TEST(RetryBudget, AllowsAShareOfTheRequestsAndAFewMore) {
    LocalUpstream upstream;
    const SteadyTime now{seconds(100)};
    for (int i = 0; i < 100; ++i) {
        upstream.count_request(now);
    }
    int taken = 0;
    while (upstream.take_retry(now, 0.2)) {
        ++taken;
    }
    EXPECT_EQ(taken, 30);
    EXPECT_TRUE(upstream.take_retry(now + seconds(60), 0.2));
}

TEST(UpstreamState, CountsWhoIsInAndWhoWaits) {
    UpstreamState state;
    EXPECT_TRUE(state.begin(1));
    EXPECT_FALSE(state.begin(1));
    EXPECT_TRUE(state.enter(1));
    EXPECT_FALSE(state.enter(1));
    state.leave();
    state.end();
    EXPECT_TRUE(state.begin(1));
    EXPECT_EQ(state.waiting(), 0U);
}

TEST(TextTemplate, FillsItsBlanks) {
    TextTemplate::Values values{.host = "shop.test", .path = "/a/b", .rest = "/b", .query = "?q=1"};
    values.groups[1] = "7";
    EXPECT_EQ(TextTemplate("https://{host}{path}{query}#{1}").fill(values),
              "https://shop.test/a/b?q=1#7");
    EXPECT_EQ(TextTemplate("/v2{rest}").fill(values), "/v2/b");
    EXPECT_EQ(TextTemplate("/{open").fill(values), "/{open");
}

TEST(CompiledEdits, DropsWhatIsSetAndKeepsHostApart) {
    const CompiledEdits edits({.remove = {"X-Gone"},
                               .set = {{"X-Set", "1"}, {"Host", "inner"}},
                               .add = {{"X-Add", "2"}}});
    EXPECT_TRUE(edits.drops("x-gone"));
    EXPECT_TRUE(edits.drops("x-set"));
    EXPECT_FALSE(edits.drops("x-add"));
    EXPECT_EQ(edits.lines(), "X-Set: 1\r\nX-Add: 2\r\n");
    EXPECT_EQ(edits.host(), "inner");
}

TEST(CompiledEdits, NeverExceedTheirRoom) {
    model::HeaderEdits from;
    for (int i = 0; i < 100; ++i) {
        from.add.push_back({"X-Long", std::string(100, 'x')});
    }
    EXPECT_LE(CompiledEdits(from).lines().size(), 1024U);
}

}  // namespace
}  // namespace shore::gateway
