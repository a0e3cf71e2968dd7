#include "model/snapshot.h"

#include <gtest/gtest.h>

namespace shore::model {
namespace {

ContentOptions example_content() {
    return {.compress = {.enabled = false,
                         .codings = {"gzip"},
                         .types = {"text/*"},
                         .size_min = {7},
                         .level = CompressLevel::kSmall,
                         .with_credentials = true},
            .security = {.enabled = false,
                         .nosniff = false,
                         .frame_options = "DENY",
                         .referrer_policy = ""},
            .file_cache = Bytes::mib(1),
            .cache = {.memory = Bytes::mib(2), .entries = 3, .object = {4}, .disk = {5}}};
}

void add_protocols(Snapshot& snapshot) {
    snapshot.listeners.push_back({.port = 5432, .tls = true, .raw = true});
    snapshot.tls = {{.listener = 2, .client_ca = "/ca", .client_optional = true}};
    snapshot.proxy_protocol = {
        {.listener = 0, .from = {"10.0.0.0/8"}, .timeout = std::chrono::seconds(2)}};
    snapshot.tcp = {{.name = "shop/api",
                     .stack = "shop",
                     .service = "api",
                     .listener = 2,
                     .upstream = 0,
                     .hold = std::chrono::seconds(5),
                     .idle = std::chrono::hours(2),
                     .proxy_protocol = 1}};
}

/// Everything that a route may ask and do.
void fill(HttpRoute& full) {
    full.client_certificate = true;
    full.conditions = {.path_pattern = "/v(\\d+)/.*",
                       .methods = {"GET"},
                       .headers = {{.name = "x-beta", .value = "1"}, {.name = "accept"}},
                       .query = {{.name = "q", .pattern = "a.*"}},
                       .sources = {"10.0.0.0/8"}};
    full.actions = {.name = "beta",
                    .redirect = {.to = "https://{host}{path}", .status = 301},
                    .rewrite = "/{1}",
                    .request = {.remove = {"cookie"}, .set = {{"x-a", "1"}}},
                    .response = {.add = {{"x-b", "2"}, {"x-b", "3"}}},
                    .balance = Balance::kHash,
                    .key = ClientKey::kHeader,
                    .key_name = "x-user",
                    .session = true,
                    .session_life = std::chrono::hours(1),
                    .split = {{"api", 90}, {"api-next", 10}},
                    .try_timeout = std::chrono::seconds(2),
                    .deadline = std::chrono::seconds(9),
                    .mirror = {.service = "api-next", .share = 0.25},
                    .refusal = {.status = 400, .detail = "no such version"}};
    full.cache = {
        .enabled = true, .negative = std::chrono::seconds(5), .heuristic = true, .reload = true};
}

Snapshot example() {
    Snapshot snapshot;
    snapshot.version = 7;
    snapshot.listeners = {{"", 8080}, {"127.0.0.1", 9090}};
    snapshot.upstreams = {
        {.name = "shop/api",
         .endpoints = {{.instance = "shop/api-1", .port = 20001},
                       {.instance = "shop/api-2", .port = 20002, .draining = true}},
         .health_path = "/healthz"}};
    snapshot.routes = {{.name = "shop/api",
                        .stack = "shop",
                        .service = "api",
                        .listeners = {0, 1},
                        .match = {.hosts = {"shop.example"},
                                  .path_prefix = "/api",
                                  .strip_prefix = true,
                                  .compress = false,
                                  .decompress = true,
                                  .decompressed_max = Bytes::mib(3),
                                  .decompress_ratio_max = 9},
                        .upstream = 0,
                        .mirror = 0,
                        .log = {.enabled = false, .fields = log_bit(LogField::kPath)}},
                       {.name = "shop/web",
                        .stack = "shop",
                        .service = "web",
                        .listeners = {0},
                        .files = {.root = "/srv/web",
                                  .fallback = "index.html",
                                  .immutable = false,
                                  .precompressed = false}}};
    fill(snapshot.routes[1].match);
    snapshot.routes[0].targets = {{.upstream = 0, .weight = 3}};
    snapshot.upstreams[0].policy = {.requests_max = 10,
                                    .waiting_max = 5,
                                    .wait = std::chrono::seconds(1),
                                    .retry_share = 0.1,
                                    .ejected_share = 0.3,
                                    .failures_max = 7,
                                    .proxy_protocol = 2,
                                    .slow_start = std::chrono::seconds(30)};
    snapshot.upstreams[0].dns = "api.example.com:80";
    snapshot.trace = false;
    snapshot.resolvers = {"127.0.0.1:53"};
    snapshot.trusted_proxies = {"10.0.0.0/8"};
    snapshot.limits.header_bytes = Bytes::kib(8);
    add_protocols(snapshot);
    snapshot.content = example_content();
    return snapshot;
}

TEST(Snapshot, SurvivesItsJsonForm) {
    const auto parsed = parse_snapshot(to_json(example()));
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(*parsed, example());
}

TEST(Snapshot, RefusesIndicesThatDoNotJoin) {
    Snapshot snapshot = example();
    snapshot.routes[0].upstream = 5;
    const auto parsed = parse_snapshot(to_json(snapshot));
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code(), ErrorCode::kCorrupt);
}

TEST(Snapshot, RefusesASplitThatNamesNoUpstream) {
    Snapshot snapshot = example();
    snapshot.routes[0].targets[0].upstream = 5;
    EXPECT_FALSE(parse_snapshot(to_json(snapshot)));
}

TEST(Snapshot, RefusesAMirrorThatNamesNoUpstream) {
    Snapshot snapshot = example();
    snapshot.routes[0].mirror = 1;
    EXPECT_FALSE(parse_snapshot(to_json(snapshot)));
}

TEST(Snapshot, RefusesDamagedText) {
    const std::string text = to_json(example());
    for (size_t length = 0; length < text.size(); length += 7) {
        EXPECT_FALSE(parse_snapshot(std::string_view(text).substr(0, length)));
    }
}

}  // namespace
}  // namespace shore::model
