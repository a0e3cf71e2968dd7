#include "net/address.h"

#include <gtest/gtest.h>

namespace shore::net {
namespace {

TEST(Address, ReadsAndPrintsItsTextForms) {
    for (const char* text : {"127.0.0.1:8080", "[::1]:80", "[fe80::1]:65535", "unix:/run/x.sock"}) {
        const auto address = Address::parse(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(address->to_text(), text);
        sockaddr_storage raw;
        const socklen_t length = address->to_socket(raw);
        EXPECT_EQ(Address::from_socket(raw, length).value(), *address);
    }
    EXPECT_EQ(Address::parse("/run/x.sock")->path(), "/run/x.sock");
    EXPECT_EQ(Address::parse("localhost:1")->to_text(), "127.0.0.1:1");
    EXPECT_EQ(Address::parse(":8080")->port(), 8080);
    EXPECT_EQ(Address::parse("*:8080").value(), Address::any(8080));
}

TEST(Address, RefusesWhatIsNone) {
    for (const char* text :
         {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "1.2.3:1", "[::1:80", "::1:80",
          "example.org:80", "unix:", "1.2.3.4:-1", "[]:1"}) {
        const auto address = Address::parse(text);
        ASSERT_FALSE(address) << text;
        EXPECT_EQ(address.error().code(), ErrorCode::kInvalid) << text;
    }
    EXPECT_TRUE(Address::unix_path(std::string(107, 'x')));
    const auto longer = Address::unix_path(std::string(108, 'x'));
    EXPECT_TRUE(longer.error().text().contains("may have 107 bytes, this one has 108"));
}

TEST(Address, KnowsLoopback) {
    EXPECT_TRUE(Address::parse("127.8.0.1:1")->is_loopback());
    EXPECT_TRUE(Address::parse("[::1]:1")->is_loopback());
    EXPECT_TRUE(Address::parse("[::ffff:127.0.0.1]:1")->is_loopback());
    EXPECT_EQ(Address::parse("[::ffff:127.0.0.1]:1")->host(), "127.0.0.1");
    EXPECT_FALSE(Address::parse("10.0.0.1:1")->is_loopback());
}

TEST(Address, LooksUpNames) {
    const auto found = resolve_blocking("localhost", 80);
    ASSERT_TRUE(found) << found.error().text();
    ASSERT_FALSE(found->empty());
    EXPECT_TRUE(found->front().is_loopback());
    EXPECT_EQ(found->front().port(), 80);
}

}  // namespace
}  // namespace shore::net
