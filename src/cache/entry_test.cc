#include "cache/entry.h"

#include <gtest/gtest.h>

#include "cache/key.h"
#include "cache/limits.h"
#include "cache/recorder.h"
#include "cache/test_heads.h"

namespace shore::cache {
namespace {

using namespace std::chrono_literals;  // tidy-allow(banned): durations read as such.

constexpr SteadyTime kStart{};

TEST(Entry, KeepsWhatDescribesTheAnswerOnly) {
    const auto entry = test_entry({.response_fields = "Cache-Control: max-age=60\r\n"
                                                      "Connection: close\r\n"
                                                      "Age: 3\r\n"
                                                      "Content-Length: 5\r\n"
                                                      "X-Request-Id: 7\r\n"
                                                      "Cache-Status: other; hit\r\n"
                                                      "X-App: yes\r\n"});
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->fields, "Cache-Control: max-age=60\r\nX-App: yes\r\n");
    EXPECT_EQ(entry->age(kStart + 2s), 5s);
}

TEST(Entry, IsFreshThenRefreshedThenAskedAbout) {
    const auto entry =
        test_entry({.response_fields = "Cache-Control: max-age=10, stale-while-revalidate=5, "
                                       "stale-if-error=60\r\n"});
    EXPECT_EQ(entry->use(kStart + 9s), Use::kFresh);
    EXPECT_EQ(entry->use(kStart + 12s), Use::kRefresh);
    EXPECT_EQ(entry->use(kStart + 16s), Use::kAsk);
    EXPECT_TRUE(entry->covers_errors(kStart + 69s));
    EXPECT_FALSE(entry->covers_errors(kStart + 71s));
}

TEST(Entry, HasTheTagsOfBothFields) {
    const auto entry = test_entry({.response_fields = "Cache-Control: max-age=60\r\n"
                                                      "Surrogate-Key: a b\r\n"
                                                      "Cache-Tag: c, d e\r\n"});
    EXPECT_EQ(entry->tags, (std::vector<std::string>{"a", "b", "c", "d e"}));
}

TEST(Entry, IsRenewedByThe304AndKeepsItsBody) {
    const auto old = test_entry({.response_fields = "Cache-Control: max-age=10\r\n"
                                                    "ETag: \"1\"\r\nContent-Type: a/b\r\n"
                                                    "X-Old: 1\r\n"});
    const TestRequest request;
    const TestResponse fresh("Cache-Control: max-age=99\r\nX-Old: 2\r\nContent-Type: c/d\r\n",
                             "304 Not Modified");
    const auto renewed = renew(*old, {.request = request.view(),
                                      .response = fresh.view(),
                                      .wall_now = kTestNow,
                                      .now = kStart + 20s});
    ASSERT_TRUE(renewed);
    EXPECT_EQ(renewed->status, 200);
    EXPECT_EQ(renewed->body, old->body);
    EXPECT_EQ(renewed->use(kStart + 118s), Use::kFresh);
    EXPECT_EQ(renewed->fields,
              "ETag: \"1\"\r\nContent-Type: a/b\r\nCache-Control: max-age=99\r\nX-Old: 2\r\n");
}

TEST(Entry, A304ThatForbidsStoringEndsIt) {
    const auto old = test_entry();
    const TestRequest request;
    const TestResponse fresh("Cache-Control: no-store\r\n", "304 Not Modified");
    EXPECT_FALSE(
        renew(*old, {.request = request.view(), .response = fresh.view(), .wall_now = kTestNow}));
}

TEST(Entry, A304ChangesNeitherTheCodingsTagNorWhatTheAnswerVariesBy) {
    const auto old = test_entry({.request_fields = "Accept-Encoding: gzip\r\n",
                                 .response_fields = "Cache-Control: max-age=10\r\n"
                                                    "ETag: W/\"1\"\r\nContent-Encoding: gzip\r\n"
                                                    "Vary: Accept-Encoding\r\n",
                                 .origin_tag = "\"1\""});
    ASSERT_TRUE(old);
    const TestRequest request("Accept-Encoding: gzip\r\n");
    const TestResponse fresh("ETag: \"1\"\r\nVary: accept-encoding\r\n", "304 Not Modified");
    const auto once =
        renew(*old, {.request = request.view(), .response = fresh.view(), .wall_now = kTestNow});
    ASSERT_TRUE(once);
    EXPECT_EQ(once->fields, old->fields);
    EXPECT_EQ(once->origin_tag, "\"1\"");
    EXPECT_FALSE(once->fits(TestRequest().view())) << "still only for who takes gzip";
    const TestResponse more("Vary: X-Mode\r\n", "304 Not Modified");
    const auto twice =
        renew(*once, {.request = request.view(), .response = more.view(), .wall_now = kTestNow});
    ASSERT_TRUE(twice);
    EXPECT_EQ(twice->vary.size(), 2);
}

TEST(Vary, RequestsThatMeanTheSameShareAnAnswer) {
    const auto entry =
        test_entry({.request_fields = "Accept-Encoding: gzip, br;q=0.5, deflate\r\n",
                    .response_fields = "Cache-Control: max-age=60\r\nVary: Accept-Encoding\r\n"});
    ASSERT_TRUE(entry);
    EXPECT_TRUE(matches(entry->vary, TestRequest("accept-encoding: BR , gzip\r\n").view()));
    EXPECT_FALSE(matches(entry->vary, TestRequest("Accept-Encoding: gzip, br;q=0\r\n").view()));
    EXPECT_FALSE(matches(entry->vary, TestRequest().view()));
}

TEST(Vary, OtherFieldsAreComparedWithoutNeedlessSpace) {
    const auto entry = test_entry(
        {.request_fields = "Accept-Language: de,  en;q=0.5\r\nX-Mode: a\r\n",
         .response_fields = "Cache-Control: max-age=60\r\nVary: X-Mode, accept-language\r\n"});
    ASSERT_TRUE(entry);
    EXPECT_TRUE(matches(
        entry->vary,
        TestRequest("X-Mode: a\r\nAccept-Language: de\r\nAccept-Language: en; q=0.5\r\n").view()));
    EXPECT_FALSE(
        matches(entry->vary, TestRequest("X-Mode: b\r\nAccept-Language: de,en;q=0.5\r\n").view()));
}

TEST(Vary, AValueThatIsTooLongIsNotStored) {
    EXPECT_FALSE(test_entry({.request_fields = "X-A: " + std::string(kVaryValueMax, 'x') + "\r\n",
                             .response_fields = "Cache-Control: max-age=60\r\nVary: x-a\r\n"}));
}

TEST(Key, HasHostsInLowerCaseAndNamesWhoAnswers) {
    std::array<char, kKeyBytesMax> room;
    const std::string_view key = write_key({.scheme = "http",
                                            .authority = "Shop.Example:8080",
                                            .path = "/A",
                                            .query = "?q=1",
                                            .owner = "shop/web",
                                            .route = "7",
                                            .inner = "/inner"},
                                           room.data());
    EXPECT_EQ(key, "http://shop.example:8080/A?q=1 shop/web 7 /inner");
    EXPECT_EQ(url_of(key), "http://shop.example:8080/A?q=1");
    EXPECT_EQ(owner_of(key), "shop/web");
    EXPECT_EQ(write_key({.path = std::string(kKeyBytesMax, 'a')}, room.data()), "");
}

TEST(Key, HashDependsOnEveryByteAndOnTheSeed) {
    const HashSeed seed{1, 2};
    EXPECT_EQ(siphash(seed, "0123456789"), siphash(seed, "0123456789"));
    EXPECT_NE(siphash(seed, "0123456789"), siphash(seed, "0123456788"));
    EXPECT_NE(siphash(seed, "01234567"), siphash(seed, std::string_view("01234567\0", 9)));
    EXPECT_NE(siphash(seed, "a"), siphash({1, 3}, "a"));
}

std::string recorded(std::string_view bytes, size_t piece, size_t body_max = 1000) {
    Recorder recorder(body_max);
    while (!bytes.empty()) {
        recorder.take(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    return recorder.failed()     ? "failed"
           : recorder.complete() ? *recorder.take_body()
                                 : "incomplete";
}

TEST(Recorder, TakesALengthOrChunksInPiecesOfAnySize) {
    const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
    const std::string chunks =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello "
        "\r\n5\r\nworld\r\n0\r\n\r\n";
    for (size_t piece = 1; piece < 80; ++piece) {
        EXPECT_EQ(recorded(length, piece), "hello world") << piece;
        EXPECT_EQ(recorded(chunks, piece), "hello world") << piece;
    }
}

TEST(Recorder, AnAnswerThatBreaksOffIsNotComplete) {
    EXPECT_EQ(recorded("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello", 7), "incomplete");
    EXPECT_EQ(recorded("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 7),
              "incomplete");
}

TEST(Recorder, GivesUpOnWhatIsTooLarge) {
    EXPECT_EQ(recorded("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", 99, 10),
              "failed");
    EXPECT_EQ(recorded("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n",
                       9, 10),
              "failed");
}

}  // namespace
}  // namespace shore::cache
