#include "gateway/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/compiled.h"
#include "gateway/route_view.h"

namespace shore::gateway {
namespace {

/// A request as its text, parsed as the gateway does.
class Request final {
 public:
    explicit Request(std::string_view host, std::string_view path = "/",
                     std::string_view method = "GET", std::string_view fields = "",
                     std::string_view peer = "192.0.2.1") {
        text_ = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n{}\r\n", method, path, host, fields);
        EXPECT_EQ(wire::parse_request(text_.data(), text_.size(), {}, head_),
                  wire::ParseStatus::kDone);
        peer_ = Network::parse(peer)->prefix;
    }
    RequestView view(std::span<const Network> trusted = {}) const {
        return {.host = head_.authority.in(text_.data()),
                .path = head_.path.in(text_.data()),
                .data = text_.data(),
                .head = &head_,
                .peer = peer_,
                .trusted = trusted};
    }

 private:
    std::string text_;
    wire::RequestHead head_;
    AddressBytes peer_;
};

class Routing : public ::testing::Test {
 protected:
    void add(std::string name, model::HttpRoute match) {
        model::Route route;
        route.name = std::move(name);
        route.listeners = {0};
        route.match = std::move(match);
        snapshot_.routes.push_back(std::move(route));
    }
    /// Name of the route of a request; "-" when none takes it.
    std::string route_of(const Request& request) {
        compile();
        const CompiledRoute* const route = compiled_->router().find(0, view(request));
        return route == nullptr ? "-" : route->spec->name;
    }
    std::vector<Router::Candidate> candidates(const Request& request) {
        compile();
        return compiled_->router().candidates(0, view(request));
    }
    void compile() {
        if (!compiled_) {
            snapshot_.listeners = {{"", 80}};
            compiled_ = Compiled::make(snapshot_, registry_);
        }
    }
    RequestView view(const Request& request) { return request.view(compiled_->trusted()); }

    model::Snapshot snapshot_;
    Registry registry_;
    std::shared_ptr<const Compiled> compiled_;
};

TEST_F(Routing, PrefersExactHostsThenLongestWildcardsThenAnyHost) {
    add("any", {});
    add("wild", {.hosts = {"*.example.com"}});
    add("deep", {.hosts = {"*.eu.example.com"}});
    add("exact", {.hosts = {"shop.example.com"}});
    EXPECT_EQ(route_of(Request("SHOP.example.com")), "exact");
    EXPECT_EQ(route_of(Request("a.example.com")), "wild");
    EXPECT_EQ(route_of(Request("a.b.example.com")), "wild");
    EXPECT_EQ(route_of(Request("a.eu.example.com")), "deep");
    EXPECT_EQ(route_of(Request("example.com")), "any");
    EXPECT_EQ(route_of(Request("notexample.com")), "any");
}

TEST_F(Routing, FallsBackToAnyHostWhereTheNamedOneHasNoRoute) {
    add("any", {});
    add("admin", {.hosts = {"shop.test"}, .path_prefix = "/admin"});
    EXPECT_EQ(route_of(Request("shop.test", "/admin/x")), "admin");
    EXPECT_EQ(route_of(Request("shop.test", "/administration")), "any");
}

TEST_F(Routing, PrefersExactPathsThenLongPrefixesThenPatternsInOrder) {
    add("pattern", {.conditions = {.path_pattern = "/a/.*"}});
    add("later pattern", {.conditions = {.path_pattern = "/[a-z/]*"}});
    add("any", {});
    add("long", {.path_prefix = "/a/b"});
    add("exact", {.conditions = {.path_exact = "/a/b/c"}});
    EXPECT_EQ(route_of(Request("h", "/a/b/c")), "exact");
    EXPECT_EQ(route_of(Request("h", "/a/b/d")), "long");
    EXPECT_EQ(route_of(Request("h", "/a/c")), "pattern");
    EXPECT_EQ(route_of(Request("h", "/x/a/c")), "later pattern");
    EXPECT_EQ(route_of(Request("h", "/7")), "any");
}

TEST_F(Routing, PrefersMoreConditions) {
    add("plain", {});
    add("get", {.conditions = {.methods = {"GET"}}});
    add("beta get",
        {.conditions = {.methods = {"GET"}, .headers = {{.name = "x-beta", .value = "1"}}}});
    EXPECT_EQ(route_of(Request("h", "/", "GET", "X-Beta: 1\r\n")), "beta get");
    EXPECT_EQ(route_of(Request("h", "/", "GET", "X-Beta: 2\r\n")), "get");
    EXPECT_EQ(route_of(Request("h", "/", "HEAD")), "get");
    EXPECT_EQ(route_of(Request("h", "/", "POST", "X-Beta: 1\r\n")), "plain");
}

TEST_F(Routing, MatchesHeadersExactlyByPatternAndByPresence) {
    add("exact", {.conditions = {.headers = {{.name = "x-kind", .value = "a"}}}});
    add("pattern", {.conditions = {.headers = {{.name = "x-kind", .pattern = "b+"}}}});
    add("present", {.conditions = {.headers = {{.name = "x-kind"}}}});
    EXPECT_EQ(route_of(Request("h", "/", "GET", "x-KIND: a\r\n")), "exact");
    EXPECT_EQ(route_of(Request("h", "/", "GET", "X-Kind: bbb\r\n")), "pattern");
    EXPECT_EQ(route_of(Request("h", "/", "GET", "X-Kind: bbbc\r\n")), "present");
    EXPECT_EQ(route_of(Request("h", "/", "GET", "X-Kind: c\r\nX-Kind: a\r\n")), "exact");
    EXPECT_EQ(route_of(Request("h")), "-");
}

TEST_F(Routing, MatchesQueryParametersEncodedOrNot) {
    add("query", {.conditions = {.query = {{.name = "a b", .value = "1/2"}}}});
    EXPECT_EQ(route_of(Request("h", "/?x=1&a%20b=1%2F2")), "query");
    EXPECT_EQ(route_of(Request("h", "/?a+b=1/2&x")), "query");
    EXPECT_EQ(route_of(Request("h", "/?a+b=1/3")), "-");
    EXPECT_EQ(route_of(Request("h", "/")), "-");
}

TEST_F(Routing, MatchesTheClientBehindTrustedProxiesOnly) {
    add("office", {.conditions = {.sources = {"10.1.0.0/16", "2001:db8::/32"}}});
    snapshot_.trusted_proxies = {"192.0.2.0/24"};
    const auto forwarded = [](std::string_view list) {
        return fmt::format("X-Forwarded-For: {}\r\n", list);
    };
    EXPECT_EQ(route_of(Request("h", "/", "GET", "", "10.1.2.3")), "office");
    EXPECT_EQ(route_of(Request("h", "/", "GET", "", "2001:db8::7")), "office");
    EXPECT_EQ(route_of(Request("h", "/", "GET", "", "10.2.0.1")), "-");
    EXPECT_EQ(route_of(Request("h", "/", "GET", forwarded("10.1.2.3"))), "office");
    EXPECT_EQ(route_of(Request("h", "/", "GET", forwarded("10.1.2.3, 8.8.8.8"))), "-");
    EXPECT_EQ(route_of(Request("h", "/", "GET", forwarded("8.8.8.8, 10.1.2.3, 192.0.2.9"))),
              "office");
    EXPECT_EQ(route_of(Request("h", "/", "GET", forwarded("10.1.2.3"), "8.8.8.8")), "-");
}

TEST_F(Routing, KeepsTheSnapshotsOrderAmongEqualRoutes) {
    add("first", {.conditions = {.headers = {{.name = "a"}}}});
    add("second", {.conditions = {.headers = {{.name = "b"}}}});
    EXPECT_EQ(route_of(Request("h", "/", "GET", "B: 1\r\nA: 1\r\n")), "first");
}

TEST_F(Routing, SaysWhyEachCandidateDoesNotTakeTheRequest) {
    add("post", {.path_prefix = "/a",
                 .conditions = {.methods = {"POST"}, .headers = {{.name = "x-a", .value = "1"}}}});
    add("other", {.path_prefix = "/b"});
    add("beta",
        {.hosts = {"*.test"}, .conditions = {.query = {{.name = "q", .pattern = "[0-9]"}}}});
    add("all", {});
    const auto found = candidates(Request("shop.test", "/a/x?q=z"));
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].route->spec->name, "beta");
    EXPECT_EQ(found[0].host, "*.test");
    EXPECT_EQ(found[0].reason, "query parameter q must match [0-9]");
    EXPECT_EQ(found[1].reason, "the method must be POST");
    EXPECT_EQ(found[2].reason, "the path must begin with /b");
    EXPECT_EQ(found[3].reason, "");
    EXPECT_EQ(candidates(Request("h", "/a", "POST"))[0].reason, "header x-a must be \"1\"");
}

TEST(Cookies, AreFoundByTheirWholeName) {
    const Request request("h", "/", "GET", "Cookie: xa=0; a=1;b=2\r\n");
    EXPECT_EQ(cookie_value(request.view(), "a"), "1");
    EXPECT_EQ(cookie_value(request.view(), "b"), "2");
    EXPECT_EQ(cookie_value(request.view(), "c"), "");
}

TEST_F(Routing, ExplainsEachCandidateInTheOrderInWhichTheyAreLookedAt) {
    snapshot_.upstreams = {
        {.name = "shop/api",
         .endpoints = {{.instance = "shop/api-1", .port = 7},
                       {.instance = "shop/api-2", .port = 8, .draining = true}}}};
    add("any", {});
    add("post", {.hosts = {"shop.test"}, .conditions = {.methods = {"POST"}}});
    add("wild", {.hosts = {"*.test"}, .path_prefix = "/api"});
    for (model::Route& route : snapshot_.routes) {
        route.upstream = 0;
    }
    compile();
    const auto answer = explain_route(
        *compiled_, {.url = "http://SHOP.test:80/x/../y?q#part", .fields = {"X-A: 1"}}, {});
    ASSERT_TRUE(answer) << answer.error().text();
    std::string said;
    for (const wire::Json& each : (*answer)["candidates"].items()) {
        said += fmt::format("{}: {}\n", each["name"].text(), each["reason"].text());
    }
    EXPECT_EQ(said,
              "post: the method must be POST\n"
              "wild: the path must begin with /api\n"
              "any: takes the request\n");
    EXPECT_EQ((*answer)["listener"].text(), "http://:80");
    const wire::Json endpoints = (*answer)["route"]["targets"].items()[0]["endpoints"];
    EXPECT_EQ(endpoints.items()[0].dump(),
              R"({"instance":"shop/api-1","address":"127.0.0.1:7","state":"ready","weight":100,)"
              R"("outstanding":0})");
    EXPECT_EQ(endpoints.items()[1]["state"].text(), "draining");
}

TEST_F(Routing, RefusesToExplainWhatIsNoRequestOrHasNoListener) {
    add("any", {});
    compile();
    const auto error = [&](const RouteQuestion& question) {
        const auto answer = explain_route(*compiled_, question, {});
        return answer ? (*answer)["outcome"].text().empty() ? "?" : "fine" : answer.error().text();
    };
    EXPECT_EQ(error({.url = "shop.test/"}),
              "\"shop.test/\" does not begin with http:// or https://; write http://HOST/PATH or "
              "https://HOST/PATH");
    EXPECT_THAT(error({.url = "http:///x"}), testing::HasSubstr("has no valid host"));
    EXPECT_EQ(error({.url = "https://shop.test/"}),
              "nothing listens for https://shop.test; the gateway listens on http://:80");
    EXPECT_THAT(error({.url = "http://shop.test:81/"}), testing::HasSubstr("nothing listens for"));
    EXPECT_THAT(error({.url = "http://h/", .from = "home"}), testing::HasSubstr("an IP address"));
    EXPECT_THAT(error({.url = "http://h/", .fields = {"X"}}), testing::HasSubstr("Name: value"));
    EXPECT_THAT(error({.url = "http://h/", .fields = {"Content-Length: x"}}),
                testing::HasSubstr("would refuse"));
    EXPECT_EQ(error({.url = "http://h/%2e%2e/x"}), "fine");
}

TEST_F(Routing, ExplainsARefusal) {
    add("gone", {.actions = {.refusal = {.status = 406, .detail = "no such version"}}});
    compile();
    const auto answer = explain_route(*compiled_, {.url = "http://h/"}, {});
    ASSERT_TRUE(answer);
    EXPECT_EQ((*answer)["status"].integer(), 406);
    EXPECT_EQ((*answer)["outcome"].text(), "refused: no such version");
}

TEST_F(Routing, ListsRoutesOncePerHostBestFirst) {
    add("any", {});
    add("two", {.hosts = {"b.test", "*.a.test"}});
    add("deep", {.hosts = {"b.test"}, .path_prefix = "/x"});
    compile();
    std::string said;
    for (const wire::Json& each : list_routes(*compiled_, {})["routes"].items()) {
        said += fmt::format("{} {}\n", each["name"].text(), each["match"].text());
    }
    EXPECT_EQ(said,
              "deep host b.test, path /x\ntwo host b.test\ntwo host *.a.test\nany any host\n");
}

}  // namespace
}  // namespace shore::gateway
