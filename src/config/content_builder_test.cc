#include "config/content_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "config/test_project.h"

namespace shore::config {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace {

/// A stack whose x-shore.gateway has these lines.
Outcome load_gateway(std::string_view lines) {
    TestProject project;
    std::string text = "services:\n  api:\n    command: [./api]\nx-shore:\n  gateway:\n";
    text += lines;
    project.file("shore.yaml", text);
    return project.load();
}

}  // namespace

TEST(ContentOptions, HaveDefaultsWithoutAnySetting) {
    const Outcome outcome = load_gateway("    threads: 1\n");
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->stack.gateway.content, model::ContentOptions());
}

TEST(ContentOptions, HaveAShortForm) {
    const Outcome outcome = load_gateway("    compress: false\n    security_headers: false\n");
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    EXPECT_FALSE(outcome->stack.gateway.content.compress.enabled);
    EXPECT_FALSE(outcome->stack.gateway.content.security.enabled);
}

TEST(ContentOptions, BoundTheResponseCache) {
    const Outcome outcome =
        load_gateway("    cache: {memory: 1G, entries: 50000, object: 1M, disk: 9G}\n");
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    EXPECT_EQ(outcome->stack.gateway.content.cache, (model::CacheOptions{.memory = Bytes::gib(1),
                                                                         .entries = 50'000,
                                                                         .object = Bytes::mib(1),
                                                                         .disk = Bytes::gib(9)}));
    const Outcome smaller = load_gateway("    cache: {memory: 1M}\n");
    ASSERT_TRUE(smaller) << to_text(smaller.error());
    EXPECT_EQ(smaller->stack.gateway.content.cache.object, Bytes::mib(1));
    const Outcome larger = load_gateway("    cache: {memory: 1M, object: 2M}\n");
    ASSERT_FALSE(larger);
    EXPECT_THAT(to_text(larger.error()), HasSubstr("shore.yaml:6:12"));
    EXPECT_THAT(to_text(larger.error()), HasSubstr("must be at most x-shore.gateway.cache.memory"));
}

TEST(ContentOptions, ARouteIsCachedByTheShortOrTheLongForm) {
    const auto policy = [](const std::string& cache) {
        TestProject project;
        project.file("shore.yaml",
                     "services:\n  api:\n    command: [./api]\n    x-shore:\n      http: {cache: " +
                         cache + "}\n");
        const Outcome outcome = project.load();
        EXPECT_TRUE(outcome) << to_text(outcome.error());
        return outcome->stack.services.front().http->cache;
    };
    EXPECT_EQ(policy("false"), model::CachePolicy());
    EXPECT_EQ(policy("true"), model::CachePolicy{.enabled = true});
    EXPECT_EQ(policy("{negative: 5s, heuristic: true, reload: true}"),
              (model::CachePolicy{.enabled = true,
                                  .negative = std::chrono::seconds(5),
                                  .heuristic = true,
                                  .reload = true}));
}

TEST(ContentOptions, HaveALongForm) {
    const Outcome outcome = load_gateway(R"(
    compress: {codings: [GZIP], types: [text/*, application/*+json], min_size: 4K, level: small,
               credentials: true}
    security_headers: {nosniff: false, frame_options: "off", referrer_policy: no-referrer}
    file_cache: 1G
)");
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    const model::ContentOptions& content = outcome->stack.gateway.content;
    EXPECT_TRUE(content.compress.enabled);
    EXPECT_THAT(content.compress.codings, ElementsAre("gzip"));
    EXPECT_THAT(content.compress.types, ElementsAre("text/*", "application/*+json"));
    EXPECT_EQ(content.compress.size_min, Bytes::kib(4));
    EXPECT_EQ(content.compress.level, model::CompressLevel::kSmall);
    EXPECT_TRUE(content.compress.with_credentials);
    EXPECT_FALSE(content.security.nosniff);
    EXPECT_EQ(content.security.frame_options, "");
    EXPECT_EQ(content.security.referrer_policy, "no-referrer");
    EXPECT_EQ(content.file_cache, Bytes::gib(1));
}

TEST(ContentOptions, RefuseWhatNoGatewayCanDo) {
    const Outcome outcome = load_gateway(
        "    compress: {codings: [zip], types: [text], level: best}\n"
        "    security_headers: sometimes\n");
    ASSERT_FALSE(outcome);
    const std::string text = to_text(outcome.error());
    EXPECT_THAT(text, HasSubstr("shore.yaml:6:26: x-shore.gateway.compress.codings"));
    EXPECT_THAT(text, HasSubstr("must be zstd, br or gzip, got \"zip\""));
    EXPECT_THAT(text, HasSubstr("must be a media type such as text/html"));
    EXPECT_THAT(text, HasSubstr("x-shore.gateway.compress.level"));
    EXPECT_THAT(text, HasSubstr("x-shore.gateway.security_headers.enabled"));
}

TEST(AccessLogOptions, ChooseFieldsOrNoLines) {
    Outcome outcome = load_gateway("    access_log: {fields: [path, status, trace_id]}\n");
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    EXPECT_EQ(outcome->stack.gateway.access_log,
              (model::AccessLogOptions{.enabled = true,
                                       .fields = log_bit(model::LogField::kPath) |
                                                 log_bit(model::LogField::kStatus) |
                                                 log_bit(model::LogField::kTraceId)}));
    outcome = load_gateway("    access_log: false\n    trace: false\n");
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    EXPECT_FALSE(outcome->stack.gateway.access_log.enabled);
    EXPECT_FALSE(outcome->stack.gateway.trace);
    outcome = load_gateway("    access_log: {fields: [path, statis]}\n");
    ASSERT_FALSE(outcome);
    EXPECT_THAT(to_text(outcome.error()),
                HasSubstr("there is no field \"statis\", did you mean \"status\"?"));
}

namespace {

/// The routes of a service "api" whose x-shore.http has these lines, or the problems.
std::string routes_of(std::string_view lines) {
    TestProject project;
    std::string text =
        "services:\n  old: {command: [./old]}\n  api:\n    command: [./api]\n"
        "    x-shore:\n      http:\n";
    text += lines;
    project.file("shore.yaml", text);
    const Outcome outcome = project.load();
    if (!outcome) {
        return to_text(outcome.error());
    }
    std::string said;
    for (const model::HttpRoute& route :
         model::routes_of(*model::find_service(outcome->stack, "api"))) {
        const model::RouteActions& actions = route.actions;
        said += fmt::format("{}: {}", actions.name, model::describe_match(route, ""));
        if (actions.refusal.status != 0) {
            said += fmt::format(" -> {} {}", actions.refusal.status, actions.refusal.detail);
        }
        for (const model::Share& share : actions.split) {
            said += " -> " + share.service;
        }
        for (const auto* const edits : {&actions.response.set, &actions.response.add}) {
            for (const auto& field : *edits) {
                said += fmt::format("; {}: {}", field.name, field.value);
            }
        }
        said += '\n';
    }
    return said;
}

}  // namespace

TEST(ExternalUpstream, HasNoProcessAndIsCheckedWithItsPlace) {
    TestProject project;
    const auto load = [&](std::string_view http, std::string_view more = "") {
        project.file("shore.yaml",
                     fmt::format("services:\n  far:\n    {}\n    x-shore: {{http: {{upstream: {}, "
                                 "decompress: {{max_size: 1M, max_ratio: 7}}}}}}\n"
                                 "x-shore: {{gateway: {{resolvers: [127.0.0.1:53]}}}}\n",
                                 more, http));
        return project.load();
    };
    const Outcome outcome = load("\"far.test:80\"");
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    const model::ServiceSpec& far = outcome->stack.services[0];
    EXPECT_EQ(far.external, "far.test:80");
    EXPECT_FALSE(model::has_process(far));
    EXPECT_FALSE(far.needs_port);
    EXPECT_TRUE(far.http->decompress);
    EXPECT_EQ(far.http->decompressed_max, Bytes::mib(1));
    EXPECT_EQ(far.http->decompress_ratio_max, 7U);
    EXPECT_THAT(outcome->stack.gateway.resolvers, ElementsAre("127.0.0.1:53"));
    EXPECT_THAT(to_text(load("far.test").error()),
                HasSubstr("must be HOST:PORT, got \"far.test\""));
    EXPECT_THAT(to_text(load("\"http://far:80\"").error()), HasSubstr("must be HOST:PORT"));
    EXPECT_THAT(to_text(load("\"https://far:443\"").error()), HasSubstr("over plain HTTP"));
    EXPECT_THAT(to_text(load("\"far:80\"", "command: [./x]").error()),
                HasSubstr("stands beside a command"));
}

TEST(Mirror, NamesAServiceThatExists) {
    EXPECT_THAT(routes_of("        {mirror: {service: odl}}\n"),
                HasSubstr("there is no active service \"odl\", did you mean \"old\"?"));
}

TEST(Mirror, IsNamedWhereItStands) {
    EXPECT_THAT(routes_of("        {mirror: {service: odl}}\n"),
                HasSubstr("x-shore.http.mirror.service: there is no active service"));
    EXPECT_THAT(routes_of("        {mirror: {percent: 5}}\n"), HasSubstr("needs \"service\""));
    EXPECT_THAT(routes_of("        {mirror: {service: api}}\n"),
                HasSubstr("is the service that answers"));
    EXPECT_THAT(routes_of("        {versions: {v1: {service: nobody}}}\n"),
                HasSubstr("x-shore.http.versions.v1.service: there is no active service"));
}

TEST(RouteBuilder, RefusesWhatCouldDoNothing) {
    EXPECT_THAT(routes_of("        {sticky_for: 1h}\n"), HasSubstr("is the life of the cookie"));
    EXPECT_THAT(routes_of("        {redirect: /x, rewrite: /y}\n"),
                HasSubstr("rewrite: stands beside redirect"));
    EXPECT_THAT(routes_of("        {rewrite: \"/{host\"}\n"),
                HasSubstr("has a { without its }, got \"/{host\""));
    EXPECT_THAT(routes_of("        {try_timeout: 10s, timeout: 5s}\n"),
                HasSubstr("must be at most timeout (5s)"));
    EXPECT_THAT(routes_of("        {version_by: media_type}\n"), HasSubstr("needs versions"));
    EXPECT_THAT(routes_of("        {version_default: v1}\n"), HasSubstr("needs versions"));
    EXPECT_THAT(routes_of("        {path_regex: users/.*}\n"),
                HasSubstr("\"users/.*\" can fit none"));
    EXPECT_THAT(routes_of("        {path_regex: \"(?i).*[.]php|/x\"}\n"), HasSubstr("~(?i)"));
    EXPECT_THAT(routes_of("        {source: 999.0.0.1}\n"), HasSubstr("must be a network"));
    EXPECT_THAT(routes_of("        {health_status: 200-204}\n"),
                HasSubstr("goes with x-shore.http.health"));
    EXPECT_THAT(routes_of("        {health_body: ok}\n"),
                HasSubstr("goes with x-shore.http.health"));
}

TEST(GatewayOptions, AreCheckedWithTheirPlace) {
    TestProject project;
    project.file("site/index.html", "x");
    const auto said = [&project](std::string_view gateway) {
        project.file("shore.yaml",
                     fmt::format("services:\n  site:\n    x-shore: {{static: ./site}}\n"
                                 "x-shore:\n  gateway: {{{}}}\n",
                                 gateway));
        const Outcome outcome = project.load();
        return to_text(outcome ? outcome->notes : outcome.error());
    };
    EXPECT_THAT(said("listen: []"), HasSubstr("5:21: x-shore.gateway.listen: must name"));
    EXPECT_THAT(said("listen: [\"http://:80\", \"https://:80\"]"),
                HasSubstr("https://:80 stands there already"));
    EXPECT_THAT(said("access_log: {fields: []}"), HasSubstr("must name a field"));
    EXPECT_THAT(said("resolvers: [dns.test]"),
                HasSubstr("must be an IPv4 address, or ADDRESS:PORT, got \"dns.test\""));
    EXPECT_THAT(said("resolvers: [\"10.0.0.1:0\"]"), HasSubstr("got \"10.0.0.1:0\""));
    EXPECT_THAT(said("resolvers: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4]"),
                HasSubstr("must be at most 3 servers, got 4"));
    EXPECT_EQ(said("resolvers: [10.0.0.1, \"10.0.0.2:5353\"]"), "");
    EXPECT_THAT(said("compress: {codings: []}"), HasSubstr("compress.codings: must name"));
    EXPECT_THAT(said("tls: {client_auth: optional}"), HasSubstr("client_auth: needs client_ca"));
    EXPECT_THAT(said("tls: {redirect: true}"), HasSubstr("does nothing without an address"));
    EXPECT_EQ(said("listen: \"https://:443\", tls: {min_version: \"1.3\"}"), "");
}

TEST(TcpListen, NeedsAPortOfItsOwn) {
    TestProject project;
    const std::string head = "services:\n  db:\n    command: [./db]\n    x-shore: {tcp: ";
    EXPECT_THAT(project.problems_of(head + "8080}\n"),
                HasSubstr("port 8080 is one of x-shore.gateway.listen"));
    EXPECT_THAT(project.problems_of(head + "x}\n"), Not(HasSubstr("needs a port")));
}

TEST(ApiVersions, ByPathHaveAPrefixEach) {
    EXPECT_EQ(routes_of(R"(
        route: /api
        version_default: v2
        versions:
          v1: {service: old, deprecated: 2026-07-01, sunset: 2027-01-31, link: "https://x.test/v1"}
          v2: {}
)"),
              "v1: any host, path /api/v1 -> old; Deprecation: @1782864000; "
              "Sunset: Sun, 31 Jan 2027 00:00:00 GMT; Link: <https://x.test/v1>; "
              "rel=\"deprecation\"; Link: <https://x.test/v1>; rel=\"sunset\"\n"
              "v2: any host, path /api/v2\n"
              ": any host, path /api\n");
}

TEST(ApiVersions, ByHeaderRefuseVersionsThatDoNotExist) {
    EXPECT_EQ(
        routes_of(R"(
        {route: /api, name: shop, version_by: header Api-Version, version_default: "1",
         versions: {"1": {sunset: 2027-01-31}, "2": {service: old}}}
)"),
        "shop.1: any host, path /api, header api-version=1; "
        "Sunset: Sun, 31 Jan 2027 00:00:00 GMT\n"
        "shop.2: any host, path /api, header api-version=2 -> old\n"
        "shop.unknown-version: any host, path /api, header api-version -> 400 This version of "
        "the API does not exist; there are 1, 2.\n"
        "shop: any host, path /api; Sunset: Sun, 31 Jan 2027 00:00:00 GMT\n");
}

TEST(ApiVersions, AreCheckedWithTheirPlace) {
    EXPECT_THAT(routes_of("        {version_by: cookie, versions: {v1: {}}}\n"),
                HasSubstr("version_by: must be path, header NAME or media_type, got \"cookie\""));
    EXPECT_THAT(routes_of("        {version_default: v11, versions: {v1: {}}}\n"),
                HasSubstr("must be one of versions, got \"v11\""));
    EXPECT_THAT(routes_of("        {path: /x, versions: {v1: {}}}\n"),
                HasSubstr("the version follows its prefix"));
    EXPECT_THAT(routes_of("        {versions: {v1: {sunset: soon}}}\n"),
                HasSubstr("sunset of v1 must be a day such as 2026-12-31, got \"soon\""));
    EXPECT_THAT(routes_of("        {versions: {v1: {service: nobody}}}\n"),
                HasSubstr("there is no active service \"nobody\""));
    EXPECT_THAT(
        routes_of("        {versions: {v1: {deprecated: 2027-02-01, sunset: 2027-01-01}}}\n"),
        HasSubstr("comes before its deprecation"));
}

}  // namespace shore::config
