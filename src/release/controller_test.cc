#include "release/controller.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/block_on.h"
#include "config/load.h"
#include "os/directory.h"
#include "release/fakes.h"
#include "store/event_log.h"

namespace shore::release {
namespace {

using model::InstanceState;
using model::ReleaseStatus;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

async::Task<void> keep_progress(ProgressSubscription& subscription,
                                std::vector<Progress>& reports) {
    while (auto report = co_await subscription.next()) {
        reports.push_back(std::move(*report));
    }
}

class ControllerTest : public testing::Test {
 protected:
    ControllerTest() { open(); }
    ~ControllerTest() override { close(); }

    void open() {
        store_ = std::move(*store::Store::open(*loop_, directory_.file("state.db")));
        log_ = std::move(*async::block_on(*loop_, store::EventLog::open(*store_)));
        controller_ =
            std::make_unique<Controller>(Collaborators{*loop_, *store_, *log_, runtime_, gateway_});
        runtime_.on_change = [this](const std::string& stack) {
            controller_->instance_changed(stack);
        };
        EXPECT_TRUE(async::block_on(*loop_, controller_->resume()));
    }
    void close() {
        runtime_.on_change = nullptr;
        controller_.reset();
        log_.reset();
        store_.reset();
    }
    /// As kill -9 of the daemon: instances and gateway go on.
    void restart_daemon() {
        close();
        open();
    }

    /// Loads a manifest as the CLI's request would.
    DeployRequest request(const std::string& yaml, const std::string& environment = "") {
        std::ofstream(directory_.file("shore.yaml")) << yaml;
        auto loaded = config::load({.files = {directory_.file("shore.yaml")},
                                    .directory = directory_.path(),
                                    .environment = environment});
        EXPECT_TRUE(loaded) << (loaded ? "" : config::to_text(loaded.error()));
        return {.stack = loaded->stack, .manifest = loaded->manifest_yaml, .origin = "up"};
    }
    template <class T>
    T wait(async::Task<T> task) {
        std::optional<T> result;
        async::Scope scope(*loop_);
        scope.spawn(async::internal::store_result(std::move(task), result));
        for (int i = 0; i < 2000 && !result; ++i) {
            tick();
        }
        EXPECT_TRUE(result) << "it does not end";
        return std::move(*result);
    }
    Result<Deployed> deploy(const std::string& yaml) {
        return wait(controller_->deploy(request(yaml)));
    }
    /// One round: everything moves a little, then 100 ms pass.
    void tick() {
        runtime_.step();
        gateway_.step();
        settle_down();
        clock_.advance(std::chrono::milliseconds(100));
        settle_down();
    }
    void settle_down() {
        for (int i = 0; i < 3; ++i) {
            while (loop_->poll()) {
            }
            (void)async::block_on(
                *loop_, store_->run<void>([](store::Records&) -> Result<void> { return {}; }));
        }
    }
    template <class Condition>
    bool until(Condition condition, int ticks = 1000) {
        for (int i = 0; i < ticks; ++i) {
            if (condition()) {
                return true;
            }
            tick();
        }
        return condition();
    }
    const StackStatus* find(const std::string& stack = "shop") {
        status_ = controller_->status();
        for (const StackStatus& it : status_) {
            if (it.name == stack) {
                return &it;
            }
        }
        return nullptr;
    }
    bool is_settled(const std::string& stack = "shop") {
        const StackStatus* it = find(stack);
        return it != nullptr && it->phase != Phase::kRolling && it->deploying == 0;
    }
    bool settles(const std::string& stack = "shop") {
        return until([&] { return is_settled(stack); });
    }
    model::Release stored(uint64_t number) { return *wait(controller_->release("shop", number)); }

    os::TemporaryDirectory directory_ = *os::TemporaryDirectory::create();
    base::ManualClock clock_;
    std::unique_ptr<async::Loop> loop_ = std::move(*async::Loop::open(clock_));
    FakeGateway gateway_{*loop_};
    FakeRuntime runtime_{clock_, gateway_};
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<store::EventLog> log_;
    std::unique_ptr<Controller> controller_;
    std::vector<StackStatus> status_;
};

/// A shop whose api runs `command`, with `more` lines in its service.
std::string shop(const std::string& command, int replicas = 2, const std::string& more = "") {
    return fmt::format(
        "name: shop\n"
        "services:\n"
        "  api:\n"
        "    command: [{}]\n"
        "    deploy: {{replicas: {}}}\n"
        "    x-shore: {{http: {{route: /, health: /healthz}}}}\n"
        "{}",
        command, replicas, more);
}

TEST_F(ControllerTest, BringsAStackUp) {
    const auto deployed = deploy(shop("good"));
    ASSERT_TRUE(deployed) << deployed.error().text();
    EXPECT_EQ(deployed->release, 1u);
    EXPECT_TRUE(deployed->changed);
    ASSERT_TRUE(settles());
    const StackStatus* stack = find();
    EXPECT_EQ(stack->release, 1u);
    ASSERT_EQ(stack->services.size(), 1u);
    EXPECT_EQ(stack->services[0].ready, 2u);
    EXPECT_THAT(stack->urls, ElementsAre("http://localhost:8080/"));
    EXPECT_EQ(stored(1).status, ReleaseStatus::kActive);
    EXPECT_TRUE(gateway_.serves("shop/api-1"));
    EXPECT_TRUE(gateway_.serves("shop/api-2"));
}

TEST_F(ControllerTest, MakesNoReleaseWhenNothingChanged) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    const size_t starts = runtime_.starts;
    const size_t applied = gateway_.applied_count;
    const auto again = deploy(shop("good"));
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->changed);
    EXPECT_EQ(again->release, 1u);
    for (int i = 0; i < 20; ++i) {
        tick();
    }
    EXPECT_EQ(runtime_.starts, starts);
    EXPECT_EQ(gateway_.applied_count, applied);
}

TEST_F(ControllerTest, RollsANewReleaseOutAndSupersedesTheOldOne) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    ASSERT_EQ(deploy(shop("good, v2"))->release, 2u);
    while (!is_settled()) {
        tick();
        EXPECT_GE(runtime_.count("api"), 2u);
    }
    EXPECT_EQ(find()->release, 2u);
    EXPECT_EQ(stored(1).status, ReleaseStatus::kSuperseded);
    EXPECT_EQ(stored(2).status, ReleaseStatus::kActive);
    EXPECT_EQ(runtime_.stops, 2u);
    EXPECT_FALSE(gateway_.serves("shop/api-1"));
}

TEST_F(ControllerTest, RollsBackByItselfAndSaysWhy) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    auto subscription = *controller_->watch("shop");
    std::vector<Progress> reports;
    async::Scope scope(*loop_);
    scope.spawn(keep_progress(*subscription, reports));
    ASSERT_EQ(deploy(shop("crash"))->release, 2u);
    ASSERT_TRUE(until([&] {
        return !reports.empty() && is_end(reports.back().phase) && reports.back().release == 2;
    }));
    EXPECT_EQ(reports.back().phase, Phase::kRolledBack);
    EXPECT_THAT(reports.back().message, HasSubstr("exited with 1"));
    EXPECT_EQ(find()->release, 1u);
    EXPECT_EQ(find()->services[0].ready, 2u);
    EXPECT_EQ(stored(2).status, ReleaseStatus::kFailed);
    EXPECT_THAT(stored(2).reason, HasSubstr("no module named shop"));
    EXPECT_EQ(stored(1).status, ReleaseStatus::kActive);
    EXPECT_TRUE(gateway_.serves("shop/api-1"));
    EXPECT_TRUE(gateway_.serves("shop/api-2"));
}

TEST_F(ControllerTest, KeepsTheOldReleaseWhenTheNewOneNeverGetsHealthy) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    ASSERT_TRUE(deploy(shop("never")));
    while (!is_settled()) {
        tick();
        ASSERT_EQ(runtime_.count("api"), 2u);
    }
    EXPECT_EQ(find()->release, 1u);
    EXPECT_THAT(find()->reason, HasSubstr("did not become healthy"));
}

TEST_F(ControllerTest, KeepsTheOldReleaseWhenTheNewOneCrashesWithinTheMonitorTime) {
    const std::string monitored = "    stop_signal: SIGTERM\n";
    ASSERT_TRUE(deploy(shop("good", 2, monitored)));
    ASSERT_TRUE(settles());
    std::string late = shop("late", 2, monitored);
    late.replace(late.find("replicas: 2"), 11, "replicas: 2, update_config: {monitor: 10s}");
    ASSERT_TRUE(deploy(late));
    while (!is_settled()) {
        tick();
        ASSERT_GE(runtime_.count("api"), 2u);
    }
    EXPECT_EQ(find()->release, 1u);
    EXPECT_EQ(runtime_.count("api"), 2u);
}

TEST_F(ControllerTest, KeepsTheOldReleaseWhenAStartIsRefused) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    ASSERT_TRUE(deploy(shop("refuse")));
    ASSERT_TRUE(settles());
    EXPECT_EQ(find()->release, 1u);
    EXPECT_THAT(find()->reason, HasSubstr("no port is free"));
}

TEST_F(ControllerTest, AFirstReleaseThatFailsIsReportedAndRecoversOnAFix) {
    ASSERT_TRUE(deploy(shop("crash")));
    ASSERT_TRUE(settles());
    EXPECT_EQ(find()->phase, Phase::kFailed);
    EXPECT_EQ(stored(1).status, ReleaseStatus::kFailed);
    ASSERT_EQ(deploy(shop("good"))->release, 2u);
    ASSERT_TRUE(settles());
    EXPECT_EQ(find()->phase, Phase::kSettled);
    EXPECT_EQ(find()->services[0].ready, 2u);
}

TEST_F(ControllerTest, ABrokenManifestFailsEachTimeItIsDeployed) {
    ASSERT_TRUE(deploy(shop("crash")));
    ASSERT_TRUE(settles());
    ASSERT_EQ(deploy(shop("crash"))->release, 2u);
    ASSERT_TRUE(settles());
    EXPECT_EQ(find()->phase, Phase::kFailed);
    EXPECT_EQ(stored(2).status, ReleaseStatus::kFailed);
}

TEST_F(ControllerTest, ADeployWhoseClientGoesAwayIsCarriedOut) {
    {
        async::Scope scope(*loop_);
        std::optional<Result<Deployed>> result;
        scope.spawn(
            async::internal::store_result(controller_->deploy(request(shop("good"))), result));
    }
    ASSERT_TRUE(until([&] { return runtime_.count("api") == 2 && is_settled(); }));
    EXPECT_EQ(stored(1).status, ReleaseStatus::kActive);
}

TEST_F(ControllerTest, AMessageAboutAnInstanceLeavesASettledStackSettled) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    runtime_.set_state("shop/api-1", InstanceState::kUnhealthy);
    tick();
    EXPECT_EQ(find()->phase, Phase::kSettled);
    auto late = *controller_->watch("shop");
    const auto report = wait(late->next());
    EXPECT_EQ(report->message, "api-1 is unhealthy");
    EXPECT_EQ(report->phase, Phase::kSettled);
}

TEST_F(ControllerTest, ANewerDeployTakesOverAnUnfinishedOne) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    ASSERT_EQ(deploy(shop("never"))->release, 2u);
    for (int i = 0; i < 5; ++i) {
        tick();
    }
    ASSERT_EQ(deploy(shop("good, v3"))->release, 3u);
    ASSERT_TRUE(settles());
    EXPECT_EQ(find()->release, 3u);
    EXPECT_EQ(stored(2).status, ReleaseStatus::kSuperseded);
    EXPECT_THAT(stored(2).reason, HasSubstr("superseded by release 3"));
    EXPECT_EQ(stored(1).status, ReleaseStatus::kSuperseded);
    EXPECT_EQ(runtime_.instances("shop").size(), 2u);
}

TEST_F(ControllerTest, RollsBackOnRequestAsANewRelease) {
    ASSERT_TRUE(deploy(shop("good, v1")));
    ASSERT_TRUE(settles());
    ASSERT_TRUE(deploy(shop("good, v2")));
    ASSERT_TRUE(settles());
    const auto back = wait(controller_->rollback("shop", std::nullopt));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(back->release, 3u);
    ASSERT_TRUE(settles());
    EXPECT_EQ(stored(3).manifest, stored(1).manifest);
    EXPECT_EQ(stored(3).origin, "rollback to 1");
    EXPECT_EQ(stored(2).status, ReleaseStatus::kRolledBack);
    EXPECT_EQ(wait(controller_->rollback("shop", 9)).error().code(), ErrorCode::kNotFound);
    EXPECT_EQ(wait(controller_->rollback("shop", std::nullopt)).error().code(),
              ErrorCode::kNotFound);
}

TEST_F(ControllerTest, ScalesAndKeepsTheNumberOverADeploy) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    ASSERT_TRUE(wait(controller_->scale("shop", {{"api", 5}})));
    ASSERT_TRUE(until([&] { return runtime_.count("api") == 5 && is_settled(); }));
    ASSERT_TRUE(deploy(shop("good, v2")));
    ASSERT_TRUE(settles());
    EXPECT_EQ(runtime_.count("api"), 5u);
    // The manifest's own number acts again once it is edited.
    ASSERT_TRUE(deploy(shop("good, v2", 3)));
    ASSERT_TRUE(settles());
    EXPECT_EQ(runtime_.count("api"), 3u);
}

TEST_F(ControllerTest, RefusesToScaleWhatCannotBeScaled) {
    ASSERT_TRUE(deploy(shop("good", 1,
                            "  legacy:\n"
                            "    command: [good]\n"
                            "    x-shore: {http: {route: /old, port: 3000}}\n"
                            "  migrate:\n"
                            "    command: [once]\n"
                            "    x-shore: {one_shot: true}\n")));
    EXPECT_THAT(wait(controller_->scale("shop", {{"legacy", 2}})).error().text(),
                HasSubstr("fixed port"));
    EXPECT_THAT(wait(controller_->scale("shop", {{"migrate", 2}})).error().text(),
                HasSubstr("once in each release"));
    EXPECT_THAT(wait(controller_->scale("shop", {{"apy", 2}})).error().text(),
                HasSubstr("did you mean \"api\"?"));
    EXPECT_EQ(wait(controller_->scale("shop", {{"api", 1001}})).error().code(),
              ErrorCode::kInvalid);
    EXPECT_EQ(wait(controller_->scale("none", {{"api", 1}})).error().code(), ErrorCode::kNotFound);
}

TEST_F(ControllerTest, StopsAndStartsAService) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    ASSERT_TRUE(wait(controller_->stop("shop", {"api"})));
    ASSERT_TRUE(until([&] { return runtime_.instances("shop").empty() && is_settled(); }));
    EXPECT_TRUE(find()->services[0].stopped);
    restart_daemon();
    for (int i = 0; i < 10; ++i) {
        tick();
    }
    EXPECT_TRUE(runtime_.instances("shop").empty());
    ASSERT_TRUE(wait(controller_->start("shop", {"api"})));
    ASSERT_TRUE(until([&] { return runtime_.count("api") == 2; }));
}

TEST_F(ControllerTest, UpStartsAgainWhatWasStoppedWithoutANewRelease) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    ASSERT_TRUE(wait(controller_->stop("shop", {})));
    ASSERT_TRUE(until([&] { return runtime_.instances("shop").empty(); }));
    const auto again = deploy(shop("good"));
    EXPECT_TRUE(again->changed);
    EXPECT_EQ(again->release, 1u);
    ASSERT_TRUE(until([&] { return runtime_.count("api") == 2; }));
}

TEST_F(ControllerTest, RestartsOneAfterAnotherWithoutAGap) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    ASSERT_TRUE(wait(controller_->restart("shop", {"api"})));
    while (runtime_.stops < 2 || !is_settled()) {
        tick();
        ASSERT_GE(runtime_.count("api"), 2u);
    }
    EXPECT_EQ(find()->release, 1u);
    EXPECT_EQ(runtime_.starts, 4u);
}

TEST_F(ControllerTest, ARestartWhoseNewInstanceFailsSaysSo) {
    ASSERT_TRUE(deploy(shop("good", 1)));
    ASSERT_TRUE(settles());
    runtime_.fail_from_now_on = true;
    auto subscription = *controller_->watch("shop");
    std::vector<Progress> reports;
    async::Scope scope(*loop_);
    scope.spawn(keep_progress(*subscription, reports));
    ASSERT_TRUE(wait(controller_->restart("shop", {"api"})));
    ASSERT_TRUE(until([&] { return reports.back().phase == Phase::kFailed; }));
    EXPECT_THAT(reports.back().message,
                HasSubstr("service api: api-2 keeps ending: exited with 1"));
    EXPECT_EQ(find()->phase, Phase::kFailed);
    EXPECT_TRUE(gateway_.serves("shop/api-1")) << "the old one goes on";
    runtime_.fail_from_now_on = false;
    ASSERT_TRUE(until([&] { return find()->phase == Phase::kSettled; })) << "it recovers by itself";
    EXPECT_TRUE(gateway_.serves("shop/api-2"));
}

TEST_F(ControllerTest, AScaleIsNotBlamedForWhatFailedBefore) {
    ASSERT_TRUE(deploy(shop("good", 1, "  mail: {command: [good]}\n")));
    ASSERT_TRUE(settles());
    runtime_.set_state("shop/mail-1", InstanceState::kFailed);
    tick();
    ASSERT_TRUE(wait(controller_->scale("shop", {{"api", 2}})));
    ASSERT_TRUE(until([&] { return find()->phase == Phase::kSettled; }));
    EXPECT_EQ(runtime_.count("api"), 2u);
}

TEST_F(ControllerTest, ContinueEndsInAVerdictAndStaysInForceOverARestartOfTheDaemon) {
    const std::string more = "    environment: {}\n";
    const auto going_on = [&](const std::string& command) {
        std::string yaml = shop(command, 1, more);
        yaml.replace(yaml.find("replicas: 1"), 11,
                     "replicas: 1, update_config: {failure_action: continue}");
        return yaml;
    };
    ASSERT_TRUE(deploy(going_on("good")));
    ASSERT_TRUE(settles());
    ASSERT_EQ(deploy(going_on("crash"))->release, 2u);
    ASSERT_TRUE(until([&] { return find()->phase == Phase::kFailed; }));
    EXPECT_EQ(stored(2).status, ReleaseStatus::kFailed);
    EXPECT_THAT(stored(2).reason, HasSubstr("unfinished: service api: api-2 keeps ending"));
    EXPECT_TRUE(gateway_.serves("shop/api-1"));
    restart_daemon();
    for (int i = 0; i < 50; ++i) {
        tick();
    }
    EXPECT_TRUE(gateway_.serves("shop/api-1"));
    EXPECT_EQ(runtime_.starts, 2u) << "the old release was not started again";
}

TEST_F(ControllerTest, SaysSettledAsSoonAsTheReleaseIsActive) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    auto subscription = *controller_->watch("shop");
    std::vector<Progress> reports;
    std::vector<Phase> seen;
    async::Scope scope(*loop_);
    scope.spawn(keep_progress(*subscription, reports));
    ASSERT_TRUE(deploy(shop("good, v2")));
    ASSERT_TRUE(until([&] {
        if (!reports.empty() && reports.back().phase == Phase::kSucceeded) {
            seen.push_back(find()->phase);
        }
        return !seen.empty() && reports.back().phase == Phase::kSettled;
    }));
    EXPECT_THAT(seen, ::testing::Each(Phase::kSettled));
}

TEST_F(ControllerTest, ForceReplacesEverythingThoughNothingChanged) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    DeployRequest again = request(shop("good"));
    again.force = true;
    EXPECT_EQ(wait(controller_->deploy(again))->release, 2u);
    ASSERT_TRUE(settles());
    EXPECT_EQ(runtime_.starts, 4u);
}

TEST_F(ControllerTest, ARouteOrReplicaChangeRestartsNothing) {
    ASSERT_TRUE(deploy(shop("good", 2)));
    ASSERT_TRUE(settles());
    std::string changed = shop("good", 3);
    changed.replace(changed.find("route: /"), 8, "route: /api");
    ASSERT_TRUE(deploy(changed));
    ASSERT_TRUE(settles());
    EXPECT_EQ(runtime_.starts, 3u);
    EXPECT_EQ(runtime_.stops, 0u);
    EXPECT_EQ(find()->release, 2u);
    EXPECT_EQ(find()->services[0].instances[0].release, 2u);
    EXPECT_THAT(find()->urls, ElementsAre("http://localhost:8080/api"));
}

TEST_F(ControllerTest, RunsAOneShotServiceOnceInEachRelease) {
    const std::string migrate =
        "    depends_on: {migrate: {condition: service_completed_successfully}}\n"
        "  migrate:\n"
        "    command: [once]\n"
        "    x-shore: {one_shot: true}\n";
    ASSERT_TRUE(deploy(shop("good", 1, migrate)));
    ASSERT_TRUE(settles());
    EXPECT_EQ(runtime_.starts, 2u);
    ASSERT_TRUE(deploy(shop("good, v2", 1, migrate)));
    ASSERT_TRUE(settles());
    EXPECT_EQ(runtime_.starts, 4u);
    ASSERT_TRUE(deploy(shop("crash", 1, migrate)));
    ASSERT_TRUE(settles());
    EXPECT_EQ(runtime_.starts, 6u);  // Not again on the way back.
    EXPECT_EQ(find()->release, 2u);
    ASSERT_TRUE(wait(controller_->restart("shop", {"migrate"})));
    ASSERT_TRUE(until([&] { return runtime_.starts == 7; }));
}

TEST_F(ControllerTest, GoesDownAndLeavesNothing) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    ASSERT_TRUE(wait(controller_->down("shop", true)));
    EXPECT_TRUE(runtime_.instances("shop").empty());
    EXPECT_THAT(runtime_.removed, ElementsAre("shop and volumes"));
    EXPECT_TRUE(controller_->status().empty());
    EXPECT_TRUE(gateway_.latest()->listeners.empty());
    EXPECT_EQ(wait(controller_->down("shop", false)).error().code(), ErrorCode::kNotFound);
    // History goes on.
    EXPECT_EQ(deploy(shop("good"))->release, 2u);
    ASSERT_TRUE(settles());
}

TEST_F(ControllerTest, ADaemonThatStartsAgainFinishesGoingDown) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    gateway_.busy = {"shop/api-1", "shop/api-2"};
    {
        async::Scope scope(*loop_);
        std::optional<Result<void>> result;
        scope.spawn(async::internal::store_result(controller_->down("shop", false), result));
        for (int i = 0; i < 5; ++i) {
            tick();
        }
        EXPECT_FALSE(result);
    }
    gateway_.busy.clear();
    restart_daemon();
    ASSERT_TRUE(until([&] { return !runtime_.removed.empty(); }));
    EXPECT_TRUE(runtime_.instances("shop").empty());
}

TEST_F(ControllerTest, AdoptsARunningStackWithoutTouchingIt) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    const size_t starts = runtime_.starts;
    restart_daemon();
    // Until its first probe is back an instance may say that it is starting.
    EXPECT_TRUE(gateway_.serves("shop/api-1"));
    ASSERT_TRUE(settles());
    EXPECT_EQ(runtime_.starts, starts);
    EXPECT_EQ(runtime_.stops, 0u);
    EXPECT_EQ(find()->release, 1u);
    EXPECT_FALSE(deploy(shop("good"))->changed);
}

TEST_F(ControllerTest, ADaemonThatStartsAgainFinishesARollout) {
    ASSERT_TRUE(deploy(shop("good", 4)));
    ASSERT_TRUE(settles());
    ASSERT_TRUE(deploy(shop("good, v2", 4)));
    for (int i = 0; i < 7; ++i) {
        tick();
    }
    ASSERT_FALSE(is_settled());
    restart_daemon();
    while (!is_settled()) {
        tick();
        ASSERT_GE(runtime_.count("api"), 4u);
    }
    EXPECT_EQ(find()->release, 2u);
    EXPECT_EQ(stored(2).status, ReleaseStatus::kActive);
    EXPECT_EQ(stored(1).status, ReleaseStatus::kSuperseded);
    EXPECT_EQ(runtime_.instances("shop").size(), 4u);
}

TEST_F(ControllerTest, ListsAddressesByPath) {
    ASSERT_TRUE(
        deploy("name: shop\nservices:\n"
               "  api: {command: [good], x-shore: {http: /api}}\n"
               "  docs: {command: [good], ports: [\"9000:80\"]}\n"
               "  web: {command: [good], x-shore: {http: /}}\n"));
    ASSERT_TRUE(settles());
    EXPECT_THAT(find()->urls, ElementsAre("http://localhost:8080/", "http://localhost:8080/api",
                                          "http://localhost:9000/"));
}

TEST_F(ControllerTest, RefusesAStackWhoseRoutesCollide) {
    ASSERT_TRUE(deploy(shop("good")));
    std::string blog = shop("good");
    blog.replace(blog.find("shop"), 4, "blog");
    const auto refused = deploy(blog);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
    EXPECT_THAT(refused.error().text(), HasSubstr("blog/api and shop/api both ask for"));
    EXPECT_EQ(controller_->status().size(), 1u);
}

TEST_F(ControllerTest, AFirstReleaseWhosePortIsTakenFails) {
    gateway_.listen_errors = {"listen on http://:8080: address in use"};
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    EXPECT_EQ(find()->phase, Phase::kFailed);
    EXPECT_THAT(find()->reason, HasSubstr("address in use"));
    EXPECT_THAT(find()->trouble, Contains(HasSubstr("address in use")));
}

TEST_F(ControllerTest, WaitsForAGatewayThatIsAway) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    gateway_.away = true;
    ASSERT_TRUE(deploy(shop("good, v2")));
    for (int i = 0; i < 50; ++i) {
        tick();
    }
    EXPECT_EQ(runtime_.stops, 0u);
    EXPECT_FALSE(is_settled());
    gateway_.away = false;
    ASSERT_TRUE(settles());
    EXPECT_EQ(find()->release, 2u);
}

TEST_F(ControllerTest, PreviewsADeployWithoutDoingIt) {
    ASSERT_TRUE(deploy(shop("good", 1)));
    ASSERT_TRUE(settles());
    const auto same = wait(controller_->preview(request(shop("good", 1))));
    EXPECT_FALSE(same->changed);
    const auto preview = wait(controller_->preview(request(shop("good, v2", 1))));
    ASSERT_TRUE(preview) << preview.error().text();
    EXPECT_TRUE(preview->changed);
    EXPECT_EQ(preview->release, 2u);
    ASSERT_EQ(preview->changes.size(), 1u);
    EXPECT_EQ(preview->changes[0].path, "services.api.command");
    std::vector<std::string> lines;
    for (const Step& step : preview->steps) {
        lines.push_back(step.text);
    }
    EXPECT_THAT(lines, ElementsAre("start api, replica 1, and wait until it is healthy",
                                   "send no more requests to api-1 and let those under way end",
                                   "send requests to api (new)",
                                   "stop api-1: replaced by release 2", "release 2 is active"));
    EXPECT_EQ(runtime_.starts, 1u);
}

TEST_F(ControllerTest, ComparesTwoReleases) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    ASSERT_TRUE(deploy(shop("good", 3)));
    ASSERT_TRUE(settles());
    const auto changes = wait(controller_->diff("shop", 1, 2));
    ASSERT_TRUE(changes) << changes.error().text();
    ASSERT_EQ(changes->size(), 1u);
    EXPECT_EQ(config::to_text(changes->front()), "~ services.api.deploy.replicas: 2 -> 3");
    EXPECT_EQ(wait(controller_->releases("shop", 10))->size(), 2u);
    EXPECT_EQ(wait(controller_->diff("shop", 1, 7)).error().code(), ErrorCode::kNotFound);
}

TEST_F(ControllerTest, RecordsWhatHappened) {
    ASSERT_TRUE(deploy(shop("good")));
    ASSERT_TRUE(settles());
    std::vector<std::string> kinds;
    for (const model::Event& event : *wait(log_->after(0, {}, 100))) {
        kinds.push_back(event.kind);
    }
    EXPECT_THAT(kinds, ElementsAre("release.deploying", "release.active"));
}

}  // namespace
}  // namespace shore::release
