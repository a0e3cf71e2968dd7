// The session against nghttp2's own client, and against raw frames where a client must misbehave.
#include "wire/http2.h"

#include <map>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include "wire/http2_answer.h"
#include "wire/http2_request.h"

namespace shore::wire {
namespace {

using testing::HasSubstr;

/// One frame (RFC 9113 section 4.1).
std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
    std::string out;
    for (const int shift : {16, 8, 0}) {
        out += static_cast<char>(payload.size() >> shift & 0xffU);
    }
    out += static_cast<char>(type);
    out += static_cast<char>(flags);
    for (const int shift : {24, 16, 8, 0}) {
        out += static_cast<char>(stream >> shift & 0xffU);
    }
    return out.append(payload);
}

std::string literal(std::string_view name, std::string_view value) {
    std::string out("\0", 1);
    out += static_cast<char>(name.size());
    out.append(name);
    out += static_cast<char>(value.size());
    return out.append(value);
}

/// GET http://a/ in HPACK: static table entries and one literal.
std::string get() {
    return "\x82\x86\x84" + literal(":authority", "a");
}

enum Type : uint8_t {
    kData,
    kHeaders,
    kPriority,
    kReset,
    kSettings,
    kPush,
    kPing,
    kGoaway,
    kWindow
};
constexpr uint8_t kEnd = 1;
constexpr uint8_t kEndHeaders = 4;

/// Keeps what comes, answers when told to.
class Owner final : public Http2Owner {
 public:
    struct Request : Http2Stream {
        RequestHead head;
        Http2RequestWriter writer;
        std::string bytes = std::string(16384, '\0');
        std::string body;
        ParseStatus status = ParseStatus::kMore;
        bool ended = false;
        bool over = false;
        std::string text(Slice slice) const { return std::string(slice.in(bytes.data())); }
    };

    Http2Stream* on_request(int32_t id) override {
        if (refusing) {
            return nullptr;
        }
        auto request = std::make_unique<Request>();
        request->writer.start(request->head, request->bytes.data(), request->bytes.size(),
                              {.bytes_max = 4096, .fields_max = 50});
        return (requests[id] = std::move(request)).get();
    }
    void on_field(Http2Stream& stream, std::string_view name, std::string_view value) override {
        of(stream).writer.field(name, value);
    }
    void on_head(Http2Stream& stream, bool end) override {
        of(stream).ended = end;
        of(stream).status = of(stream).writer.finish(end, "0123456789012345678901==");
    }
    void on_body(Http2Stream& stream, std::string_view bytes) override { of(stream).body += bytes; }
    void on_trailer(Http2Stream&, std::string_view, std::string_view) override { ++trailers; }
    void on_body_end(Http2Stream& stream) override { of(stream).ended = true; }
    void on_taken(Http2Stream&) override { ++taken; }
    void on_closed(Http2Stream& stream) override { of(stream).over = true; }

    static Request& of(Http2Stream& stream) { return static_cast<Request&>(stream); }

    std::map<int32_t, std::unique_ptr<Request>> requests;
    bool refusing = false;
    int trailers = 0;
    int taken = 0;
};

class Http2 : public testing::Test {
 protected:
    std::string produce() {
        std::string out(1 << 20, '\0');
        out.resize(session.produce(out.data(), out.size()));
        return out;
    }
    bool receive(std::string_view bytes) { return session.receive(bytes, now); }
    bool begin() { return receive(std::string(kHttp2Preface) + frame(kSettings, 0, 0, "")); }
    Owner::Request& request(int32_t id = 1) { return *owner.requests.at(id); }
    /// Sends a request of these fields on the next stream; returns it.
    Owner::Request& ask(std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
                        bool end = true) {
        std::string block;
        for (const auto& [name, value] : fields) {
            block += literal(name, value);
        }
        receive(frame(kHeaders, static_cast<uint8_t>(kEndHeaders | (end ? kEnd : 0)),
                      static_cast<uint32_t>(next), block));
        return request(std::exchange(next, next + 2));
    }

    Owner owner;
    SteadyTime now{std::chrono::seconds(1000)};
    Http2Session session{owner, {.streams_max = 4, .head_bytes = 4096}};
    int32_t next = 1;
};

TEST_F(Http2, GivesTheHeadThatTheHttp1ParserWouldGive) {
    ASSERT_TRUE(begin());
    Owner::Request& got = ask({{":method", "POST"},
                               {":scheme", "http"},
                               {":authority", "shop.example:81"},
                               {":path", "/a/b?c=d"},
                               {"user-agent", "x"},
                               {"cookie", "a=1"},
                               {"content-length", "5"},
                               {"cookie", "b=2"}},
                              false);
    ASSERT_EQ(got.status, ParseStatus::kDone);
    EXPECT_EQ(got.head.method, Method::kPost);
    EXPECT_EQ(got.text(got.head.method_text), "POST");
    EXPECT_EQ(got.text(got.head.authority), "shop.example:81");
    EXPECT_EQ(got.text(got.head.path), "/a/b");
    EXPECT_EQ(got.text(got.head.query), "?c=d");
    EXPECT_EQ(got.head.framing, Framing::kLength);
    EXPECT_EQ(got.head.content_length, 5U);
    ASSERT_EQ(got.head.field_count, 3U);
    EXPECT_EQ(got.text(got.head.find(FieldId::kCookie)->value), "a=1; b=2");  // 8.2.3
    EXPECT_EQ(got.text(got.head.find(FieldId::kUserAgent)->value), "x");
    receive(frame(kData, kEnd, 1, "hello"));
    EXPECT_EQ(got.body, "hello");
    EXPECT_TRUE(got.ended);
}

/// GET http://a/ with one field taken out or replaced in its place, and one added at the end.
struct Malformed {
    std::string_view section;  ///< Of RFC 9113.
    std::string_view without;
    std::string_view instead;
    std::string_view name;
    std::string_view value;
};
constexpr Malformed kMalformed[] = {
    {"8.2.1 name", "", "", "X-Upper", "1"},
    {"8.2.1 name", "", "", "a b", "1"},
    {"8.2.1 value", "", "", "x", "1\r\ny: 2"},
    {"8.2.1 value", "", "", "x", " 1"},
    {"8.2.2 connection", "", "", "connection", "close"},
    {"8.2.2 keep-alive", "", "", "keep-alive", "5"},
    {"8.2.2 encoding", "", "", "transfer-encoding", "chunked"},
    {"8.2.2 te", "", "", "te", "gzip"},
    {"8.2.2 upgrade", "", "", "upgrade", "websocket"},
    {"8.3 twice", "", "", ":method", "GET"},
    {"8.3 unknown", "", "", ":x", "1"},
    {"8.3 order", ":authority", "", "x", "1"},
    {"8.3.1 method", ":method", "", "", ""},
    {"8.3.1 method", ":method", "GET /x HTTP/1.1", "", ""},
    {"8.3.1 scheme", ":scheme", "", "", ""},
    {"8.3.1 scheme", ":scheme", "ftp", "", ""},
    {"8.3.1 path", ":path", "", "", ""},
    {"8.3.1 path", ":path", "x", "", ""},
    {"8.3.1 path", ":path", "/a b HTTP/1.1", "", ""},
    {"8.3.1 path", ":path", "*", "", ""},
    {"8.3.1 authority", ":authority", "", "", ""},
    {"8.3.1 authority", ":authority", "a/b", "", ""},
    {"8.3.1 host", "", "", "host", "b"},
    {"8.1.1 length", "", "", "content-length", "x"},
    {"8.1.1 length", "", "", "content-length", "1, 1"},
    {"8.5 connect", ":method", "CONNECT", "", ""},
};

std::string block_of(const Malformed& each) {
    std::string block;
    for (const auto& [name, value] :
         {std::pair<std::string_view, std::string_view>{":method", "GET"},
          {":scheme", "http"},
          {":authority", "a"},
          {":path", "/"}}) {
        if (name != each.without) {
            block += literal(name, value);
        } else if (!each.instead.empty()) {
            block += literal(name, each.instead);
        }
    }
    if (!each.name.empty()) {
        block += literal(each.name, each.value);
    }
    return each.section == "8.3 order" ? block + literal(":authority", "a") : block;
}

TEST(Http2Request, RefusesWhatCouldSmuggleOrIsNoRequest) {
    for (const Malformed& each : kMalformed) {
        Owner owner;
        Http2Session session(owner, {});
        session.receive(kHttp2Preface, SteadyTime{});
        session.receive(frame(kSettings, 0, 0, ""), SteadyTime{});
        session.receive(frame(kHeaders, kEndHeaders | kEnd, 1, block_of(each)), SteadyTime{});
        std::string out(65536, '\0');
        session.produce(out.data(), out.size());
        const Owner::Request& got = *owner.requests.at(1);
        EXPECT_NE(got.status, ParseStatus::kDone) << "RFC 9113 " << each.section;
        EXPECT_TRUE(got.over || got.status == ParseStatus::kBad) << "RFC 9113 " << each.section;
    }
}

TEST_F(Http2, KeepsTheContentLengthHonest) {
    // RFC 9113 section 8.1.1: a body of another length is malformed.
    ASSERT_TRUE(begin());
    Owner::Request& got = ask({{":method", "POST"},
                               {":scheme", "http"},
                               {":authority", "a"},
                               {":path", "/"},
                               {"content-length", "3"}},
                              false);
    receive(frame(kData, kEnd, 1, "hello"));
    produce();
    EXPECT_TRUE(got.over);
    EXPECT_FALSE(got.ended);
}

TEST_F(Http2, AnswersATooLargeHeadInsteadOfHangingUp) {
    ASSERT_TRUE(begin());
    std::string block = get();
    for (int i = 0; i < 40; ++i) {
        block += literal("x-long", std::string(100, 'x'));
    }
    ASSERT_TRUE(receive(frame(kHeaders, kEndHeaders | kEnd, 1, block)));
    EXPECT_EQ(request().status, ParseStatus::kBad);
    EXPECT_EQ(request().head.fault, Fault::kHeadTooLarge);
    EXPECT_FALSE(request().over);
}

TEST_F(Http2, TurnsExtendedConnectIntoAWebsocketUpgrade) {
    ASSERT_TRUE(begin());
    Owner::Request& got = ask({{":method", "CONNECT"},
                               {":protocol", "websocket"},
                               {":scheme", "http"},
                               {":authority", "a"},
                               {":path", "/chat"},
                               {"sec-websocket-version", "13"}},
                              false);
    ASSERT_EQ(got.status, ParseStatus::kDone);
    EXPECT_TRUE(got.writer.is_websocket());
    EXPECT_EQ(got.head.method, Method::kGet);
    EXPECT_TRUE(got.head.connection_upgrade && got.head.has_upgrade);
    EXPECT_EQ(got.text(got.head.find(FieldId::kUpgrade)->value), "websocket");
    EXPECT_EQ(got.head.framing, Framing::kNone);
}

TEST_F(Http2, SendsAnAnswerNoFasterThanTheWindowsOpen) {
    ASSERT_TRUE(begin());
    ASSERT_TRUE(receive(frame(kHeaders, kEndHeaders | kEnd, 1, get())));
    const std::array<Http2Field, 2> fields = {{{":status", "200"}, {"Content-Type", "text/plain"}}};
    const std::string body(100'000, 'b');
    session.answer(request(), fields, false);
    session.send(request(), body, true);
    produce();
    EXPECT_EQ(body.size() - request().out.size(), 65535U);  // Section 6.9.2.
    EXPECT_EQ(owner.taken, 0);
    receive(frame(kWindow, 0, 0, std::string("\0\1\0\0", 4)) +
            frame(kWindow, 0, 1, std::string("\0\1\0\0", 4)));
    produce();
    EXPECT_EQ(owner.taken, 1);
    EXPECT_TRUE(request().over);
    EXPECT_EQ(session.open_streams(), 0U);
}

TEST_F(Http2, WritesNoMoreThanTheRoomItIsGiven) {
    ASSERT_TRUE(begin());
    ASSERT_TRUE(receive(frame(kHeaders, kEndHeaders | kEnd, 1, get())));
    const std::array<Http2Field, 1> fields = {{{":status", "200"}}};
    session.answer(request(), fields, false);
    session.send(request(), std::string_view("hello"), true);
    std::string whole;
    for (std::array<char, 40> small; session.produce(small.data(), 0) == 0;) {
        const size_t count = session.produce(small.data(), small.size());
        if (count == 0) {
            break;
        }
        whole.append(small.data(), count);
    }
    EXPECT_THAT(whole, HasSubstr("hello"));
    EXPECT_TRUE(request().over);
}

TEST_F(Http2, SendsTrailersBehindTheBody) {
    ASSERT_TRUE(begin());
    ASSERT_TRUE(receive(frame(kHeaders, kEndHeaders | kEnd, 1, get())));
    produce();
    const std::array<Http2Field, 1> fields = {{{":status", "200"}}};
    session.answer(request(), fields, false);
    session.send(request(), "hello", false);
    request().trailers = {{"grpc-status", "0"}};
    EXPECT_EQ(owner.taken, 0);
    std::string out = produce();
    session.send(request(), "", true);
    out += produce();
    EXPECT_THAT(out, HasSubstr("hello"));
    EXPECT_TRUE(request().over);
    EXPECT_EQ(out.substr(out.size() - 12, 1).front() & 0x0f, 0) << "ends with a HEADERS frame";
}

TEST_F(Http2, RefusesStreamsAboveTheLimit) {
    ASSERT_TRUE(begin());
    std::string many;
    for (uint32_t id = 1; id <= 13; id += 2) {
        many += frame(kHeaders, kEndHeaders | kEnd, id, get());
    }
    produce();
    receive(frame(kSettings, 1, 0, ""));
    EXPECT_TRUE(receive(many));
    EXPECT_LE(session.open_streams(), 4U);
    EXPECT_LE(owner.requests.size(), 4U);
}

TEST_F(Http2, CutsOffRapidResets) {
    ASSERT_TRUE(begin());
    uint32_t id = 1;
    for (; id < 10'000 && session.cut() == Http2Cut::kNone; id += 2) {
        receive(frame(kHeaders, kEndHeaders | kEnd, id, get()) +
                frame(kReset, 0, id, std::string("\0\0\0\x08", 4)));
    }
    EXPECT_EQ(session.cut(), Http2Cut::kRapidReset);
    EXPECT_LT(id, 1200U);
    EXPECT_THAT(produce(), HasSubstr(std::string("\0\0\0\x0b", 4)));  // ENHANCE_YOUR_CALM
}

TEST_F(Http2, LetsABrowserCancelNowAndThen) {
    ASSERT_TRUE(begin());
    for (uint32_t id = 1; id < 1900; id += 2) {
        now += std::chrono::milliseconds(100);
        ASSERT_TRUE(receive(frame(kHeaders, kEndHeaders | kEnd, id, get()) +
                            frame(kReset, 0, id, std::string("\0\0\0\x08", 4))));
        produce();
    }
}

TEST_F(Http2, CutsOffFloodsOfControlFrames) {
    const std::string floods[] = {frame(kPing, 0, 0, "12345678"), frame(kSettings, 0, 0, ""),
                                  frame(kPriority, 0, 3, std::string("\0\0\0\0\1", 5))};
    for (const std::string& each : floods) {
        Owner fresh;
        Http2Session other(fresh, {});
        other.receive(kHttp2Preface, now);
        other.receive(frame(kSettings, 0, 0, ""), now);
        int sent = 0;
        for (std::string out(65536, '\0'); sent < 5000 && other.receive(each, now); ++sent) {
            other.produce(out.data(), out.size());
        }
        EXPECT_EQ(other.cut(), Http2Cut::kControlFlood);
        EXPECT_LT(sent, 1500);
    }
}

TEST_F(Http2, CutsOffAHeadThatNeverEnds) {
    ASSERT_TRUE(begin());
    constexpr uint8_t kContinuation = 9;
    receive(frame(kHeaders, kEnd, 1, get()));
    int sent = 0;
    while (sent < 1000 && receive(frame(kContinuation, 0, 1, literal("x", "y")))) {
        ++sent;
    }
    EXPECT_EQ(session.cut(), Http2Cut::kContinuations);
    EXPECT_LT(sent, 100);
}

TEST_F(Http2, CutsOffAHeadThatUnpacksWithoutEnd) {
    ASSERT_TRUE(begin());
    // A field in the dynamic table, then thousands of one-byte references to it.
    std::string block = get() + std::string("\x40\x01x\x7f\x81\x1e", 6) + std::string(4000, 'v');
    receive(frame(kHeaders, kEnd | kEndHeaders, 1, block + std::string(4000, '\xbe')));
    EXPECT_EQ(session.cut(), Http2Cut::kHeadFlood);
}

TEST_F(Http2, CutsOffAnswersThatFallToDust) {
    // SETTINGS_INITIAL_WINDOW_SIZE 1, then one byte at a time.
    ASSERT_TRUE(receive(std::string(kHttp2Preface) +
                        frame(kSettings, 0, 0, std::string("\0\4\0\0\0\1", 6))));
    receive(frame(kHeaders, kEndHeaders | kEnd, 1, get()));
    const std::array<Http2Field, 1> fields = {{{":status", "200"}}};
    const std::string body(100'000, 'b');
    session.answer(request(), fields, false);
    session.send(request(), body, true);
    int sent = 0;
    while (sent < 5000 && receive(frame(kWindow, 0, 1, std::string("\0\0\0\1", 4)))) {
        produce();
        ++sent;
    }
    EXPECT_EQ(session.cut(), Http2Cut::kTinyWindows);
}

TEST_F(Http2, SaysWhichBytesAreNoHttp2) {
    EXPECT_FALSE(receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_EQ(session.cut(), Http2Cut::kProtocol);
}

TEST_F(Http2, AnnouncesItsEndAndFinishesWhatIsUnderWay) {
    ASSERT_TRUE(begin());
    ASSERT_TRUE(receive(frame(kHeaders, kEndHeaders | kEnd, 1, get())));
    produce();
    session.begin_shutdown();
    const std::string announcement = produce();
    EXPECT_THAT(announcement, HasSubstr("\x7f\xff\xff\xff"));
    // A request that was on its way, then the peer's answer to the ping.
    ASSERT_TRUE(receive(frame(kHeaders, kEndHeaders | kEnd, 3, get())));
    ASSERT_TRUE(receive(frame(kPing, 1, 0, std::string(8, '\0'))));
    produce();
    EXPECT_FALSE(session.finished());
    const std::array<Http2Field, 1> fields = {{{":status", "204"}}};
    session.answer(request(1), fields, true);
    session.answer(request(3), fields, true);
    produce();
    EXPECT_TRUE(session.finished());
}

TEST(Http2Answer, TakesAnAnswerApart) {
    Http2AnswerReader reader;
    Http2AnswerReader::Room room;
    reader.start({});
    std::string_view text =
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\nX-A:  b \r\n\r\nhello";
    EXPECT_EQ(reader.next(text, room).kind, Http2AnswerReader::Kind::kInterim);
    EXPECT_EQ(reader.fields()[0].value, "103");
    const Http2AnswerReader::Step head = reader.next(text, room);
    EXPECT_EQ(head.kind, Http2AnswerReader::Kind::kHead);
    EXPECT_FALSE(head.end);
    ASSERT_EQ(reader.fields().size(), 3U);
    EXPECT_EQ(reader.fields()[2].value, "b");
    const Http2AnswerReader::Step body = reader.next(text, room);
    EXPECT_EQ(body.bytes, "hello");
    EXPECT_TRUE(body.end && reader.done());
}

TEST(Http2Answer, TakesChunksAndTrailersApartHoweverTheyArrive) {
    const std::string_view head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string_view body = "5\r\nhello\r\n10\r\n0123456789abcdef\r\n";
    for (size_t piece = 1; piece <= body.size(); ++piece) {
        Http2AnswerReader reader;
        Http2AnswerReader::Room room;
        reader.start({});
        std::string_view text = head;
        ASSERT_EQ(reader.next(text, room).kind, Http2AnswerReader::Kind::kHead);
        std::string got;
        for (size_t at = 0; at < body.size(); at += piece) {
            text = body.substr(at, piece);
            while (!text.empty()) {
                const Http2AnswerReader::Step step = reader.next(text, room);
                ASSERT_NE(step.kind, Http2AnswerReader::Kind::kBad);
                got += step.bytes;
            }
        }
        EXPECT_EQ(got, "hello0123456789abcdef");
        text = "0\r\nX-Sum: 11\r\n\r\n";
        EXPECT_EQ(reader.next(text, room).kind, Http2AnswerReader::Kind::kTrailers);
        ASSERT_EQ(reader.fields().size(), 1U);
        EXPECT_EQ(reader.fields()[0].name, "X-Sum");
        EXPECT_TRUE(reader.done());
    }
}

TEST(Http2Answer, KnowsWhichAnswersHaveNoBody) {
    struct Case {
        std::string_view text;
        bool head_only;
    };
    for (const Case& each : {Case{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true},
                             Case{"HTTP/1.1 204 No Content\r\n\r\n", false},
                             Case{"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false},
                             Case{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false}}) {
        Http2AnswerReader reader;
        Http2AnswerReader::Room room;
        reader.start({.head_only = each.head_only});
        std::string_view text = each.text;
        EXPECT_TRUE(reader.next(text, room).end) << each.text;
    }
}

TEST(Http2Answer, MakesATunnelOfAnUpgrade) {
    Http2AnswerReader reader;
    Http2AnswerReader::Room room;
    reader.start({.tunnel = true});
    std::string_view text =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\n\x81\x01z";
    EXPECT_EQ(reader.next(text, room).kind, Http2AnswerReader::Kind::kHead);
    ASSERT_EQ(reader.fields().size(), 2U);
    EXPECT_EQ(reader.fields()[0].value, "200");
    EXPECT_EQ(reader.fields()[1].name, "Sec-WebSocket-Protocol");
    EXPECT_EQ(reader.next(text, room).bytes, "\x81\x01z");
}

}  // namespace
}  // namespace shore::wire
