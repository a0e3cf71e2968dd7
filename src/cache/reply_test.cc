#include "cache/reply.h"

#include <gtest/gtest.h>

#include "cache/test_heads.h"

namespace shore::cache {
namespace {

const TestFetch kFetch{.response_fields =
                           "Cache-Control: max-age=60\r\nETag: W/\"v1\"\r\n"
                           "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                           "Content-Type: text/plain\r\n",
                       .body = "0123456789"};

Reply reply_to(const std::string& fields, const std::string& method = "GET") {
    return plan_reply(*test_entry(kFetch), TestRequest(fields, method).view());
}

std::string head_of(const Reply& reply) {
    const ReplyHead with{.age_seconds = 7,
                         .cache_status = "shore; hit; ttl=53",
                         .request_id = "r1",
                         .connection_line = "Connection: close\r\n"};
    const auto entry = test_entry(kFetch);
    std::string out(head_size_max(*entry, with), '\0');
    out.resize(write_head(*entry, reply, with, out.data()));
    return out;
}

TEST(Reply, IsTheWholeAnswer) {
    const Reply reply = reply_to("");
    EXPECT_TRUE(reply.status == 200 && reply.first == 0 && reply.count == 10 && reply.has_body);
    EXPECT_EQ(head_of(reply),
              "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: W/\"v1\"\r\n"
              "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\n"
              "Content-Length: 10\r\nAge: 7\r\nCache-Status: shore; hit; ttl=53\r\n"
              "X-Request-Id: r1\r\nConnection: close\r\n\r\n");
}

TEST(Reply, ToHeadHasTheLengthAndNoBody) {
    const Reply reply = reply_to("", "HEAD");
    EXPECT_FALSE(reply.has_body);
    EXPECT_NE(head_of(reply).find("Content-Length: 10\r\n"), std::string::npos);
}

TEST(Reply, IsNotModifiedWhenTheClientHasIt) {
    EXPECT_EQ(reply_to("If-None-Match: \"v0\", \"v1\"\r\n").status, 304);
    EXPECT_EQ(reply_to("If-None-Match: *\r\n").status, 304);
    EXPECT_EQ(reply_to("If-None-Match: \"v2\"\r\n").status, 200);
    EXPECT_EQ(reply_to("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n").status, 304);
    EXPECT_EQ(reply_to("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n").status, 200);
    EXPECT_EQ(reply_to("If-Modified-Since: Mon, 07 Nov 1994 08:49:36 GMT\r\n").status, 304);
    EXPECT_EQ(reply_to("If-None-Match: \"v2\"\r\n"
                       "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
                  .status,
              200)
        << "the tag decides";
    const std::string head = head_of({.status = 304});
    EXPECT_EQ(head.find("Content-"), std::string::npos) << head;
    EXPECT_NE(head.find("ETag: W/\"v1\"\r\n"), std::string::npos);
}

TEST(Reply, IsAPartOfTheFullCopy) {
    const Reply middle = reply_to("Range: bytes=2-4\r\n");
    EXPECT_TRUE(middle.status == 206 && middle.first == 2 && middle.count == 3);
    EXPECT_NE(head_of(middle).find("Content-Range: bytes 2-4/10\r\nContent-Length: 3\r\n"),
              std::string::npos);
    const Reply tail = reply_to("Range: bytes=-3\r\n");
    EXPECT_TRUE(tail.first == 7 && tail.count == 3);
    const Reply rest = reply_to("Range: bytes=8-\r\n");
    EXPECT_TRUE(rest.first == 8 && rest.count == 2);
    EXPECT_EQ(reply_to("Range: bytes=5-99\r\n").count, 5);
    EXPECT_EQ(reply_to("Range: bytes=-99\r\n").count, 10);
}

TEST(Reply, SaysWhenARangeLiesOutside) {
    const Reply outside = reply_to("Range: bytes=10-\r\n");
    EXPECT_EQ(outside.status, 416);
    EXPECT_FALSE(outside.has_body);
    EXPECT_NE(head_of(outside).find("Content-Range: bytes */10\r\nContent-Length: 0\r\n"),
              std::string::npos);
    EXPECT_EQ(reply_to("Range: bytes=-0\r\n").status, 416);
}

TEST(Reply, LeavesStrangeRangesAlone) {
    for (const char* const range : {"bytes=", "bytes=a-b", "bytes=5-2", "lines=1-2",
                                    "bytes=0-1,3-4", "bytes=-", "bytes=99999999999999999999-"}) {
        EXPECT_EQ(reply_to(std::string("Range: ") + range + "\r\n").status, 200) << range;
    }
}

TEST(Reply, ARangeOfAnOtherVersionIsTheWholeAnswer) {
    EXPECT_EQ(reply_to("Range: bytes=0-1\r\nIf-Range: \"v0\"\r\n").status, 200);
    EXPECT_EQ(reply_to("Range: bytes=0-1\r\nIf-Range: W/\"v1\"\r\n").status, 200) << "strong only";
    EXPECT_EQ(reply_to("Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n").status,
              206);
}

}  // namespace
}  // namespace shore::cache
