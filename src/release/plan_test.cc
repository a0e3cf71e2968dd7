#include "release/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "release/plan_fixture.h"
#include "release/rules.h"

namespace shore::release {
namespace {

using model::DependencyCondition;
using model::InstanceState;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(Plan, StartsEveryReplicaOfAFirstRelease) {
    const Desired desired = deploying(1, {goal("api", "a", 2), goal("web", "a")});
    EXPECT_THAT(
        orders(desired, world(desired, {})),
        ElementsAre("start api, replica 1", "start api, replica 2", "start web, replica 1"));
}

TEST(Plan, DoesNothingWhenTheWorldIsAsDesired) {
    const Desired desired = active(1, {goal("api", "a", 2)});
    const Observed observed =
        world(desired, {running("api-1", "a", 1, 1), running("api-2", "a", 1, 2)});
    const Plan result = plan(desired, observed, {}, kNow);
    EXPECT_THAT(result.actions, IsEmpty());
    EXPECT_TRUE(result.settled);
    EXPECT_EQ(result.wake_at, std::nullopt);
}

TEST(Plan, DoesNotOrderTwiceWhatIsUnderWay) {
    const Desired desired = deploying(1, {goal("api", "a")});
    ObservedInstance ordered = instance("api-1", "a", InstanceState::kStarting, 1);
    ordered.start_pending = true;
    EXPECT_THAT(orders(desired, world(desired, {ordered})), IsEmpty());
}

TEST(Plan, PublishesAnInstanceOnceItIsRunning) {
    const Desired desired = deploying(1, {goal("api", "a")});
    const auto it = instance("api-1", "a", InstanceState::kRunning, 1);
    EXPECT_THAT(orders(desired, world(desired, {it})), ElementsAre("publish release 1: api-1"));
}

TEST(Plan, MarksAReleaseActiveWhenAllItsInstancesAreWellAndServed) {
    const Desired desired = deploying(1, {goal("api", "a")});
    EXPECT_THAT(orders(desired, world(desired, {running("api-1", "a", 1)})),
                ElementsAre("mark active"));
}

TEST(Plan, PublishesAtOnceWhenItDoesNotKnowWhatTheGatewayHas) {
    const Desired desired = active(1, {goal("api", "a")});
    Observed observed = world(desired, {running("api-1", "a", 1)});
    observed.published.reset();
    EXPECT_THAT(orders(desired, observed), ElementsAre("publish release 1: api-1"));
}

// Rolling updates, start-first.

TEST(Plan, StartsOneNewInstanceBesideTheOldOnes) {
    const Desired desired = deploying(2, {goal("api", "b", 2)});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1, 1), running("api-2", "a", 1, 2)})),
        ElementsAre("start api, replica 1"));
}

TEST(Plan, StartsAsManyAtOnceAsParallelismSays) {
    ServiceGoal api = goal("api", "b", 4);
    api.spec.update.parallelism = 2;
    const Desired desired = deploying(2, {api});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1, 1), running("api-2", "a", 1, 2),
                                        running("api-3", "a", 1, 3), running("api-4", "a", 1, 4)})),
        ElementsAre("start api, replica 1", "start api, replica 2"));
}

TEST(Plan, ReplacesAllAtOnceWithParallelismZero) {
    ServiceGoal api = goal("api", "b", 3);
    api.spec.update.parallelism = 0;
    const Desired desired = deploying(2, {api});
    EXPECT_EQ(
        orders(desired, world(desired, {running("api-1", "a", 1, 1), running("api-2", "a", 1, 2),
                                        running("api-3", "a", 1, 3)}))
            .size(),
        3u);
}

TEST(Plan, KeepsTheOldInstanceServingUntilTheNewOneIsHealthy) {
    const Desired desired = deploying(2, {goal("api", "b")});
    EXPECT_THAT(
        orders(desired,
               world(desired, {running("api-1", "a", 1),
                               fresh(instance("api-2", "b", InstanceState::kStarting, 2))})),
        IsEmpty());
}

TEST(Plan, PutsTheNewInstanceInAndTheOldOneToDrainInOneSnapshot) {
    const Desired desired = deploying(2, {goal("api", "b")});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1),
                                        instance("api-2", "b", InstanceState::kRunning, 2)})),
        ElementsAre("publish release 2: api-1 (draining) api-2"));
}

TEST(Plan, WaitsForTheRequestsOfADrainingInstanceToEnd) {
    const Desired desired = deploying(2, {goal("api", "b")});
    const Observed observed =
        world(desired, {draining(running("api-1", "a", 1), false), running("api-2", "b", 2)});
    const Plan result = plan(desired, observed, {.drain_timeout = seconds(30)}, kNow);
    EXPECT_THAT(result.actions, IsEmpty());
    EXPECT_EQ(result.wake_at, kNow + seconds(30));
}

TEST(Plan, StopsADrainedInstance) {
    const Desired desired = deploying(2, {goal("api", "b")});
    EXPECT_THAT(orders(desired, world(desired, {draining(running("api-1", "a", 1), true),
                                                running("api-2", "b", 2)})),
                ElementsAre("stop api-1: replaced by release 2"));
}

TEST(Plan, StopsAnInstanceWhoseRequestsDoNotEndInTime) {
    const Desired desired = deploying(2, {goal("api", "b")});
    const Observed observed =
        world(desired, {draining(running("api-1", "a", 1), false), running("api-2", "b", 2)});
    EXPECT_EQ(
        plan(desired, observed, {.drain_timeout = seconds(30)}, kNow + seconds(30)).actions.size(),
        1u);
}

TEST(Plan, NeverStopsWhatTheGatewayMayStillSendRequestsTo) {
    const Desired desired = deploying(2, {goal("api", "b")});
    Observed observed = world(desired, {running("api-1", "a", 1), running("api-2", "b", 2)});
    // Sent, not acknowledged.
    observed.publishing = observed.published;
    observed.publishing->endpoints["api-1"].draining = true;
    EXPECT_THAT(orders(desired, observed), IsEmpty());
}

TEST(Plan, ReplacesAWorkerWithoutTheGateway) {
    const Desired desired = deploying(2, {worker("mail", "b")});
    EXPECT_THAT(
        orders(desired, world(desired, {running("mail-1", "a", 1), running("mail-2", "b", 2)})),
        ElementsAre("stop mail-1: replaced by release 2"));
}

TEST(Plan, LetsANewInstanceProveItselfForTheMonitorTime) {
    ServiceGoal api = goal("api", "b");
    api.spec.update.monitor = seconds(10);
    const Desired desired = deploying(2, {api});
    const Observed observed =
        world(desired, {running("api-1", "a", 1), fresh(running("api-2", "b", 2), seconds(4))});
    const Plan result = plan(desired, observed, {}, kNow);
    EXPECT_THAT(result.actions, IsEmpty());
    EXPECT_EQ(result.wake_at, kNow + seconds(6));
}

TEST(Plan, WatchesAnInstanceWithoutAHealthCheckForAMoment) {
    ServiceGoal mail = worker("mail", "b");
    mail.spec.health.probe = model::HealthProbe::kNone;
    const Desired desired = deploying(2, {mail});
    const Observed observed =
        world(desired, {running("mail-1", "a", 1), fresh(running("mail-2", "b", 2))});
    EXPECT_EQ(plan(desired, observed, {}, kNow).wake_at, kNow + kSettleTime);
}

TEST(Plan, WaitsTheDelayBetweenBatches) {
    ServiceGoal api = goal("api", "b", 2);
    api.spec.update.delay = seconds(20);
    const Desired desired = deploying(2, {api});
    const Observed observed = world(
        desired, {running("api-2", "a", 1, 2), fresh(running("api-3", "b", 2, 1), seconds(5))});
    const Plan result = plan(desired, observed, {}, kNow);
    EXPECT_THAT(result.actions, IsEmpty());
    EXPECT_EQ(result.wake_at, kNow + seconds(15));
    EXPECT_EQ(plan(desired, observed, {}, kNow + seconds(15)).actions.size(), 1u);
}

TEST(Plan, DoesNotStartMoreWhileAnOldInstanceIsStillStopping) {
    const Desired desired = deploying(2, {goal("api", "b", 2)});
    ObservedInstance leaving = draining(running("api-1", "a", 1, 1), true);
    leaving.stop_pending = true;
    EXPECT_THAT(orders(desired, world(desired, {leaving, running("api-2", "a", 1, 2),
                                                running("api-3", "b", 2, 1)})),
                IsEmpty());
}

TEST(Plan, TakesAnUnhealthyOldInstanceFirst) {
    const Desired desired = deploying(2, {goal("api", "b", 2)});
    auto sick = running("api-1", "a", 1, 1);
    sick.instance.state = InstanceState::kUnhealthy;
    const auto lines = orders(
        desired, world(desired, {sick, running("api-2", "a", 1, 2), running("api-3", "b", 2, 1)}));
    EXPECT_THAT(lines, ElementsAre("publish release 2: api-1 (draining) api-2 api-3"));
}

TEST(Plan, LeavesInstancesAloneWhenOnlyUndigestedThingsChanged) {
    const Desired desired = deploying(2, {goal("api", "a")});
    EXPECT_THAT(orders(desired, world(desired, {running("api-1", "a", 1)})),
                ElementsAre("adopt api-1", "mark active"));
}

TEST(Plan, MakesRoomWhenASupersededRolloutLeftNoneFree) {
    const Desired desired = deploying(3, {goal("api", "c", 1)});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1),
                                        instance("api-2", "b", InstanceState::kStarting, 2)})),
        ElementsAre("stop api-2: replaced by release 3"));
}

// Stop-first.

TEST(Plan, StopsFirstWhenTold) {
    ServiceGoal api = goal("api", "b");
    api.spec.update.order = model::UpdateOrder::kStopFirst;
    const Desired desired = deploying(2, {api});
    EXPECT_THAT(orders(desired, world(desired, {running("api-1", "a", 1)})),
                ElementsAre("publish release 2: api-1 (draining)"));
    EXPECT_THAT(orders(desired, world(desired, {draining(running("api-1", "a", 1), true)})),
                ElementsAre("stop api-1: replaced by release 2"));
    EXPECT_THAT(orders(desired, world(desired, {})), ElementsAre("start api, replica 1"));
}

TEST(Plan, StopFirstKeepsOneOfSeveralServingWhateverTheParallelism) {
    ServiceGoal api = goal("api", "b", 2);
    api.spec.update.order = model::UpdateOrder::kStopFirst;
    api.spec.update.parallelism = 0;
    const Desired desired = deploying(2, {api});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1, 1), running("api-2", "a", 1, 2)})),
        ElementsAre("publish release 2: api-1 api-2 (draining)"));
}

TEST(Plan, StopFirstFillsTheSlotThatWasLeft) {
    ServiceGoal api = worker("api", "b", 3);
    api.spec.update.order = model::UpdateOrder::kStopFirst;
    const Desired desired = deploying(2, {api});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1, 1), running("api-2", "a", 1, 2)})),
        ElementsAre("start api, replica 3"));
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1, 1), running("api-3", "a", 1, 3)})),
        ElementsAre("start api, replica 2"));
}

TEST(Plan, AFixedPortForcesStopFirst) {
    ServiceGoal api = goal("api", "b");
    api.spec.fixed_port = 3000;
    const Desired desired = deploying(2, {api});
    EXPECT_THAT(orders(desired, world(desired, {running("api-1", "a", 1)})),
                ElementsAre("publish release 2: api-1 (draining)"));
}

// Scaling.

TEST(Plan, ScalesUpAtOnce) {
    const Desired desired = active(1, {goal("api", "a", 5)});
    EXPECT_EQ(
        orders(desired, world(desired, {running("api-1", "a", 1, 1), running("api-2", "a", 1, 2)}))
            .size(),
        3u);
}

TEST(Plan, FillsTheLowestFreeSlot) {
    const Desired desired = active(1, {goal("api", "a", 3)});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1, 1), running("api-3", "a", 1, 3)})),
        ElementsAre("start api, replica 2"));
}

TEST(Plan, ScalesDownFromTheHighestSlotAndDrainsIt) {
    const Desired desired = active(1, {goal("api", "a", 1)});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1, 1), running("api-2", "a", 1, 2)})),
        ElementsAre("publish release 1: api-1 api-2 (draining)"));
}

TEST(Plan, ScalesDownTheUnhealthyOneFirst) {
    const Desired desired = active(1, {goal("api", "a", 1)});
    auto sick = running("api-1", "a", 1, 1);
    sick.instance.state = InstanceState::kUnhealthy;
    EXPECT_THAT(orders(desired, world(desired, {sick, running("api-2", "a", 1, 2)})),
                ElementsAre("publish release 1: api-1 (draining) api-2"));
}

TEST(Plan, GoesOnDrainingTheSameInstance) {
    const Desired desired = active(1, {goal("api", "a", 1)});
    EXPECT_THAT(orders(desired, world(desired, {draining(running("api-1", "a", 1, 1), false),
                                                running("api-2", "a", 1, 2)})),
                IsEmpty());
}

TEST(Plan, TakesADrainingInstanceBackWhenItIsWantedAgain) {
    const Desired desired = active(1, {goal("api", "a", 2)});
    EXPECT_THAT(orders(desired, world(desired, {running("api-1", "a", 1, 1),
                                                draining(running("api-2", "a", 1, 2), false)})),
                ElementsAre("publish release 1: api-1 api-2"));
}

TEST(Plan, StopsAServiceOnRequest) {
    ServiceGoal api = worker("api", "a");
    api.replicas = 0;
    api.stopped = true;
    const Desired desired = active(1, {api});
    EXPECT_THAT(orders(desired, world(desired, {running("api-1", "a", 1)})),
                ElementsAre("stop api-1: stopped on request"));
}

TEST(Plan, StartsOnlySoManyAtOnce) {
    const Desired desired = deploying(1, {worker("sleeper", "a", 300)});
    EXPECT_EQ(orders(desired, world(desired, {})).size(), kStartsAtOnceMax);
}

// Health after the rollout.

TEST(Plan, StopsSendingRequestsToAnUnhealthyInstance) {
    const Desired desired = active(1, {goal("api", "a", 2)});
    auto sick = running("api-1", "a", 1, 1);
    sick.instance.state = InstanceState::kUnhealthy;
    EXPECT_THAT(orders(desired, world(desired, {sick, running("api-2", "a", 1, 2)})),
                ElementsAre("publish release 1: api-1 (draining) api-2"));
}

TEST(Plan, KeepsTheLastInstanceServingThoughItIsUnhealthy) {
    const Desired desired = active(1, {goal("api", "a")});
    auto sick = running("api-1", "a", 1);
    sick.instance.state = InstanceState::kUnhealthy;
    EXPECT_THAT(orders(desired, world(desired, {sick})), IsEmpty());
}

TEST(Plan, KeepsAnAdoptedInstanceServingUntilItsFirstProbeIsBack) {
    const Desired desired = active(1, {goal("api", "a")});
    auto adopted = running("api-1", "a", 1);
    adopted.instance.state = InstanceState::kStarting;
    adopted.adopted = true;
    EXPECT_THAT(orders(desired, world(desired, {adopted})), IsEmpty());
    adopted.adopted = false;  // It was restarted.
    EXPECT_THAT(orders(desired, world(desired, {adopted})), ElementsAre("publish release 1:"));
}

TEST(Plan, PublishesTheNewPortOfARestartedInstance) {
    const Desired desired = active(1, {goal("api", "a")});
    Observed observed = world(desired, {running("api-1", "a", 1)});
    observed.instances[0].instance.port = 31'000;
    EXPECT_THAT(orders(desired, observed), ElementsAre("publish release 1: api-1"));
}

TEST(Plan, DoesNotReplaceAnInstanceThatMayNotBeRestarted) {
    const Desired desired = active(1, {worker("job", "a")});
    EXPECT_THAT(
        orders(desired, world(desired, {instance("job-1", "a", InstanceState::kFailed, 1)})),
        IsEmpty());
}

// Failing releases.

TEST(Plan, RollsBackWhenANewInstanceCrashes) {
    const Desired desired = deploying(2, {goal("api", "b")});
    auto crashed = instance("api-2", "b", InstanceState::kBackoff, 2);
    crashed.instance.reason = "exited with 1";
    EXPECT_THAT(orders(desired, world(desired, {running("api-1", "a", 1), crashed})),
                ElementsAre("roll back: service api: api-2 keeps ending: exited with 1"));
}

TEST(Plan, RollsBackWhenANewInstanceCouldNotBeStarted) {
    const Desired desired = deploying(2, {goal("api", "b")});
    auto failed = instance("api-2", "b", InstanceState::kFailed, 2);
    failed.instance.reason = "/srv/app: no such file";
    EXPECT_THAT(orders(desired, world(desired, {running("api-1", "a", 1), failed})),
                ElementsAre("roll back: service api: api-2 failed: /srv/app: no such file"));
}

TEST(Plan, RollsBackWhenANewInstanceIsRunningAgainAfterACrash) {
    const Desired desired = deploying(2, {goal("api", "b")});
    auto again = running("api-2", "b", 2);
    again.instance.restarts = 1;
    EXPECT_EQ(orders(desired, world(desired, {running("api-1", "a", 1), again})).size(), 1u);
    EXPECT_THAT(orders(desired, world(desired, {running("api-1", "a", 1), again}))[0],
                ::testing::StartsWith("roll back"));
}

TEST(Plan, RollsBackWhenANewInstanceNeverGetsHealthy) {
    ServiceGoal api = goal("api", "b");
    api.spec.health.interval = seconds(5);
    api.spec.health.timeout = seconds(5);
    api.spec.health.retries = 3;
    const Desired desired = deploying(2, {api});
    const auto slow = fresh(instance("api-2", "b", InstanceState::kStarting, 2), seconds(29));
    const Observed observed = world(desired, {running("api-1", "a", 1), slow});
    const Plan early = plan(desired, observed, {}, kNow);
    EXPECT_THAT(early.actions, IsEmpty());
    EXPECT_EQ(early.wake_at, kNow + seconds(1));
    const Plan late = plan(desired, observed, {}, kNow + seconds(1));
    ASSERT_EQ(late.actions.size(), 1u);
    EXPECT_EQ(to_text(late.actions[0]),
              "roll back: service api: api-2 did not become healthy within 30s");
}

TEST(Plan, RollsBackWhenAnInstanceGetsUnhealthyWithinTheMonitorTime) {
    ServiceGoal api = goal("api", "b");
    api.spec.update.monitor = seconds(10);
    const Desired desired = deploying(2, {api});
    auto sick = running("api-2", "b", 2);
    sick.instance.state = InstanceState::kUnhealthy;
    EXPECT_THAT(orders(desired, world(desired, {running("api-1", "a", 1), sick})),
                ElementsAre("roll back: service api: api-2 is unhealthy"));
}

TEST(Plan, BearsTheFailuresThatTheRatioAllows) {
    ServiceGoal api = goal("api", "b", 4);
    api.spec.update.failure_ratio_max = 0.25;
    api.spec.update.parallelism = 4;
    const Desired desired = deploying(2, {api});
    const auto crashed = instance("api-5", "b", InstanceState::kFailed, 2, 1);
    const auto lines = orders(desired, world(desired, {running("api-1", "a", 1, 1), crashed}));
    EXPECT_EQ(lines.size(), 3u);
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1, 1), crashed,
                                        instance("api-6", "b", InstanceState::kFailed, 2, 2)})),
        ElementsAre("roll back: service api: api-6 failed"));
}

TEST(Plan, PausesWhenTold) {
    ServiceGoal api = goal("api", "b");
    api.spec.update.failure_action = model::FailureAction::kPause;
    Desired desired = deploying(2, {api});
    const Observed observed = world(
        desired, {running("api-1", "a", 1), instance("api-2", "b", InstanceState::kFailed, 2)});
    const Plan result = plan(desired, observed, {}, kNow);
    ASSERT_EQ(result.actions.size(), 1u);
    EXPECT_EQ(std::get<MarkRelease>(result.actions[0]).pause, true);
    desired.paused = true;
    desired.status = model::ReleaseStatus::kFailed;
    EXPECT_THAT(orders(desired, observed), IsEmpty());
}

TEST(Plan, ContinueKeepsTheOldInstanceWhileTheNewOneFailsAndComesToAVerdict) {
    ServiceGoal api = goal("api", "b");
    api.spec.update.failure_action = model::FailureAction::kContinue;
    Desired desired = deploying(2, {api});
    desired.since = kNow;
    const Observed observed = world(
        desired, {running("api-1", "a", 1), instance("api-2", "b", InstanceState::kBackoff, 2)});
    EXPECT_THAT(orders(desired, observed), IsEmpty());
    EXPECT_EQ(plan(desired, observed, {}, kNow).wake_at, kNow + start_timeout(api.spec));
    desired.since = kNow - start_timeout(api.spec);
    EXPECT_THAT(orders(desired, observed),
                ElementsAre("mark failed: service api: api-2 keeps ending: exit code 0"));
    const Plan result = plan(desired, observed, {}, kNow);
    EXPECT_FALSE(std::get<MarkRelease>(result.actions.at(0)).pause);
    desired.status = model::ReleaseStatus::kFailed;
    EXPECT_THAT(orders(desired, observed), IsEmpty());
}

TEST(Plan, GivesAReleaseUpWhoseDependencyWasFailingBeforeAndNamesIt) {
    const auto healthy = model::DependencyCondition::kHealthy;
    Desired desired = deploying(3, {after(goal("api", "b"), "db", healthy), worker("db", "a")});
    desired.since = kNow - std::chrono::seconds(5);
    ObservedInstance db = instance("db-1", "a", InstanceState::kBackoff, 2);
    db.instance.reason = "exited with 3";
    const Observed observed = world(desired, {running("api-1", "a", 2), db});
    EXPECT_THAT(orders(desired, observed), IsEmpty()) << "it may recover";
    desired.since = kNow - std::chrono::minutes(5);
    EXPECT_THAT(orders(desired, observed),
                ElementsAre("roll back: service api waits for db to be healthy, but db-1 keeps "
                            "ending: exited with 3"));
}

TEST(Plan, AnOldInstanceWhosePlaceIsTakenGoesWhateverTheDependencyDoes) {
    const auto healthy = model::DependencyCondition::kHealthy;
    ServiceGoal mail = after(worker("mail", "b"), "db", healthy);
    mail.spec.update.order = model::UpdateOrder::kStopFirst;
    const Desired desired = deploying(3, {mail, worker("db", "a")});
    const Observed observed = world(desired, {running("mail-1", "a", 1), running("mail-2", "b", 2),
                                              instance("db-1", "a", InstanceState::kUnhealthy, 2)});
    EXPECT_THAT(orders(desired, observed), ElementsAre("stop mail-1: replaced by release 3"));
}

TEST(Plan, WaitsForALongDrainBesideAnInstanceThatWasRestartedLongAgo) {
    Desired desired = deploying(3, {goal("api", "b")});
    desired.since = kNow - std::chrono::minutes(5);
    ObservedInstance unchanged = running("api-2", "b", 2);
    unchanged.instance.restarts = 1;
    ObservedInstance leaving = draining(running("api-1", "a", 1), false);
    leaving.draining_since = kNow;
    EXPECT_THAT(orders(desired, world(desired, {unchanged, leaving})), IsEmpty());
}

TEST(Plan, SaysWhatStandsInTheWayOfAnActiveReleaseAtOnce) {
    Desired desired = active(2, {goal("api", "b")});
    desired.since = kNow;
    const Observed observed = world(
        desired, {running("api-1", "a", 2), instance("api-2", "b", InstanceState::kBackoff, 2)});
    const Plan stuck = plan(desired, observed, {}, kNow);
    EXPECT_THAT(stuck.actions, IsEmpty());
    ASSERT_EQ(stuck.obstacles.size(), 1u);
    EXPECT_EQ(stuck.obstacles[0].instance, "api-2");
    EXPECT_EQ(stuck.obstacles[0].why, "service api: api-2 keeps ending: exit code 0");
    const Observed moving = world(
        desired,
        {running("api-1", "a", 2), fresh(instance("api-2", "b", InstanceState::kStarting, 2))});
    EXPECT_THAT(plan(desired, moving, {}, kNow).obstacles, IsEmpty());
}

TEST(Plan, TriesAgainWhatFailedUnderAnEarlierRelease) {
    const Desired desired = deploying(3, {goal("api", "a")});
    EXPECT_THAT(
        orders(desired, world(desired, {instance("api-1", "a", InstanceState::kFailed, 2)})),
        ElementsAre("start api, replica 1", "forget api-1"));
}

TEST(Plan, DoesNotBlameAReleaseForAnUnchangedInstanceThatWasInTroubleBefore) {
    const Desired desired = deploying(3, {goal("api", "b"), worker("mail", "a")});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-2", "b", 3),
                                        instance("mail-1", "a", InstanceState::kBackoff, 2)})),
        ElementsAre("adopt mail-1", "mark active"));
}

TEST(Plan, IsNotActiveWhileAnInstanceOfAnEarlierFailedReleaseIsInTrouble) {
    Desired desired = deploying(2, {worker("mail", "a")});
    desired.previous = 0;
    EXPECT_THAT(
        orders(desired, world(desired, {instance("mail-1", "a", InstanceState::kBackoff, 1)})),
        IsEmpty());
}

TEST(Plan, ForgivesSomeCrashesOfAFirstReleaseThenCallsItFailed) {
    const Desired desired = deploying(1, {goal("api", "a")});
    auto crashing = instance("api-1", "a", InstanceState::kBackoff, 1);
    crashing.instance.restarts = 1;
    EXPECT_THAT(orders(desired, world(desired, {crashing})), IsEmpty());
    crashing.instance.restarts = kFirstReleaseRestartsMax;
    EXPECT_THAT(orders(desired, world(desired, {crashing})),
                ElementsAre("mark failed: service api: api-1 keeps ending: exit code 0"));
}

TEST(Plan, AFailedFirstReleaseIsActiveOnceItHasRecovered) {
    Desired desired = deploying(1, {goal("api", "a")});
    desired.status = model::ReleaseStatus::kFailed;
    auto recovered = running("api-1", "a", 1);
    recovered.instance.restarts = 7;
    EXPECT_THAT(orders(desired, world(desired, {recovered})), ElementsAre("mark active"));
}

TEST(Plan, ReplacesTheFailedReleaseOnTheWayBack) {
    Desired desired = active(1, {goal("api", "a")});
    desired.rolling_back = true;
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1),
                                        instance("api-2", "b", InstanceState::kBackoff, 2)})),
        ElementsAre("stop api-2: replaced by release 1"));
}

TEST(Plan, PutsADrainingOldInstanceBackIntoServiceOnTheWayBack) {
    Desired desired = active(1, {goal("api", "a")});
    desired.rolling_back = true;
    auto crashed = instance("api-2", "b", InstanceState::kBackoff, 2);
    EXPECT_THAT(
        orders(desired, world(desired, {draining(running("api-1", "a", 1), false), crashed})),
        ElementsAre("publish release 1: api-1", "stop api-2: replaced by release 1"));
}

// Order between services.

TEST(Plan, WaitsForADependencyToBeHealthy) {
    const Desired desired = deploying(
        1, {worker("db", "a"), after(goal("api", "a"), "db", DependencyCondition::kHealthy)});
    const Observed observed =
        world(desired, {fresh(instance("db-1", "a", InstanceState::kStarting, 1))});
    const Plan result = plan(desired, observed, {}, kNow);
    EXPECT_THAT(result.actions, IsEmpty());
    EXPECT_THAT(result.waiting, ElementsAre("api waits for db to be healthy"));
    EXPECT_THAT(orders(desired, world(desired, {running("db-1", "a", 1)})),
                ElementsAre("start api, replica 1"));
}

TEST(Plan, WaitsForADependencyToBeStartedOnly) {
    const Desired desired = deploying(
        1, {worker("db", "a"), after(goal("api", "a"), "db", DependencyCondition::kStarted)});
    EXPECT_THAT(orders(desired, world(desired, {})), ElementsAre("start db, replica 1"));
    EXPECT_THAT(orders(desired,
                       world(desired, {fresh(instance("db-1", "a", InstanceState::kStarting, 1))})),
                ElementsAre("start api, replica 1"));
}

TEST(Plan, WaitsForAOneShotServiceToComplete) {
    const Desired desired =
        deploying(2, {one_shot("migrate", "b"),
                      after(goal("api", "b"), "migrate", DependencyCondition::kCompleted)});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1),
                                        instance("migrate-1", "a", InstanceState::kCompleted, 1)})),
        UnorderedElementsAre("forget migrate-1", "start migrate, replica 1"));
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1),
                                        instance("migrate-2", "b", InstanceState::kRunning, 2)})),
        IsEmpty());
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1),
                                        instance("migrate-2", "b", InstanceState::kCompleted, 2)})),
        ElementsAre("start api, replica 1"));
}

TEST(Plan, RollsBackWhenAOneShotServiceFails) {
    const Desired desired =
        deploying(2, {one_shot("migrate", "b"),
                      after(goal("api", "b"), "migrate", DependencyCondition::kCompleted)});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1),
                                        instance("migrate-2", "b", InstanceState::kFailed, 2)})),
        ElementsAre("roll back: service migrate: migrate-2 failed"));
}

TEST(Plan, DoesNotRunAOneShotServiceThatWasDoneBefore) {
    ServiceGoal migrate = one_shot("migrate", "a");
    migrate.done_before = true;
    const Desired desired =
        active(1, {migrate, after(goal("api", "a"), "migrate", DependencyCondition::kCompleted)});
    EXPECT_THAT(orders(desired, world(desired, {})), ElementsAre("start api, replica 1"));
}

TEST(Plan, DoesNotWaitForAFailedDependencyThatIsNotRequired) {
    ServiceGoal cache = worker("cache", "a");
    cache.spec.update.failure_action = model::FailureAction::kContinue;
    const Desired desired = deploying(
        1, {cache, after(goal("api", "a"), "cache", DependencyCondition::kHealthy, false)});
    EXPECT_THAT(
        orders(desired, world(desired, {instance("cache-1", "a", InstanceState::kFailed, 1)})),
        ElementsAre("start api, replica 1"));
}

TEST(Plan, UpdatesADependencyBeforeItsDependant) {
    const Desired desired = deploying(
        2, {worker("db", "b"), after(goal("api", "b"), "db", DependencyCondition::kHealthy)});
    EXPECT_THAT(
        orders(desired, world(desired, {running("db-1", "a", 1), running("api-1", "a", 1)})),
        ElementsAre("start db, replica 1"));
}

TEST(Plan, KeepsARemovedServiceUntilTheRestIsUpdated) {
    const Desired desired = deploying(2, {goal("api", "b"), removed(goal("old", "a"))});
    const auto old = running("old-1", "a", 1);
    EXPECT_THAT(orders(desired, world(desired, {old, running("api-1", "a", 1)})),
                ElementsAre("start api, replica 1"));
    EXPECT_THAT(orders(desired, world(desired, {old, running("api-2", "b", 2)})),
                ElementsAre("publish release 2: api-2 old-1 (draining)"));
}

TEST(Plan, GoesDownInReverseOrderOfDependencies) {
    const Desired desired =
        active(1, {removed(worker("db", "a")),
                   removed(after(worker("api", "a"), "db", DependencyCondition::kHealthy))});
    EXPECT_THAT(
        orders(desired, world(desired, {running("db-1", "a", 1), running("api-1", "a", 1)})),
        ElementsAre("stop api-1: no longer part of the stack"));
    EXPECT_THAT(orders(desired, world(desired, {running("db-1", "a", 1)})),
                ElementsAre("stop db-1: no longer part of the stack"));
}

TEST(Plan, StopsWhatNoReleaseKnows) {
    const Desired desired = active(1, {goal("api", "a")});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-1", "a", 1),
                                        instance("ghost-1", "x", InstanceState::kRunning, 1)})),
        ElementsAre("stop ghost-1: no longer part of the stack"));
}

TEST(Plan, ForgetsWhatHasEnded) {
    const Desired desired = active(2, {goal("api", "b")});
    EXPECT_THAT(
        orders(desired, world(desired, {running("api-2", "b", 2),
                                        instance("api-1", "a", InstanceState::kStopped, 1)})),
        ElementsAre("forget api-1"));
}

}  // namespace
}  // namespace shore::release
