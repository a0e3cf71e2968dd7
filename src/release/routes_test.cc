#include "release/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shore::release {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

model::ServiceSpec service(std::string name, std::string path = "/",
                           std::vector<std::string> hosts = {}) {
    model::ServiceSpec service;
    service.name = std::move(name);
    service.command = {"app"};
    service.http = model::HttpRoute{.hosts = std::move(hosts), .path_prefix = std::move(path)};
    return service;
}

model::ServiceSpec published(std::string name, uint16_t port) {
    model::ServiceSpec service;
    service.name = std::move(name);
    service.command = {"app"};
    service.ports = {{.published = port, .target = 80}};
    return service;
}

model::ServiceSpec files(std::string name, std::string path = "/") {
    model::ServiceSpec service;
    service.name = std::move(name);
    service.static_files = model::StaticFiles{.root = "/srv/public"};
    service.http = model::HttpRoute{.path_prefix = std::move(path)};
    return service;
}

model::StackSpec stack(std::vector<model::ServiceSpec> services, std::string name = "shop") {
    model::StackSpec stack;
    stack.name = std::move(name);
    stack.services = std::move(services);
    return stack;
}

/// "shop/api /api -> api-1" per route, in the order of matching.
std::vector<std::string> lines(const model::Snapshot& snapshot) {
    std::vector<std::string> lines;
    for (const model::Route& route : snapshot.routes) {
        std::string line = route.name;
        for (const uint32_t listener : route.listeners) {
            line += fmt::format(" :{}", snapshot.listeners[listener].port);
        }
        for (const std::string& host : route.match.hosts) {
            line += " " + host;
        }
        line += " " + route.match.path_prefix + " ->";
        if (route.upstream < 0) {
            line += " " + route.files.root;
        } else {
            for (const auto& it :
                 snapshot.upstreams[static_cast<size_t>(route.upstream)].endpoints) {
                line += " " + it.instance + (it.draining ? " (draining)" : "");
            }
        }
        lines.push_back(line);
    }
    return lines;
}

std::vector<std::string> compose(StackRoutes routes) {
    return lines(compose_snapshot({{"shop", std::move(routes)}}, 1));
}

TEST(Routes, KeepTheOrderOfAServicesRoutesAndMoreConditionsFirst) {
    model::ServiceSpec api = service("api", "/api");
    api.further_routes = {{.conditions = {.path_pattern = "/x"}},
                          {.conditions = {.path_pattern = "/a.*"}},
                          {.path_prefix = "/api", .conditions = {.methods = {"POST"}}},
                          {.conditions = {.path_exact = "/api"}, .actions = {.name = "root"}}};
    const auto snapshot = compose_snapshot({{"shop", {.spec = stack({api})}}}, 1);
    std::vector<std::string> matches;
    for (const model::Route& route : snapshot.routes) {
        matches.push_back(route.name + " " + model::describe_match(route.match, ""));
    }
    EXPECT_THAT(matches, ElementsAre("shop/api/root any host, exactly /api",
                                     "shop/api any host, path /api, method POST",
                                     "shop/api any host, path /api", "shop/api any host, path ~/x",
                                     "shop/api any host, path ~/a.*"));
    EXPECT_EQ(snapshot.upstreams.size(), 1u);
}

TEST(Routes, LeadToEveryServiceOfASplitAndToNoneForARedirect) {
    model::ServiceSpec api = service("api", "/api");
    api.http->actions.split = {{"api", 9}, {"next", 1}};
    api.upstream.requests_max = 5;
    model::ServiceSpec next;
    next.name = "next";
    next.command = {"next"};
    next.shares_routes = true;
    model::ServiceSpec moved = service("moved", "/moved");
    moved.command.clear();
    moved.http->actions.redirect.to = "/api";
    const auto snapshot =
        compose_snapshot({{"shop",
                           {.spec = stack({api, moved, next}),
                            .instances = {{.service = "next", .instance = "next-1"}}}}},
                         1);
    ASSERT_EQ(snapshot.routes.size(), 2u);
    EXPECT_EQ(snapshot.routes[0].upstream, -1);
    const model::Route& route = snapshot.routes[1];
    ASSERT_EQ(route.targets.size(), 2u);
    EXPECT_EQ(snapshot.upstreams[route.targets[0].upstream].policy.requests_max, 5u);
    EXPECT_EQ(route.targets[1].weight, 1u);
    EXPECT_EQ(snapshot.upstreams[route.targets[1].upstream].endpoints[0].instance, "shop/next-1");
    EXPECT_TRUE(is_routed(next));
}

TEST(Routes, MayStandSideBySideWhenTheirConditionsDiffer) {
    model::ServiceSpec other = service("other", "/api");
    other.http->conditions.methods = {"POST"};
    EXPECT_TRUE(check_routes(stack({service("api", "/api"), other}), {}));
    other.http->conditions.methods.clear();
    EXPECT_FALSE(check_routes(stack({service("api", "/api"), other}), {}));
}

TEST(Routes, PutTheFirstMatchFirst) {
    EXPECT_THAT(compose({.spec = stack({service("all"), service("api", "/api"),
                                        service("admin", "/", {"admin.shop.test"}),
                                        files("web", "/static")})}),
                ElementsAre("shop/admin :8080 admin.shop.test / ->",
                            "shop/web :8080 /static -> /srv/public", "shop/api :8080 /api ->",
                            "shop/all :8080 / ->"));
}

TEST(Routes, NameEveryInstanceAndWhetherItDrains) {
    const model::Snapshot snapshot = compose_snapshot(
        {{"shop",
          {.spec = stack({service("api")}),
           .instances = {{"api", "api-1", 20'001, true}, {"api", "api-2", 20'002, false}}}}},
        7);
    EXPECT_EQ(snapshot.version, 7u);
    EXPECT_THAT(lines(snapshot),
                ElementsAre("shop/api :8080 / -> shop/api-1 (draining) shop/api-2"));
    EXPECT_EQ(snapshot.upstreams[0].endpoints[1].port, 20'002);
    // What is composed can be sent.
    EXPECT_EQ(*model::parse_snapshot(model::to_json(snapshot)), snapshot);
}

TEST(Routes, GiveAPublishedPortAListenerOfItsOwn) {
    EXPECT_THAT(compose({.spec = stack({published("web", 9000)}),
                         .instances = {{"web", "web-1", 20'001, false}}}),
                ElementsAre("shop/web :9000 / -> shop/web-1"));
}

TEST(Routes, OpenNoListenerThatNobodyUses) {
    const model::Snapshot snapshot =
        compose_snapshot({{"shop", {.spec = stack({published("web", 9000)})}}}, 1);
    EXPECT_EQ(snapshot.listeners.size(), 1u);
}

TEST(Routes, ShiftTheDefaultListenerByTheEnvironmentsOffset) {
    model::StackSpec testing = stack({service("api")});
    testing.environment = "testing";
    testing.port_offset = 100;
    EXPECT_THAT(compose({.spec = testing}), ElementsAre("shop@testing/api :8180 / ->"));
}

TEST(Routes, StayWithTheOldServiceUntilTheNewOneCanAnswer) {
    const model::StackSpec before = stack({service("api")});
    const model::StackSpec after = stack({service("web")});
    const RoutedInstance api{"api", "api-1", 20'001, false};
    EXPECT_THAT(compose({.spec = after, .fallback = before, .instances = {api}}),
                ElementsAre("shop/api :8080 / -> shop/api-1"));
    EXPECT_THAT(compose({.spec = after,
                         .fallback = before,
                         .instances = {api, {"web", "web-2", 20'002, false}}}),
                ElementsAre("shop/web :8080 / -> shop/web-2"));
}

TEST(Routes, TakeMachineOptionsFromTheStackThatSetsThem) {
    model::StackSpec plain = stack({service("api")}, "blog");
    model::StackSpec tuned = stack({service("api", "/shop")});
    tuned.gateway.threads = 3;
    const model::Snapshot snapshot =
        compose_snapshot({{"blog", {.spec = plain}}, {"shop", {.spec = tuned}}}, 1);
    EXPECT_EQ(snapshot.threads, 3u);
}

TEST(Routes, CollideWithinAStack) {
    const auto checked = check_routes(stack({service("a", "/x"), service("b", "/x")}), {});
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().text(),
              "services shop/b and shop/a both ask for http://:8080, any host, path /x: give one "
              "of them another x-shore.http.route or host");
}

TEST(Routes, CollideBetweenStacks) {
    const model::StackSpec blog = stack({published("web", 9000)}, "blog");
    const auto checked = check_routes(stack({published("api", 9000)}), {&blog});
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code(), ErrorCode::kConflict);
    EXPECT_THAT(checked.error().text(), HasSubstr("another published port"));
}

TEST(Routes, StandBesideEachOtherOnOneListener) {
    const model::StackSpec blog = stack({service("web", "/", {"blog.test"})}, "blog");
    EXPECT_TRUE(check_routes(stack({service("web"), service("api", "/api")}), {&blog}));
}

TEST(Routes, OfOneServiceDoNotCollideWithItself) {
    model::ServiceSpec both = service("web");
    both.ports = {{.published = 8080, .target = 80}};
    EXPECT_TRUE(check_routes(stack({both}), {}));
    EXPECT_THAT(compose({.spec = stack({both})}), ElementsAre("shop/web :8080 / ->"));
}

TEST(Routes, ListWhereAServiceCanBeReached) {
    model::ServiceSpec both = service("web", "/w");
    both.ports = {{.published = 9000, .target = 80}};
    const auto found = entrances(stack({both}), both);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].listener.port, 8080);
    EXPECT_EQ(found[1].listener.port, 9000);
    EXPECT_THAT(entrances(stack({both}), service("other")), IsEmpty());
}

}  // namespace
}  // namespace shore::release
