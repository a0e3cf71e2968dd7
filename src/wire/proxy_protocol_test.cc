#include "wire/proxy_protocol.h"

#include <gtest/gtest.h>

#include "wire/limits.h"

namespace shore::wire {
namespace {

using namespace std::string_literals;  // tidy-allow(banned): bytes with NUL inside.

const std::string kSign = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kEnds = "\x0a\0\0\x01\x0a\0\0\x02\x30\x39\x01\xbb"s;  // 10.0.0.1:12345, .2:443

std::string v2(const std::string& command_and_family, const std::string& body) {
    return kSign + command_and_family + static_cast<char>(body.size() >> 8U) +
           static_cast<char>(body.size() & 0xffU) + body;
}

TEST(ProxyProtocol, ReadsBothVersions) {
    const std::string headers[] = {
        "PROXY TCP4 10.0.0.1 10.0.0.2 12345 443\r\n", v2("\x21\x11"s, kEnds),
        v2("\x21\x11"s, kEnds + "\x04\0\x03xyz\x05\0\0"s),  // With TLVs.
    };
    for (const std::string& text : headers) {
        const std::string bytes = text + "GET / HTTP/1.1\r\n";
        ProxyHeader header;
        ASSERT_EQ(parse_proxy_header(bytes.data(), bytes.size(), header), ParseStatus::kDone);
        EXPECT_EQ(header.size, text.size());
        EXPECT_FALSE(header.local);
        EXPECT_EQ(header.source.port, 12345);
        EXPECT_EQ(header.destination.port, 443);
        EXPECT_EQ(header.source.address[10], 0xff);
        EXPECT_EQ(header.source.address[15], 1);
        EXPECT_EQ(header.destination.address[15], 2);
        for (size_t part = 0; part < text.size(); ++part) {
            EXPECT_EQ(parse_proxy_header(bytes.data(), part, header), ParseStatus::kMore) << part;
        }
    }
}

TEST(ProxyProtocol, LetsThePeerSpeakForItself) {
    const std::string headers[] = {"PROXY UNKNOWN\r\n",    "PROXY UNKNOWN whatever it is 1 2\r\n",
                                   v2("\x20\x11"s, kEnds), v2("\x20\0"s, ""),
                                   v2("\x21\0"s, "abc"),   v2("\x21\x31"s, std::string(216, 'u'))};
    for (const std::string& text : headers) {
        ProxyHeader header;
        EXPECT_EQ(parse_proxy_header(text.data(), text.size(), header), ParseStatus::kDone);
        EXPECT_TRUE(header.local);
        EXPECT_EQ(header.size, text.size());
    }
}

TEST(ProxyProtocol, RefusesWhatIsNotToTheLetter) {
    const std::string headers[] = {
        "GET / HTTP/1.1\r\n",
        "PROXY\r\n",
        "proxy TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
        "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\n",
        "PROXY UNKNOWN a\nb\r\n",
        "PROXY TCP4  10.0.0.1 10.0.0.2 1 2\r\n",
        "PROXY TCP4 10.0.0.1 10.0.0.2 1 2 \r\n",
        "PROXY TCP4 10.0.0.1 10.0.0.2 1\r\n",
        "PROXY TCP4 10.0.0.1 10.0.0.2 1 65536\r\n",
        "PROXY TCP4 10.0.0.1 10.0.0.2 01 2\r\n",
        "PROXY TCP4 10.0.0.1 10.0.0.2 -1 2\r\n",
        "PROXY TCP4 10.0.0.01 10.0.0.2 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 10.0.0.1 10.0.0.2 1 2\r\n",
        "PROXY UDP4 10.0.0.1 10.0.0.2 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY TCP4 " + std::string(100, '1'),
        "PROXY UNKNOWN " + std::string(100, 'a') + "\r\n",
        v2("\x11\x11"s, kEnds),              // Version 1 in the binary form.
        v2("\x22\x11"s, kEnds),              // An unknown command.
        v2("\x21\x12"s, kEnds),              // Datagrams.
        v2("\x21\x41"s, kEnds),              // An unknown family.
        v2("\x21\x11"s, kEnds.substr(1)),    // Too short for its family.
        v2("\x21\x21"s, kEnds),              // Likewise.
        v2("\x21\x11"s, kEnds + "\x04\0"s),  // A TLV without its length.
        v2("\x21\x11"s, kEnds + "\x04\0\x05"
                                "abc"s),  // One that is longer than its space.
        v2("\x20\0"s, std::string(kProxyHeaderBytesMax, 'x')),
    };
    for (const std::string& text : headers) {
        ProxyHeader header;
        EXPECT_EQ(parse_proxy_header(text.data(), text.size(), header), ParseStatus::kBad) << text;
    }
}

TEST(ProxyProtocol, WritesWhatItReads) {
    ProxyEnd six{.address = {0x20, 1, 0xd, 0xb8}, .port = 65535};
    ProxyEnd four{.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}, .port = 80};
    std::string out(kProxyHeaderWrittenMax, '\0');
    const size_t length = write_proxy_header(ProxyVersion::k1, four, four, out.data());
    EXPECT_EQ(out.substr(0, length), "PROXY TCP4 10.0.0.1 10.0.0.1 80 80\r\n");
    for (const ProxyVersion version : {ProxyVersion::k1, ProxyVersion::k2}) {
        for (const ProxyEnd& source : {six, four}) {
            const size_t written = write_proxy_header(version, source, six, out.data());
            ProxyHeader header;
            ASSERT_EQ(parse_proxy_header(out.data(), written, header), ParseStatus::kDone);
            EXPECT_EQ(header.size, written);
            EXPECT_EQ(header.source, source);
            EXPECT_EQ(header.destination, six);
        }
    }
}

}  // namespace
}  // namespace shore::wire
