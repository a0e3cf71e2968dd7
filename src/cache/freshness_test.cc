#include "cache/freshness.h"

#include <gtest/gtest.h>

#include "cache/limits.h"
#include "cache/test_heads.h"

namespace shore::cache {
namespace {

using namespace std::chrono_literals;  // tidy-allow(banned): durations read as such.

Judgement judged(const std::string& fields, const std::string& request = {},
                 const std::string& status = "200 OK", const Policy& policy = {}) {
    return judge(TestRequest(request).view(), TestResponse(fields, status).view(), policy, kTestNow,
                 0s);
}

TEST(Freshness, ComesFromSMaxageThenMaxAgeThenExpires) {
    const std::string expires = "Date: " + base::to_http_date(kTestNow) +
                                "\r\nExpires: " + base::to_http_date(kTestNow + 30s) + "\r\n";
    EXPECT_EQ(judged(expires).lifetime, 30s);
    EXPECT_EQ(judged("Cache-Control: max-age=60\r\n" + expires).lifetime, 60s);
    EXPECT_EQ(judged("Cache-Control: max-age=60, s-maxage=90\r\n" + expires).lifetime, 90s);
}

TEST(Freshness, AnExpiresThatIsNoDateIsThePast) {
    EXPECT_EQ(judged("Expires: 0\r\n").verdict, Verdict::kNoFreshness);
}

TEST(Freshness, NothingSaidIsNotStoredUnlessTheRouteGuesses) {
    const std::string fields = "Last-Modified: " + base::to_http_date(kTestNow - 100min) + "\r\n";
    EXPECT_EQ(judged(fields).verdict, Verdict::kNoFreshness);
    EXPECT_EQ(judged(fields, {}, "200 OK", {.heuristic = true}).lifetime, 10min);
    EXPECT_EQ(judged("", {}, "404 Not Found").verdict, Verdict::kNoFreshness);
    EXPECT_EQ(judged("", {}, "404 Not Found", {.negative = 5s}).lifetime, 5s);
    EXPECT_EQ(judged("", {}, "200 OK", {.negative = 5s}).verdict, Verdict::kNoFreshness);
}

TEST(Freshness, AgeIsWhatTheOriginSaysOrWhatItsDateSays) {
    EXPECT_EQ(judged("Cache-Control: max-age=60\r\nAge: 20\r\n").age, 20s);
    const std::string dated =
        "Cache-Control: max-age=60\r\nDate: " + base::to_http_date(kTestNow - 50s) + "\r\n";
    EXPECT_EQ(judged(dated + "Age: 20\r\n").age, 50s);
    EXPECT_EQ(judged("Cache-Control: max-age=60\r\nAge: 60\r\n").verdict, Verdict::kNoFreshness);
}

TEST(Freshness, DatesMayBeCenturiesApart) {
    const std::string past = "Sun, 06 Nov 1725 08:49:37 GMT";
    const std::string future = "Fri, 01 Jan 2255 00:00:00 GMT";
    const std::string forever = "Cache-Control: max-age=2147483648\r\n";
    const Duration most = std::chrono::seconds(kDeltaSecondsMax);
    EXPECT_EQ(judged(forever + "Date: " + past + "\r\n").age, most);
    EXPECT_EQ(judged(forever + "Date: " + future + "\r\n").age, 0s);
    EXPECT_EQ(judged("Date: " + past + "\r\nExpires: " + future + "\r\n").lifetime, most);
    EXPECT_EQ(judged("Date: " + future + "\r\nExpires: " + past + "\r\n").lifetime, 0s);
    EXPECT_EQ(judged("Last-Modified: " + past + "\r\n", {}, "200 OK", {.heuristic = true}).lifetime,
              Duration(kHeuristicMax));
}

TEST(Freshness, WhatIsPrivateOrNotToBeStoredIsNot) {
    EXPECT_EQ(judged("Cache-Control: no-store, max-age=60\r\n").verdict, Verdict::kNoStore);
    EXPECT_EQ(judged("Cache-Control: private, max-age=60\r\n").verdict, Verdict::kNoStore);
    EXPECT_EQ(judged("Cache-Control: max-age=60\r\nSet-Cookie: a=1\r\n").verdict,
              Verdict::kSetCookie);
    EXPECT_EQ(judged("Cache-Control: public, max-age=60\r\nSet-Cookie: a=1\r\n").verdict,
              Verdict::kStore);
    EXPECT_EQ(judged("Cache-Control: max-age=60\r\nVary: a, *\r\n").verdict, Verdict::kVary);
}

TEST(Freshness, CredentialsNeedAnAnswerThatAllowsSharing) {
    const std::string request = "Authorization: Basic eDp5\r\n";
    EXPECT_EQ(judged("Cache-Control: max-age=60\r\n", request).verdict, Verdict::kAuthorization);
    for (const char* const allowed :
         {"public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"}) {
        EXPECT_EQ(judged(std::string("Cache-Control: ") + allowed + "\r\n", request).verdict,
                  Verdict::kStore)
            << allowed;
    }
}

TEST(Freshness, PartsAndServerErrorsAreNeverStored) {
    for (const char* const status :
         {"206 Partial Content", "304 Not Modified", "500 Oops", "503 Busy"}) {
        EXPECT_EQ(judged("Cache-Control: max-age=60\r\n", {}, status).verdict, Verdict::kStatus)
            << status;
    }
    EXPECT_EQ(judged("Cache-Control: max-age=60\r\n", "Range: bytes=0-1\r\n").verdict,
              Verdict::kMethod);
}

TEST(Freshness, NoCacheIsStoredWhenItCanBeAskedAbout) {
    EXPECT_EQ(judged("Cache-Control: no-cache\r\n").verdict, Verdict::kNoFreshness);
    const Judgement judgement = judged("Cache-Control: no-cache\r\nETag: \"1\"\r\n");
    EXPECT_EQ(judgement.verdict, Verdict::kStore);
    EXPECT_TRUE(judgement.no_cache && judgement.must_revalidate);
}

TEST(Freshness, MustRevalidateForbidsStaleUse) {
    const std::string stale = "stale-while-revalidate=9, stale-if-error=9";
    const Judgement allowed = judged("Cache-Control: s-maxage=1, " + stale + "\r\n");
    EXPECT_EQ(allowed.stale_while_revalidate, 9s);
    EXPECT_EQ(allowed.stale_if_error, 9s);
    const Judgement forbidden =
        judged("Cache-Control: max-age=1, must-revalidate, " + stale + "\r\n");
    EXPECT_EQ(forbidden.stale_while_revalidate, 0s);
    EXPECT_EQ(forbidden.stale_if_error, 0s);
}

TEST(Freshness, AClientsNoStoreIsHonouredAndItsReloadByChoice) {
    EXPECT_EQ(judged("Cache-Control: max-age=60\r\n", "Cache-Control: no-store\r\n").verdict,
              Verdict::kNoStore);
    const TestRequest reload("Cache-Control: max-age=0\r\n");
    EXPECT_FALSE(wishes_of(reload.view(), {}).reload);
    EXPECT_TRUE(wishes_of(reload.view(), {.reload = true}).reload);
    EXPECT_TRUE(
        wishes_of(TestRequest("Cache-Control: no-cache\r\n").view(), {.reload = true}).reload);
    EXPECT_FALSE(
        wishes_of(TestRequest("Cache-Control: max-age=9\r\n").view(), {.reload = true}).reload);
    EXPECT_TRUE(
        wishes_of(TestRequest("Cache-Control: only-if-cached\r\n").view(), {}).only_if_cached);
}

}  // namespace
}  // namespace shore::cache
