#include "wire/http1_head.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace shore::wire {
namespace {

struct Refusal {
    const char* section;  ///< Of RFC 9112 unless another is named.
    const char* what;
    std::string_view bytes;
    Fault fault;
};

std::string with_nul(std::string_view a, std::string_view b) {
    std::string text(a);
    text += '\0';
    text += b;
    return text;
}

const std::string kNulInValue = with_nul("GET / HTTP/1.1\r\nHost: a\r\nX: b", "c\r\n\r\n");
const std::string kNulInName = with_nul("GET / HTTP/1.1\r\nHost: a\r\nX", ": c\r\n\r\n");
const std::string kNulInTarget = with_nul("GET /a", "b HTTP/1.1\r\nHost: a\r\n\r\n");

#define HEAD "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

const Refusal kRefusals[] = {
    // Lines.
    {"2.2", "LF ends the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", Fault::kBareLineFeed},
    {"2.2", "LF ends a field line", "GET / HTTP/1.1\r\nHost: a\n\r\n", Fault::kBareLineFeed},
    {"2.2", "LF ends the head", HEAD "\n", Fault::kBareLineFeed},
    {"2.2", "LF before the request line", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
     Fault::kBareLineFeed},
    {"2.2", "two empty lines before the request line", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
     Fault::kBadRequestLine},
    {"2.2", "CR inside a value", HEAD "X: a\rb\r\n\r\n", Fault::kBareCarriageReturn},
    {"2.2", "CR CR LF ends a line", HEAD "X: a\r\r\n\r\n", Fault::kBareCarriageReturn},
    {"2.2", "CR inside the target", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n",
     Fault::kBareCarriageReturn},
    {"2.2", "white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
     Fault::kFoldedLine},
    // Request line.
    {"3", "nothing but a method", "GET\r\n\r\n", Fault::kBadRequestLine},
    {"3", "HTTP/0.9", "GET /\r\n\r\n", Fault::kBadRequestLine},
    {"3", "two spaces before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadTarget},
    {"3", "two spaces before the target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadTarget},
    {"3", "a tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadRequestLine},
    {"3", "space at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", Fault::kBadVersion},
    {"3", "space at the start", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadMethod},
    {"3", "space inside the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadTarget},
    {"3.1", "a method that is no token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadMethod},
    {"3.1", "a method of 40 letters",
     "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDD / HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadMethod},
    {"3.2", "a target without slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadTarget},
    {"3.2", "a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadTarget},
    {"3.2", "bytes above ASCII", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadTarget},
    {"3.2", "NUL in the target", kNulInTarget, Fault::kControlByte},
    {"3.2", "DEL in the target", "GET /a\x7f HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kControlByte},
    {"3.2.2", "absolute form of another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
     Fault::kBadTarget},
    {"3.2.2", "absolute form with user information",
     "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadTarget},
    {"3.2.2", "absolute form without a host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
     Fault::kBadTarget},
    {"3.2.3", "CONNECT with a path", "CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadTarget},
    {"3.2.3", "CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadTarget},
    {"3.2.4", "asterisk for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", Fault::kBadTarget},
    {"2.3", "lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", Fault::kBadVersion},
    {"2.3", "version without a dot", "GET / HTTP/11\r\nHost: a\r\n\r\n", Fault::kBadVersion},
    {"2.3", "version with two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", Fault::kBadVersion},
    {"2.3", "version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", Fault::kUnsupportedVersion},
    {"RFC 9113 3.4", "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     Fault::kUnsupportedVersion},
    // Fields.
    {"5.1", "space before the colon", HEAD "X : a\r\n\r\n", Fault::kSpaceBeforeColon},
    {"5.1", "space before the colon of Content-Length", POST "Content-Length : 5\r\n\r\nhello",
     Fault::kSpaceBeforeColon},
    {"5.1", "tab before the colon", HEAD "X\t: a\r\n\r\n", Fault::kSpaceBeforeColon},
    {"5.1", "empty name", HEAD ": a\r\n\r\n", Fault::kBadFieldName},
    {"5.1", "no colon", HEAD "Xyz\r\n\r\n", Fault::kNoColon},
    {"5.1", "a name that is no token", HEAD "X(y): a\r\n\r\n", Fault::kBadFieldName},
    {"5.1", "a name in quotes", HEAD "\"X\": a\r\n\r\n", Fault::kBadFieldName},
    {"5.1", "a name above ASCII", HEAD "X\xc3\xa9: a\r\n\r\n", Fault::kBadFieldName},
    {"5.1", "NUL in a name", kNulInName, Fault::kBadFieldName},
    {"5.2", "obs-fold with a space", HEAD "X: a\r\n b\r\n\r\n", Fault::kFoldedLine},
    {"5.2", "obs-fold with a tab", HEAD "X: a\r\n\tb\r\n\r\n", Fault::kFoldedLine},
    {"5.2", "obs-fold of Transfer-Encoding", POST "Transfer-Encoding:\r\n chunked\r\n\r\n",
     Fault::kFoldedLine},
    {"RFC 9110 5.5", "NUL in a value", kNulInValue, Fault::kControlByte},
    {"RFC 9110 5.5", "control byte in a value", HEAD "X: a\x01\r\n\r\n", Fault::kControlByte},
    {"RFC 9110 5.5", "DEL in a value", HEAD "X: a\x7f\r\n\r\n", Fault::kControlByte},
    {"RFC 9110 5.5", "vertical tab before chunked",
     POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n",
     Fault::kControlByte},
    // Host.
    {"3.2", "no Host", "GET / HTTP/1.1\r\n\r\n", Fault::kNoHost},
    {"3.2", "two Hosts", HEAD "Host: b\r\n\r\n", Fault::kManyHosts},
    {"3.2", "two equal Hosts", HEAD "host: a\r\n\r\n", Fault::kManyHosts},
    {"3.2", "empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", Fault::kBadHost},
    {"3.2", "Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Fault::kBadHost},
    {"3.2", "Host with user information", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Fault::kBadHost},
    {"3.2", "Host with two names", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Fault::kBadHost},
    {"3.2", "Host with a bad port", "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", Fault::kBadHost},
    {"3.2", "Host with port 65536", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", Fault::kBadHost},
    {"3.2", "an open IPv6 literal", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", Fault::kBadHost},
    {"3.2", "two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
     Fault::kManyHosts},
    // Content-Length.
    {"6.3", "two different lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
     Fault::kManyContentLengths},
    {"6.3", "two equal lengths", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
     Fault::kManyContentLengths},
    {"6.3", "a list of lengths", POST "Content-Length: 5, 5\r\n\r\n", Fault::kManyContentLengths},
    {"6.2", "empty length", POST "Content-Length:\r\n\r\n", Fault::kBadContentLength},
    {"6.2", "negative length", POST "Content-Length: -1\r\n\r\n", Fault::kBadContentLength},
    {"6.2", "length with plus", POST "Content-Length: +5\r\n\r\n", Fault::kBadContentLength},
    {"6.2", "hexadecimal length", POST "Content-Length: 0x5\r\n\r\n", Fault::kBadContentLength},
    {"6.2", "length with a fraction", POST "Content-Length: 5.0\r\n\r\n", Fault::kBadContentLength},
    {"6.2", "two numbers", POST "Content-Length: 5 6\r\n\r\n", Fault::kBadContentLength},
    {"6.2", "length beyond 64 bits", POST "Content-Length: 99999999999999999999\r\n\r\n",
     Fault::kBadContentLength},
    // Transfer-Encoding.
    {"6.1", "length and encoding", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
     Fault::kLengthAndEncoding},
    {"6.1", "encoding and length", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
     Fault::kLengthAndEncoding},
    {"6.1", "length 0 and encoding", POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
     Fault::kLengthAndEncoding},
    {"6.1", "gzip alone", POST "Transfer-Encoding: gzip\r\n\r\n",
     Fault::kUnsupportedTransferEncoding},
    {"6.1", "gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
     Fault::kUnsupportedTransferEncoding},
    {"6.1", "identity", POST "Transfer-Encoding: identity\r\n\r\n",
     Fault::kUnsupportedTransferEncoding},
    {"6.1", "xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n",
     Fault::kUnsupportedTransferEncoding},
    {"6.1", "chunked not last", POST "Transfer-Encoding: chunked, gzip\r\n\r\n",
     Fault::kBadTransferEncoding},
    {"6.1", "chunked twice in a list", POST "Transfer-Encoding: chunked, chunked\r\n\r\n",
     Fault::kBadTransferEncoding},
    {"6.1", "chunked in two fields",
     POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
     Fault::kBadTransferEncoding},
    {"6.1", "chunked then identity",
     POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
     Fault::kBadTransferEncoding},
    {"6.1", "empty encoding", POST "Transfer-Encoding:\r\n\r\n", Fault::kBadTransferEncoding},
    {"6.1", "chunked in quotes", POST "Transfer-Encoding: \"chunked\"\r\n\r\n",
     Fault::kBadTransferEncoding},
    {"6.1", "chunked with a comma", POST "Transfer-Encoding: , chunked;\r\n\r\n",
     Fault::kBadTransferEncoding},
    {"6.1", "encoding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
     Fault::kEncodingInOldVersion},
    {"RFC 9110 10.1.1", "unknown expectation", POST "Expect: magic\r\nContent-Length: 5\r\n\r\n",
     Fault::kUnknownExpectation},
};

TEST(RequestParser, RefusesWhatTwoReadersCouldUnderstandDifferently) {
    for (const Refusal& refusal : kRefusals) {
        RequestHead head;
        const ParseStatus status =
            parse_request(refusal.bytes.data(), refusal.bytes.size(), {}, head);
        EXPECT_EQ(status, ParseStatus::kBad) << refusal.section << ": " << refusal.what;
        EXPECT_EQ(to_string(head.fault), to_string(refusal.fault))
            << refusal.section << ": " << refusal.what;
        EXPECT_GE(status_for(head.fault), 400) << refusal.what;
    }
}

TEST(RequestParser, RefusesTheSameWhereverTheBytesAreSplit) {
    for (const Refusal& refusal : kRefusals) {
        RequestHead head;
        ParseStatus status = ParseStatus::kMore;
        for (size_t size = 1; size <= refusal.bytes.size() && status == ParseStatus::kMore;
             ++size) {
            status = parse_request(refusal.bytes.data(), size, {}, head);
        }
        EXPECT_EQ(status, ParseStatus::kBad) << refusal.what;
        EXPECT_EQ(to_string(head.fault), to_string(refusal.fault)) << refusal.what;
    }
}

constexpr std::string_view kGolden =
    "\r\nPOST /shop/cart?id=7&x=%20 HTTP/1.1\r\n"
    "Host: shop.example:8080\r\n"
    "User-Agent: curl/7.88.1\r\n"
    "X-Empty:\r\n"
    "x_under: \t padded value \t\r\n"
    "Expect: 100-Continue\r\n"
    "Connection: keep-alive, X-Private, Upgrade\r\n"
    "Upgrade: websocket\r\n"
    "Transfer-Encoding: Chunked\r\n"
    "\r\n";

void expect_golden(const RequestHead& head, const char* data) {
    EXPECT_EQ(head.size, kGolden.size());
    EXPECT_EQ(head.method_text.in(data), "POST");
    EXPECT_EQ(head.method, Method::kPost);
    EXPECT_EQ(head.target.in(data), "/shop/cart?id=7&x=%20");
    EXPECT_EQ(head.path.in(data), "/shop/cart");
    EXPECT_EQ(head.query.in(data), "?id=7&x=%20");
    EXPECT_EQ(head.authority.in(data), "shop.example:8080");
    EXPECT_EQ(head.form, TargetForm::kOrigin);
    EXPECT_EQ(head.framing, Framing::kChunked);
    EXPECT_TRUE(head.keep_alive);
    EXPECT_TRUE(head.connection_upgrade);
    EXPECT_TRUE(head.connection_names_fields);
    EXPECT_TRUE(head.has_upgrade);
    EXPECT_TRUE(head.has_underscore_name);
    EXPECT_TRUE(head.expect_continue);
    ASSERT_EQ(head.field_count, 8U);
    EXPECT_EQ(head.fields[1].id, FieldId::kUserAgent);
    EXPECT_EQ(head.fields[2].value.in(data), "");
    EXPECT_EQ(head.fields[3].name.in(data), "x_under");
    EXPECT_EQ(head.fields[3].value.in(data), "padded value");
    EXPECT_EQ(head.find(FieldId::kUpgrade)->value.in(data), "websocket");
}

TEST(RequestParser, ReadsEveryPartOfARequest) {
    RequestHead head;
    ASSERT_EQ(parse_request(kGolden.data(), kGolden.size(), {}, head), ParseStatus::kDone)
        << to_string(head.fault);
    expect_golden(head, kGolden.data());
}

TEST(RequestParser, FindsTheSameWhereverTheBytesAreSplitAndMoved) {
    for (size_t split = 1; split < kGolden.size(); ++split) {
        RequestHead head;
        const std::string first(kGolden.substr(0, split));
        ASSERT_EQ(parse_request(first.data(), first.size(), {}, head), ParseStatus::kMore) << split;
        const std::string whole = std::string(kGolden) + "5\r\nhello";
        ASSERT_EQ(parse_request(whole.data(), whole.size(), {}, head), ParseStatus::kDone) << split;
        expect_golden(head, whole.data());
    }
}

TEST(RequestParser, GivesTheSameObjectForTheNextMessage) {
    RequestHead head;
    ASSERT_EQ(parse_request(kGolden.data(), kGolden.size(), {}, head), ParseStatus::kDone);
    head.clear();
    constexpr std::string_view kNext = "HEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n";
    ASSERT_EQ(parse_request(kNext.data(), kNext.size(), {}, head), ParseStatus::kDone);
    EXPECT_EQ(head.framing, Framing::kNone);
    EXPECT_TRUE(head.keep_alive);
    EXPECT_TRUE(head.authority.empty());
    EXPECT_EQ(head.field_count, 1U);
    EXPECT_FALSE(head.has_upgrade || head.expect_continue || head.connection_names_fields);
}

struct Acceptance {
    const char* section;
    std::string_view bytes;
    Framing framing;
    bool keep_alive;
    std::string_view authority;
    std::string_view path;
};

const Acceptance kAcceptances[] = {
    {"9.3", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", Framing::kNone, false, "a",
     "/"},
    {"9.3", "GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE, x\r\n\r\n", Framing::kNone, false, "a",
     "/"},
    {"9.3", "GET / HTTP/1.0\r\n\r\n", Framing::kNone, false, "", "/"},
    {"9.3", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", Framing::kNone, false, "",
     "/"},
    {"3.2.2", "GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n", Framing::kNone, true, "b:81",
     "/x"},
    {"3.2.2", "GET HTTPS://b?y HTTP/1.1\r\nHost: a\r\n\r\n", Framing::kNone, true, "b", ""},
    {"3.2.4", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Framing::kNone, true, "a", ""},
    {"3.2.3", "CONNECT b:443 HTTP/1.1\r\nHost: b\r\n\r\n", Framing::kNone, true, "b:443", ""},
    {"3.2", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", Framing::kNone, true,
     "[2001:db8::1]:80", "/"},
    {"6.2", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\n", Framing::kLength, true,
     "a", "/"},
    {"6.3", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", Framing::kNone, true, "a",
     "/"},
    {"6.1", "GET / HTTP/1.1\r\nHost: a\r\ntransfer-encoding:chunked \r\n\r\n", Framing::kChunked,
     true, "a", "/"},
    {"5", "GET /|^`{}\\\"<> HTTP/1.1\r\nHost: a_b-c.d\r\nX: \xc3\xa9\r\n\r\n", Framing::kNone, true,
     "a_b-c.d", "/|^`{}\\\"<>"},
};

TEST(RequestParser, AcceptsWhatTheRfcAllows) {
    for (const Acceptance& acceptance : kAcceptances) {
        RequestHead head;
        const char* data = acceptance.bytes.data();
        ASSERT_EQ(parse_request(data, acceptance.bytes.size(), {}, head), ParseStatus::kDone)
            << acceptance.bytes << to_string(head.fault);
        EXPECT_EQ(head.framing, acceptance.framing) << acceptance.bytes;
        EXPECT_EQ(head.keep_alive, acceptance.keep_alive) << acceptance.bytes;
        EXPECT_EQ(head.authority.in(data), acceptance.authority) << acceptance.bytes;
        EXPECT_EQ(head.path.in(data), acceptance.path) << acceptance.bytes;
    }
}

TEST(RequestParser, StopsAtItsLimits) {
    RequestHead head;
    const std::string line = "GET /" + std::string(200, 'a');
    EXPECT_EQ(parse_request(line.data(), line.size(), {.bytes_max = 100}, head), ParseStatus::kBad);
    EXPECT_EQ(status_for(head.fault), 414);

    head.clear();
    const std::string large = HEAD "X: " + std::string(200, 'a');
    EXPECT_EQ(parse_request(large.data(), large.size(), {.bytes_max = 100}, head),
              ParseStatus::kBad);
    EXPECT_EQ(status_for(head.fault), 431);

    head.clear();
    std::string many = HEAD;
    for (int i = 0; i < 10; ++i) {
        many += "X: y\r\n";
    }
    many += "\r\n";
    EXPECT_EQ(parse_request(many.data(), many.size(), {.fields_max = 10}, head), ParseStatus::kBad);
    EXPECT_EQ(head.fault, Fault::kTooManyFields);
    head.clear();
    EXPECT_EQ(parse_request(many.data(), many.size(), {.fields_max = 11}, head),
              ParseStatus::kDone);
}

const Refusal kResponseRefusals[] = {
    {"4", "no status", "HTTP/1.1\r\n\r\n", Fault::kBadStatusLine},
    {"4", "two digits", "HTTP/1.1 20 OK\r\n\r\n", Fault::kBadStatusLine},
    {"4", "four digits", "HTTP/1.1 2000 OK\r\n\r\n", Fault::kBadStatusLine},
    {"RFC 9110 15", "status 600", "HTTP/1.1 600 X\r\n\r\n", Fault::kBadStatusLine},
    {"RFC 9110 15", "status 099", "HTTP/1.1 099 X\r\n\r\n", Fault::kBadStatusLine},
    {"4", "another protocol", "ICY 200 OK\r\n\r\n", Fault::kBadVersion},
    {"2.3", "HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", Fault::kUnsupportedVersion},
    {"4", "control byte in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n", Fault::kControlByte},
    {"2.2", "LF ends the status line", "HTTP/1.1 200 OK\n\r\n", Fault::kBareLineFeed},
    {"5.2", "obs-fold", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", Fault::kFoldedLine},
    {"5.1", "space before the colon", "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", Fault::kSpaceBeforeColon},
    {"6.3", "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
     Fault::kManyContentLengths},
    {"6.3", "length and encoding",
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
     Fault::kLengthAndEncoding},
    {"6.1", "encoding in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     Fault::kEncodingInOldVersion},
    {"6.1", "gzip, chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
     Fault::kUnsupportedTransferEncoding},
};

TEST(ResponseParser, RefusesWhatTwoReadersCouldUnderstandDifferently) {
    for (const Refusal& refusal : kResponseRefusals) {
        ResponseHead head;
        const ParseStatus status =
            parse_response(refusal.bytes.data(), refusal.bytes.size(), {}, Method::kGet, head);
        EXPECT_EQ(status, ParseStatus::kBad) << refusal.what;
        EXPECT_EQ(to_string(head.fault), to_string(refusal.fault)) << refusal.what;
    }
}

struct FramingCase {
    std::string_view bytes;
    Method request;
    Framing framing;
    bool keep_alive;
};

TEST(ResponseParser, FramesBodiesAsSection6_3Says) {
    const FramingCase cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::kGet, Framing::kLength, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Method::kGet, Framing::kNone, true},
        {"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kGet, Framing::kChunked,
         true},
        {"HTTP/1.1 200 \r\n\r\n", Method::kGet, Framing::kUntilClose, false},
        {"HTTP/1.0 200 OK\r\n\r\n", Method::kGet, Framing::kUntilClose, false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", Method::kGet,
         Framing::kLength, true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Method::kHead, Framing::kNone, true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Method::kHead, Framing::kNone,
         true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Method::kGet, Framing::kNone,
         true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Method::kGet, Framing::kNone,
         true},
        {"HTTP/1.1 100 Continue\r\n\r\n", Method::kPost, Framing::kNone, true},
        {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
         Method::kGet, Framing::kNone, true},
        {"HTTP/1.1 200 OK\r\n\r\n", Method::kConnect, Framing::kNone, true},
    };
    for (const FramingCase& one : cases) {
        ResponseHead head;
        ASSERT_EQ(parse_response(one.bytes.data(), one.bytes.size(), {}, one.request, head),
                  ParseStatus::kDone)
            << one.bytes << to_string(head.fault);
        EXPECT_EQ(head.framing, one.framing) << one.bytes;
        EXPECT_EQ(head.keep_alive, one.keep_alive) << one.bytes;
    }
}

TEST(FieldId, KnowsEveryNameWhateverItsCase) {
    for (size_t i = 1; i < kFieldIdCount; ++i) {
        const auto id = static_cast<FieldId>(i);
        std::string name(field_name(id));
        EXPECT_EQ(field_id(name), id) << name;
        for (char& c : name) {
            c = static_cast<char>(std::toupper(c));
        }
        EXPECT_EQ(field_id(name), id) << name;
        name += 'x';
        EXPECT_EQ(field_id(name), FieldId::kOther) << name;
    }
    EXPECT_EQ(field_id(""), FieldId::kOther);
    EXPECT_EQ(field_id("x"), FieldId::kOther);
}

TEST(RequestParser, NeverReadsPastTheBytesItWasGiven) {
    base::Random random(20261121);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(kGolden);
        for (uint64_t change = random.below(4); change > 0; --change) {
            bytes[random.below(bytes.size())] = static_cast<char>(random.next());
        }
        bytes.resize(random.below(bytes.size()) + 1);
        const auto exact = std::make_unique<char[]>(bytes.size());
        std::memcpy(exact.get(), bytes.data(), bytes.size());
        RequestHead head;
        if (parse_request(exact.get(), bytes.size(), {}, head) == ParseStatus::kDone) {
            EXPECT_LE(head.size, bytes.size());
        }
    }
}

}  // namespace
}  // namespace shore::wire
