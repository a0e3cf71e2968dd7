#include "cache/memory_tier.h"

#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "async/block_on.h"
#include "base/clock.h"
#include "cache/cache.h"
#include "cache/test_heads.h"

namespace shore::cache {
namespace {

using namespace std::chrono_literals;  // tidy-allow(banned): durations read as such.

const HashSeed kSeed{1, 2};

std::string key_text(int number) {
    return fmt::format("http://shop/{} shop/web r /", number);
}
Key key_of(const std::string& text) {
    return {.text = text, .hash = siphash(kSeed, text)};
}
std::shared_ptr<const Entry> entry(int number, std::string body = "hello") {
    const std::string text = key_text(number);
    return test_entry({.key = text, .hash = siphash(kSeed, text), .body = std::move(body)});
}
bool has(MemoryTier& tier, int number) {
    const std::string text = key_text(number);
    return tier.find(key_of(text), TestRequest().view()) != nullptr;
}

TEST(MemoryTier, FindsWhatWasStoredAndReplacesIt) {
    MemoryTier tier({});
    ASSERT_TRUE(tier.insert(entry(1, "old")));
    ASSERT_TRUE(tier.insert(entry(1, "new")));
    EXPECT_EQ(tier.entries(), 1);
    const std::string text = key_text(1);
    EXPECT_EQ(*tier.find(key_of(text), TestRequest().view())->body, "new");
    EXPECT_FALSE(has(tier, 2));
    EXPECT_EQ(tier.erase(key_of(text)), 1);
    EXPECT_EQ(tier.entries(), 0);
    EXPECT_EQ(tier.bytes(), 0);
}

TEST(MemoryTier, NeverHoldsMoreEntriesThanItMay) {
    MemoryTier tier({.entries = 100});
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(tier.insert(entry(i)));
        ASSERT_LE(tier.entries(), 100);
    }
    EXPECT_EQ(tier.entries(), 100) << "all of the limit is used, whatever the parts";
    EXPECT_EQ(tier.evictions(), 900);
}

TEST(MemoryTier, NeverHoldsMoreBytesThanItMay) {
    MemoryTier tier({.memory = Bytes::kib(100)});
    for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(tier.insert(entry(i, std::string(5000, 'x'))));
        ASSERT_LE(tier.bytes(), 100 * 1024);
    }
    EXPECT_GE(tier.entries(), 15);
    EXPECT_FALSE(tier.insert(entry(1000, std::string(200'000, 'x')))) << "larger than all of it";
    tier.set_limits({.memory = Bytes::kib(20)});
    EXPECT_LE(tier.bytes(), 20 * 1024);
}

TEST(MemoryTier, WhatIsAskedForOutlivesAScan) {
    MemoryTier tier({.entries = 200});
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(tier.insert(entry(i)));
    }
    for (int i = 1000; i < 5000; ++i) {
        for (int hot = 0; hot < 20; ++hot) {
            ASSERT_TRUE(has(tier, hot)) << hot << " was displaced by " << i;
        }
        ASSERT_TRUE(tier.insert(entry(i)));
    }
}

TEST(MemoryTier, KeepsVariantsApartAndBounded) {
    MemoryTier tier({});
    const std::string text = key_text(1);
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(tier.insert(
            test_entry({.key = text,
                        .hash = siphash(kSeed, text),
                        .request_fields = fmt::format("X-Mode: {}\r\n", i),
                        .response_fields = "Cache-Control: max-age=60\r\nVary: X-Mode\r\n",
                        .body = fmt::format("{}", i)})));
    }
    EXPECT_EQ(tier.entries(), kVariantsMax);
    EXPECT_EQ(*tier.find(key_of(text), TestRequest("X-Mode: 99\r\n").view())->body, "99");
    EXPECT_FALSE(tier.find(key_of(text), TestRequest("X-Mode: 0\r\n").view()));
    EXPECT_EQ(tier.erase(key_of(text)), kVariantsMax);
}

TEST(MemoryTier, HoldsItsLimitsUnderManyThreads) {
    MemoryTier tier({.memory = Bytes::mib(1), .entries = 300});
    std::atomic<bool> within = true;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&tier, &within, t] {
            for (int i = 0; i < 2000; ++i) {
                tier.insert(entry((i * 7 + t) % 900, std::string(3000, 'x')));
                has(tier, i % 900);
                if (i % 50 == 0) {
                    const std::string text = key_text(i % 900);
                    tier.erase(key_of(text));
                }
            }
            within = within && tier.bytes() <= 1024 * 1024 + 4 * 4096;
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_TRUE(within);
    EXPECT_LE(tier.entries(), 300);
    EXPECT_LE(tier.bytes(), 1024 * 1024);
    tier.erase_if([](const Entry&) { return true; });
    EXPECT_EQ(tier.entries(), 0);
    EXPECT_EQ(tier.bytes(), 0);
}

TEST(Cache, PurgesByUrlPrefixTagAndService) {
    Cache cache({}, kSeed);
    const auto store = [&cache](const std::string& text, const std::string& tag) {
        return cache.store(
            test_entry(
                {.key = text,
                 .hash = cache.key(text).hash,
                 .response_fields = "Cache-Control: max-age=60\r\nSurrogate-Key: " + tag + "\r\n"}),
            cache.epoch(cache.key(text).hash));
    };
    ASSERT_TRUE(store("http://shop/news/1 shop/web r /", "a"));
    ASSERT_TRUE(store("http://shop/news/2 shop/web r /", "a b"));
    ASSERT_TRUE(store("http://shop/other shop/web r /", "b"));
    ASSERT_TRUE(store("http://shop/other blog/web r /", "b"));
    const auto purge = [&cache](Purge what) {
        const base::SystemClock clock;
        auto loop = async::Loop::open(clock);
        EXPECT_TRUE(loop);
        return async::block_on(**loop, cache.purge(**loop, std::move(what)));
    };
    EXPECT_EQ(purge({.url = "http://shop/news/1"}), 1);
    EXPECT_EQ(purge({.prefix = "http://shop/news/"}), 1);
    EXPECT_EQ(purge({.tag = "a"}), 0);
    EXPECT_EQ(purge({.tag = "b", .service = "blog/"}), 1);
    EXPECT_EQ(purge({}), 1);
    EXPECT_EQ(cache.stats().purged, 4);
    EXPECT_EQ(cache.stats().entries, 0);
}

TEST(Cache, AFetchThatBeganBeforeAPurgeIsNotStored) {
    Cache cache({}, kSeed);
    const std::string text = key_text(1);
    const Key key = cache.key(text);
    const auto make = [&] { return test_entry({.key = text, .hash = key.hash}); };
    const uint32_t before = cache.epoch(key.hash);
    const base::SystemClock clock;
    auto loop = async::Loop::open(clock);
    ASSERT_TRUE(loop);
    async::block_on(**loop, cache.purge(**loop, {.tag = "any"}));
    EXPECT_FALSE(cache.store(make(), before));
    const uint32_t then = cache.epoch(key.hash);
    ASSERT_TRUE(cache.store(make(), then));
    cache.invalidate(key);
    EXPECT_FALSE(cache.store(make(), then));
    EXPECT_TRUE(cache.empty());
}

TEST(Cache, AnInvalidatedUrlLosesTheAnswersOfEveryServiceAndRoute) {
    Cache cache({}, kSeed);
    for (const char* const text :
         {"http://shop/a shop/web r /a", "http://shop/a shop/next r /a",
          "http://shop/a shop/web q /b", "http://shop/ab shop/web r /ab"}) {
        const uint64_t hash = cache.key(text).hash;
        ASSERT_TRUE(cache.store(test_entry({.key = text, .hash = hash}), cache.epoch(hash)));
    }
    EXPECT_EQ(cache.stats().entries, 4);
    cache.invalidate(cache.key("http://shop/a shop/post x /a"));
    EXPECT_EQ(cache.stats().entries, 1);
}

TEST(Cache, CopiesBeingMadeCountAsStored) {
    Cache cache({.memory = Bytes::kib(100)}, kSeed);
    const std::string text = key_text(1);
    const uint64_t hash = cache.key(text).hash;
    ASSERT_TRUE(
        cache.store(test_entry({.key = text, .hash = hash, .body = std::string(50'000, 'x')}), 0));
    ASSERT_TRUE(cache.reserve(90'000)) << "what is stored makes room";
    EXPECT_TRUE(cache.empty());
    EXPECT_FALSE(cache.reserve(20'000)) << "nothing is left to drop";
    cache.give_back(90'000);
    EXPECT_EQ(cache.stats().bytes, 0);
}

TEST(MemoryTier, CredentialsGetOnlyWhatIsMeantForAll) {
    MemoryTier tier({});
    const TestRequest with("Authorization: Basic eA==\r\n");
    ASSERT_TRUE(tier.insert(entry(1)));
    const std::string text = key_text(1);
    EXPECT_FALSE(tier.find(key_of(text), with.view()));
    ASSERT_TRUE(
        tier.insert(test_entry({.key = text,
                                .hash = siphash(kSeed, text),
                                .response_fields = "Cache-Control: public, max-age=9\r\n"})));
    EXPECT_TRUE(tier.find(key_of(text), with.view()));
}

TEST(Flights, OneLeadsAndOthersFollowUntilItEnds) {
    Flights flights;
    const SteadyTime now{};
    EXPECT_EQ(flights.begin(5, now), Boarding::kLead);
    EXPECT_EQ(flights.begin(5, now), Boarding::kFollow);
    EXPECT_EQ(flights.begin(6, now), Boarding::kLead);
    flights.end(5, Landing::kStored, now);
    EXPECT_FALSE(flights.is_under_way(5));
    EXPECT_EQ(flights.begin(5, now), Boarding::kLead);
}

TEST(Flights, NobodyWaitsForWhatCouldNotBeStoredLately) {
    Flights flights;
    const SteadyTime now{};
    EXPECT_EQ(flights.begin(5, now), Boarding::kLead);
    flights.end(5, Landing::kNotStorable, now);
    EXPECT_EQ(flights.begin(5, now + 1s), Boarding::kPassed);
    EXPECT_EQ(flights.begin(5, now + kPassedFor), Boarding::kLead);
}

}  // namespace
}  // namespace shore::cache
