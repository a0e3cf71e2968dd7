// Random walks over plan(): an imagined machine and gateway that do what they are told, late and in
// any order, with instances that crash, get unhealthy or never become healthy. At every step the
// promises of README.md must hold; once trouble ends, the world must become as desired and stay so.
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "base/random.h"
#include "release/plan_fixture.h"
#include "release/routes.h"
#include "release/rules.h"

namespace shore::release {
namespace {

using model::InstanceState;
using model::ReleaseStatus;
using std::chrono::seconds;

class Walk {
 public:
    explicit Walk(uint64_t seed) : random_(seed) { deploy(); }

    void step(bool trouble) {
        if (trouble && random_.below(25) == 0) {
            operate();
        }
        for (ObservedInstance& instance : observed_.instances) {
            if (random_.below(3) == 0) {
                live_on(instance, trouble);
            }
        }
        acknowledge();
        carry_out();
        now_ += std::chrono::milliseconds(random_.below(4000));
    }

    void calm() {
        calm_ = true;
        good_release();
        for (int i = 0; i < 3000 && !settled_; ++i) {
            step(false);
        }
        ASSERT_TRUE(settled_) << story();
        // What was put up with (a failure that the ratio allows) may recover still.
        for (int i = 0; i < 200; ++i) {
            step(false);
        }
        ASSERT_TRUE(settled_) << story();
        const size_t before = actions_;
        for (int i = 0; i < 50; ++i) {
            step(false);
        }
        ASSERT_EQ(actions_, before) << "it goes on changing things\n" << story();
        ASSERT_EQ(desired_.status, ReleaseStatus::kActive) << story();
        for (const ServiceGoal& goal : desired_.services) {
            if (!goal.done_before) {
                ASSERT_EQ(count(goal.spec.name, goal.digest), goal.replicas) << story();
            }
        }
    }

    /// Nobody intervenes, and what is bad stays bad: whoever waits is told how it ended.
    void come_to_a_verdict() {
        bool over = false;
        for (int i = 0; i < 3000 && !over; ++i) {
            step(false);
            over = desired_.status != ReleaseStatus::kDeploying &&
                   (settled_ || obstructed_ || desired_.paused);
        }
        ASSERT_TRUE(over) << "no verdict\n" << story();
    }

    std::string state() const {
        std::string text =
            fmt::format("  release {} {}{}\n", desired_.release, model::to_string(desired_.status),
                        desired_.rolling_back ? ", rolling back" : "");
        for (const ServiceGoal& goal : desired_.services) {
            text +=
                fmt::format("  {} {} x{}{}{}\n", goal.spec.name, goal.digest, goal.replicas,
                            goal.removed ? " removed" : "", goal.done_before ? " done before" : "");
        }
        for (const ObservedInstance& it : observed_.instances) {
            text += fmt::format("  {} {} {} slot {} release {} restarts {}\n", it.instance.id,
                                it.instance.digest, model::to_string(it.instance.state),
                                it.instance.slot, it.instance.release, it.instance.restarts);
        }
        for (const std::string& line : plan(desired_, observed_, {}, now_).waiting) {
            text += "  " + line + "\n";
        }
        return text;
    }

    std::string story() const {
        std::string text;
        for (const std::string& line : lines_) {
            text += line + "\n";
        }
        return text + "in the end:\n" + state();
    }

 private:
    // The operator.

    void operate() {
        switch (random_.below(4)) {
            case 0:
                for (ServiceGoal& goal : desired_.services) {
                    if (goal.spec.fixed_port == 0 && !goal.spec.one_shot && !goal.removed) {
                        goal.replicas = static_cast<uint32_t>(random_.below(5));
                        say(fmt::format("operator: scale {} to {}", goal.spec.name, goal.replicas));
                    }
                }
                break;
            case 1:
                say("operator: the daemon starts again");
                observed_.publishing.reset();
                for (ObservedInstance& instance : observed_.instances) {
                    instance.stop_pending = false;
                    instance.start_pending = false;
                    if (is_running(instance) && random_.below(2) == 0) {
                        instance.instance.state = InstanceState::kStarting;
                        instance.adopted = instance.serving == Serving::kYes;
                    }
                }
                break;
            default:
                deploy();
        }
    }

    ServiceGoal random_goal(const std::string& name, const ServiceGoal* before) {
        ServiceGoal goal = release::goal(name, "", static_cast<uint32_t>(1 + random_.below(4)));
        if (name == "mail" || name == "migrate") {
            goal.spec.http.reset();
        }
        goal.digest = before != nullptr && random_.below(3) == 0
                          ? before->digest
                          : fmt::format("{}{}", name, ++digests_);
        model::UpdateConfig& update = goal.spec.update;
        update.parallelism = static_cast<uint32_t>(random_.below(4));
        update.delay = seconds(random_.below(3));
        update.monitor = seconds(random_.below(5));
        update.order = random_.below(3) == 0 ? model::UpdateOrder::kStopFirst
                                             : model::UpdateOrder::kStartFirst;
        update.failure_action = static_cast<model::FailureAction>(1 + random_.below(3));
        update.failure_ratio_max = random_.below(4) == 0 ? 0.5 : 0;
        goal.spec.rollback = update;
        if (name == "migrate") {
            goal.spec.one_shot = true;
            goal.replicas = 1;
        }
        if (name == "legacy") {
            goal.spec.fixed_port = 3000;
            goal.replicas = 1;
        }
        return goal;
    }

    void deploy() {
        std::vector<ServiceGoal> goals;
        std::set<std::string> names;
        for (const char* name : {"api", "legacy", "mail", "migrate", "web"}) {
            if (random_.below(5) == 0) {
                continue;
            }
            names.insert(name);
            goals.push_back(random_goal(name, find_goal(desired_, name)));
            if (goals.size() > 1) {
                const std::string& other = goals[random_.below(goals.size() - 1)].spec.name;
                goals.back().spec.depends_on.push_back(
                    {.service = other,
                     .condition = other == "migrate" ? model::DependencyCondition::kCompleted
                                                     : static_cast<model::DependencyCondition>(
                                                           1 + random_.below(2)),
                     .required = random_.below(4) != 0});
            }
        }
        for (const ServiceGoal& old : desired_.services) {
            if (!names.contains(old.spec.name)) {
                goals.push_back(removed(old));
            }
        }
        if (desired_.status == ReleaseStatus::kActive && desired_.release != 0) {
            active_ = desired_;
        }
        // What a failed or superseded release leaves behind must be known to be stopped in order.
        desired_ = deploying(++releases_, goals);
        desired_.previous = active_.release;
        desired_.since = now_;
        bad_.clear();
        if (!calm_) {
            for (const ServiceGoal& goal : goals) {
                if (random_.below(4) == 0) {
                    bad_.insert(goal.digest);
                }
            }
        }
        settled_ = false;
        say(fmt::format("operator: deploy release {}", desired_.release));
    }

    void good_release() {
        deploy();
        bad_.clear();
    }

    void roll_back(const BeginRollback& action) {
        ASSERT_NE(desired_.previous, 0u);
        std::vector<ServiceGoal> goals = active_.services;
        std::erase_if(goals, [](const ServiceGoal& goal) { return goal.removed; });
        for (ServiceGoal& goal : goals) {
            goal.done_before = goal.spec.one_shot;
        }
        for (const ServiceGoal& failed : desired_.services) {
            if (std::ranges::none_of(goals, [&](const ServiceGoal& goal) {
                    return goal.spec.name == failed.spec.name;
                })) {
                goals.push_back(removed(failed));
            }
        }
        const uint64_t number = active_.release;
        desired_ = active(number, goals);
        desired_.rolling_back = true;
        desired_.since = now_;
        say("-> " + action.why);
    }

    // The machine.

    bool is_bad(const ObservedInstance& instance) const {
        return bad_.contains(instance.instance.digest);
    }

    void enter(ObservedInstance& instance, InstanceState state) {
        instance.adopted = false;
        instance.instance.state = state;
        instance.state_since = now_;
        say(fmt::format("  {} is {}", instance.instance.id, model::to_string(state)));
    }

    void live_on(ObservedInstance& instance, bool trouble) {
        if (instance.stop_pending) {
            instance.stop_pending = false;
            enter(instance,
                  random_.below(2) == 0 ? InstanceState::kStopping : InstanceState::kStopped);
            return;
        }
        const ServiceGoal* goal = find_goal(desired_, instance.instance.service);
        const bool one_shot = goal != nullptr && goal->spec.one_shot;
        instance.start_pending = false;
        switch (instance.instance.state) {
            case InstanceState::kStarting:
                if (is_bad(instance) && random_.below(2) == 0) {
                    const InstanceState ends[] = {InstanceState::kBackoff, InstanceState::kFailed,
                                                  InstanceState::kUnhealthy,
                                                  InstanceState::kStarting};
                    enter(instance, ends[random_.below(one_shot ? 2 : 4)]);  // A job has no probe.
                } else {
                    enter(instance, InstanceState::kRunning);
                }
                break;
            case InstanceState::kRunning:
                if (one_shot) {
                    enter(instance,
                          is_bad(instance) ? InstanceState::kFailed : InstanceState::kCompleted);
                } else if (is_bad(instance) || (trouble && random_.below(40) == 0)) {
                    enter(instance, random_.below(2) == 0 ? InstanceState::kBackoff
                                                          : InstanceState::kUnhealthy);
                }
                break;
            case InstanceState::kBackoff:
                ++instance.instance.restarts;
                enter(instance, InstanceState::kStarting);
                break;
            case InstanceState::kUnhealthy:
                if (!is_bad(instance)) {
                    enter(instance, InstanceState::kRunning);
                }
                break;
            case InstanceState::kStopping:
                enter(instance, InstanceState::kStopped);
                break;
            default:
                break;
        }
    }

    // The gateway.

    void acknowledge() {
        if (observed_.publishing && random_.below(2) == 0) {
            observed_.published = std::exchange(observed_.publishing, std::nullopt);
            for (ObservedInstance& instance : observed_.instances) {
                const auto found = observed_.published->endpoints.find(instance.instance.id);
                const Serving before = instance.serving;
                instance.serving = found == observed_.published->endpoints.end() ? Serving::kNo
                                   : found->second.draining ? Serving::kDraining
                                                            : Serving::kYes;
                if (instance.serving == Serving::kDraining && before != Serving::kDraining) {
                    instance.draining_since = now_;
                    instance.drained = false;
                }
            }
        }
        for (ObservedInstance& instance : observed_.instances) {
            if (instance.serving == Serving::kDraining && random_.below(4) == 0) {
                instance.drained = true;
            }
        }
    }

    // The runner.

    void carry_out() {
        const Plan result = plan(desired_, observed_, {.drain_timeout = seconds(10)}, now_);
        settled_ = result.settled;
        obstructed_ = !result.obstacles.empty();
        for (const Action& action : result.actions) {
            say(to_text(action));
            ++actions_;
            std::visit([this](const auto& it) { act(it); }, action);
        }
    }

    void act(const StartInstance& action) {
        const ServiceGoal& goal = *find_goal(desired_, action.service);
        const Rolling how = rolling(goal, desired_.rolling_back);
        uint32_t live = 0;
        for (const ObservedInstance& instance : observed_.instances) {
            live += instance.instance.service == action.service && is_live(instance);
            ASSERT_FALSE(instance.instance.service == action.service && is_live(instance) &&
                         !is_leaving(instance) && instance.instance.slot == action.slot &&
                         instance.instance.digest == goal.digest)
                << "a slot is taken twice\n"
                << story();
        }
        ASSERT_LE(live + 1, live_max(goal, how)) << "surge\n" << story();
        auto fresh = instance(fmt::format("{}-{}", action.service, ++ordinals_), goal.digest,
                              InstanceState::kStarting, desired_.release, action.slot);
        fresh.start_pending = true;
        fresh.state_since = now_;
        observed_.instances.push_back(fresh);
    }

    /// What must go on answering while a release is changed.
    bool must_serve(const ServiceGoal& goal) const {
        const bool alone = goal.replicas == 1 && !rolling(goal, desired_.rolling_back).start_first;
        return goal.replicas > 0 && !goal.spec.one_shot && !alone;
    }

    uint32_t healthy(std::string_view service, const Publication* publication) const {
        uint32_t result = 0;
        for (const ObservedInstance& instance : observed_.instances) {
            if (instance.instance.service != service || !is_running(instance)) {
                continue;
            }
            if (publication == nullptr) {
                ++result;
                continue;
            }
            const auto found = publication->endpoints.find(instance.instance.id);
            result += found != publication->endpoints.end() && !found->second.draining;
        }
        return result;
    }

    void act(const Publish& action) {
        ASSERT_FALSE(observed_.publishing);
        for (const ServiceGoal& goal : desired_.services) {
            if (observed_.published && must_serve(goal) && is_routed(goal.spec) &&
                healthy(goal.spec.name, &*observed_.published) > 0) {
                ASSERT_GT(healthy(goal.spec.name, &action.publication), 0u)
                    << "the last healthy instance of " << goal.spec.name
                    << " is taken out of service\n"
                    << story();
            }
        }
        observed_.publishing = action.publication;
    }

    void act(const StopInstance& action) {
        const auto found = std::ranges::find(observed_.instances, action.instance,
                                             [](const auto& i) { return i.instance.id; });
        ASSERT_NE(found, observed_.instances.end());
        ASSERT_TRUE(found->serving != Serving::kYes ||
                    found->instance.state == InstanceState::kBackoff)
            << "the gateway still sends it requests\n"
            << story();
        const bool was_running = is_running(*found);
        found->stop_pending = true;
        const ServiceGoal* goal = find_goal(desired_, found->instance.service);
        if (was_running && goal != nullptr && must_serve(*goal)) {
            ASSERT_GT(healthy(goal->spec.name, nullptr), 0u)
                << "the last healthy instance of " << goal->spec.name << " is stopped\n"
                << story();
        }
    }

    void act(const ForgetInstance& action) {
        const auto gone = std::erase_if(observed_.instances, [&](const ObservedInstance& i) {
            return i.instance.id == action.instance && !is_live(i);
        });
        ASSERT_EQ(gone, 1u) << story();
    }

    void act(const AdoptInstance& action) {
        const auto found = std::ranges::find(observed_.instances, action.instance,
                                             [](const auto& i) { return i.instance.id; });
        ASSERT_NE(found, observed_.instances.end());
        ASSERT_NE(found->instance.release, desired_.release);
        found->instance.release = desired_.release;
    }

    void act(const MarkRelease& action) {
        desired_.status = action.status;
        desired_.paused = action.pause;
        if (action.status == ReleaseStatus::kActive) {
            std::erase_if(desired_.services, [](const ServiceGoal& g) { return g.removed; });
            for (ServiceGoal& goal : desired_.services) {
                goal.done_before = goal.spec.one_shot;
            }
        }
    }

    void act(const BeginRollback& action) { roll_back(action); }

    uint32_t count(std::string_view service, std::string_view digest) const {
        return static_cast<uint32_t>(
            std::ranges::count_if(observed_.instances, [&](const ObservedInstance& i) {
                return i.instance.service == service && i.instance.digest == digest &&
                       i.instance.state == InstanceState::kRunning;
            }));
    }

    void say(std::string line) {
        lines_.push_back(std::move(line));
        if (lines_.size() > 300) {
            lines_.erase(lines_.begin(), lines_.begin() + 100);
        }
    }

    base::Random random_;
    SteadyTime now_ = kNow;
    Desired desired_;
    Desired active_;
    Observed observed_;
    std::set<std::string> bad_;
    uint64_t releases_ = 0;
    uint64_t digests_ = 0;
    uint64_t ordinals_ = 0;
    size_t actions_ = 0;
    bool settled_ = false;
    bool obstructed_ = false;
    bool calm_ = false;
    std::vector<std::string> lines_;
};

TEST(PlanWalk, HoldsItsPromisesAndConvergesFromAnywhere) {
    const uint64_t base = std::random_device{}();
    for (uint64_t i = 0; i < 100; ++i) {
        const uint64_t seed = base + i;
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Walk walk(seed);
        for (int step = 0; step < 400; ++step) {
            walk.step(true);
            if (HasFatalFailure()) {
                return;
            }
        }
        walk.come_to_a_verdict();
        if (HasFatalFailure()) {
            return;
        }
        walk.calm();
        if (HasFatalFailure()) {
            return;
        }
    }
}

}  // namespace
}  // namespace shore::release
