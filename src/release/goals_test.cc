#include "release/goals.h"

#include <gtest/gtest.h>

namespace shore::release {
namespace {

model::ServiceSpec service(std::string name, uint32_t replicas = 2) {
    model::ServiceSpec service;
    service.name = std::move(name);
    service.command = {"app"};
    service.replicas = replicas;
    return service;
}

model::StackSpec stack(std::vector<model::ServiceSpec> services) {
    model::StackSpec stack;
    stack.name = "shop";
    stack.services = std::move(services);
    return stack;
}

Overrides overrides(store::ServiceOverride value) {
    const std::string name = value.service;
    return {{name, std::move(value)}};
}

TEST(Goals, TakeReplicasFromTheOverrideBeforeTheManifest) {
    EXPECT_EQ(replicas_in_force(service("api"), {}), 2u);
    EXPECT_EQ(replicas_in_force(service("api"), overrides({.service = "api", .replicas = 5})), 5u);
    EXPECT_EQ(replicas_in_force(service("api"),
                                overrides({.service = "api", .replicas = 5, .stopped = true})),
              0u);
}

TEST(Goals, RunNothingForFiles) {
    model::ServiceSpec files = service("web");
    files.command.clear();
    files.static_files = model::StaticFiles{.root = "/srv"};
    EXPECT_EQ(replicas_in_force(files, {}), 0u);
}

TEST(Goals, ANewGenerationReplacesAnUnchangedService) {
    const model::StackSpec shop = stack({service("api")});
    const auto& api = shop.services[0];
    EXPECT_EQ(goal_digest(shop, api, 1, {}), goal_digest(shop, api, 2, {}));
    EXPECT_NE(goal_digest(shop, api, 1, {}),
              goal_digest(shop, api, 1, overrides({.service = "api", .generation = 1})));
}

TEST(Goals, ARouteDoesNotReplaceAnything) {
    const model::StackSpec before = stack({service("api")});
    model::StackSpec after = before;
    after.services[0].http = model::HttpRoute{.path_prefix = "/api"};
    after.services[0].replicas = 7;
    EXPECT_EQ(goal_digest(before, before.services[0], 1, {}),
              goal_digest(after, after.services[0], 2, {}));
}

TEST(Goals, AOneShotServiceIsNewInEveryRelease) {
    model::StackSpec shop = stack({service("migrate")});
    shop.services[0].one_shot = true;
    EXPECT_NE(goal_digest(shop, shop.services[0], 1, {}),
              goal_digest(shop, shop.services[0], 2, {}));
}

TEST(Goals, ADependantWithRestartFollowsItsDependency) {
    model::StackSpec before = stack({service("api"), service("db")});
    before.services[0].depends_on = {{.service = "db", .restart = true}};
    model::StackSpec after = before;
    after.services[1].environment["TUNED"] = "1";
    EXPECT_NE(goal_digest(before, before.services[0], 1, {}),
              goal_digest(after, after.services[0], 1, {}));
    before.services[0].depends_on[0].restart = after.services[0].depends_on[0].restart = false;
    EXPECT_EQ(goal_digest(before, before.services[0], 1, {}),
              goal_digest(after, after.services[0], 1, {}));
}

TEST(Goals, RemoveWhatOnlyAnEarlierManifestHas) {
    const model::StackSpec before = stack({service("api"), service("old")});
    const model::StackSpec after = stack({service("api"), service("web")});
    const Desired desired = make_desired({.release = 2, .spec = &after, .leaving = {&before}}, {});
    ASSERT_EQ(desired.services.size(), 3u);
    EXPECT_FALSE(find_goal(desired, "api")->removed);
    EXPECT_TRUE(find_goal(desired, "old")->removed);
    EXPECT_EQ(find_goal(desired, "old")->replicas, 0u);
}

TEST(Goals, EndAnOverrideWhereTheManifestsNumberWasEdited) {
    const model::StackSpec before = stack({service("api", 2), service("web", 2)});
    const model::StackSpec after = stack({service("api", 3), service("web", 2)});
    Overrides both = overrides({.service = "api", .replicas = 5, .generation = 1});
    both.merge(overrides({.service = "web", .replicas = 6}));
    both.merge(overrides({.service = "gone", .replicas = 1}));
    const Overrides kept = carry_over(both, &before, after);
    EXPECT_EQ(kept.size(), 2u);
    EXPECT_EQ(kept.at("api").replicas, std::nullopt);
    EXPECT_EQ(kept.at("api").generation, 1u);
    EXPECT_EQ(kept.at("web").replicas, 6u);
}

}  // namespace
}  // namespace shore::release
