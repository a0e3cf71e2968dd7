// Runner: one stack. It asks plan() what to do, carries the actions out, and asks again on every
// change: an instance changed, a start or stop ended, the gateway acknowledged, a moment came, the
// operator wants something else.
//
// What it knows beyond the runtime (what is on its way, what drains) is in memory only: a new
// daemon finds out again. Control plane's loop. Destroying it ends its tasks and leaves instances
// and gateway as they are.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "async/timer.h"
#include "model/event.h"
#include "model/release.h"
#include "release/goals.h"
#include "release/plan.h"
#include "release/ports.h"
#include "release/progress.h"
#include "release/publisher.h"
#include "release/status.h"
#include "store/store.h"

namespace shore::release {

/// A stored release and what its manifest says.
struct LoadedRelease {
    model::Release release;
    std::shared_ptr<const model::StackSpec> spec;
};

/// How the stored reason of a failed release begins that stays in force although an earlier one was
/// active: failure_action pause, and failure_action continue.
inline constexpr std::string_view kPausedReason = "paused: ";
inline constexpr std::string_view kUnfinishedReason = "unfinished: ";

struct RunnerWiring {
    async::Loop& loop;
    store::Store& store;
    model::EventSink& events;
    Runtime& runtime;
    Publisher& publisher;
};

class Runner final {
 public:
    /// What `wiring` refers to outlives the runner. Does nothing before a course is set.
    Runner(RunnerWiring wiring, std::string stack);
    ~Runner();

    // Courses. Each takes effect at once and is carried out in the background.

    /// Roll `release` out. `active` stays what a failure falls back to; a rollout under way is
    /// superseded (its release is marked so by the caller).
    void deploy(LoadedRelease release, Overrides overrides);
    /// Continue after a start of the daemon: `release` as it stands, `active` what it would fall
    /// back to (during a rollout or when paused), `remnants` other manifests that may have left
    /// services behind, `latest` what the gateway has.
    void resume(LoadedRelease release, std::optional<LoadedRelease> active,
                std::vector<std::shared_ptr<const model::StackSpec>> remnants, Overrides overrides,
                const std::optional<model::Snapshot>& latest);
    /// New overrides for the release in force. `run_again`: one-shot services among them are run
    /// again.
    void set_overrides(Overrides overrides, const std::vector<std::string>& run_again);
    /// Stop everything and take the routes away; completes when nothing is left. kConflict when a
    /// deploy comes between.
    async::Task<Result<void>> take_down();
    /// Forgets instances that have failed, so that they are started anew. False when there was
    /// none.
    bool retry_failed();

    void instance_changed();
    /// The first snapshot after a start of the daemon must have this stack's routes as they are.
    void prepare_routes();

    // What is.

    /// The release that should be running: deploying, active or failed.
    const LoadedRelease& current() const { return current_; }
    /// What a failure would fall back to; also what serves during a rollout.
    const std::optional<LoadedRelease>& active() const { return active_; }
    const Overrides& overrides() const { return overrides_; }
    bool is_rolling() const;
    /// Active, complete, and nothing is under way.
    bool is_settled() const { return settled_; }
    bool is_down() const { return down_; }
    bool is_going_down() const { return going_down_ || down_; }
    bool has_begun() const { return begun_; }
    /// Valid until the next course or verdict.
    const Desired& desired() const;
    Observed observed() const;
    PlanOptions plan_options() const;
    StackStatus status() const;
    ProgressFeed& feed() { return feed_; }

    /// Ends a rollout's story for those who watch: a newer deploy takes over.
    void report_superseded(uint64_t by);

    void stop();

 private:
    /// What desired() was made from, beside the manifests that a course sets: digests cost too much
    /// to make them anew for every look.
    using DesiredKey =
        std::tuple<uint64_t, model::ReleaseStatus, bool, bool, bool, bool, size_t, bool>;
    /// What is known of an instance beside what the runtime says.
    struct Note {
        std::optional<model::Instance>
            pending;  ///< Ordered; the runtime does not list it yet, or refused it.
        bool start_refused = false;
        bool stop_pending = false;
        bool adopted = false;
        model::InstanceState state = model::InstanceState::kStarting;
        WallTime changed_at{};
        SteadyTime state_since{};
        Serving serving = Serving::kNo;
        SteadyTime draining_since{};
        bool drained = false;
        bool drain_watched = false;
    };
    class Alarm final : public async::Timer {
     public:
        Alarm(async::Loop& loop, async::Event& event) : Timer(loop, &fire), event_(event) {}

     private:
        static void fire(async::Node& node) { static_cast<Alarm&>(node).event_.set(); }
        async::Event& event_;
    };

    void changed() { changed_.set(); }
    async::Task<void> run();
    async::Task<void> carry_out(Plan plan);
    async::Task<bool> ensure_ordinals(const Plan& plan);
    void take_in_instances();
    void take_in_instance(const model::Instance& instance);

    void act(const StartInstance& action);
    void act(const StopInstance& action);
    void act(const ForgetInstance& action);
    void act(const AdoptInstance& action);
    void act(const Publish& action);
    async::Task<void> mark(MarkRelease action);
    async::Task<void> roll_back(BeginRollback action);
    async::Task<void> start_instance(StartOrder order);
    async::Task<void> stop_instance(std::string id);
    async::Task<void> publish(Publication publication);
    async::Task<void> watch_drain(std::string id);
    async::Task<void> persist(uint64_t number, model::ReleaseStatus status, std::string reason);

    StartOrder order_for(const std::string& id, uint32_t slot, const ServiceGoal& goal) const;
    StackRoutes routes_of(const Publication& publication) const;
    void set_out(Phase phase, std::string message);
    void acknowledge(const Publication& publication);
    /// Listeners of this stack that the gateway could not open, as one sentence; empty when all are
    /// open.
    std::string own_listen_errors(const std::vector<std::string>& errors) const;
    void begin_change();
    void settle();
    void end_rollback(const std::string& but);
    void give_up(const std::vector<Obstacle>& obstacles);
    /// Instances that are as desired and in trouble.
    std::set<std::string> failing_instances() const;
    void hold_off();
    GoalRequest goals() const;
    Phase phase_now() const;
    /// Keeps a message for tell(), which reports all of a turn with one look at the services.
    void say(std::string message);
    void tell();
    void report(std::string message, Phase phase);
    Progress progress_now(Phase phase) const;
    void record(std::string kind, std::string message, std::string service = {},
                std::string instance = {});
    std::vector<ServiceProgress> service_progress() const;
    std::string explain(const BeginRollback& action) const;

    RunnerWiring wiring_;
    std::string stack_;
    LoadedRelease current_;
    std::optional<LoadedRelease> active_;
    std::vector<std::shared_ptr<const model::StackSpec>> remnants_;
    Overrides overrides_;
    Overrides fallback_overrides_;  ///< Those of active_, to go back to with it.
    bool begun_ = false;
    bool rolling_back_ = false;
    bool paused_ = false;
    bool going_down_ = false;
    bool down_ = false;
    bool settled_ = false;
    bool under_way_ = false;  ///< A course has been set, and nobody was told yet how it ended.
    bool one_shots_done_ = false;
    uint64_t course_ =
        0;  ///< Grows with each course, so that a late step does not act on a newer one.
    uint64_t failed_release_ = 0;  ///< What is being rolled back from.
    mutable std::optional<Desired> desired_;
    mutable DesiredKey desired_key_{};
    std::vector<std::string> said_;
    std::map<std::string, Note> notes_;
    std::map<std::string, std::pair<uint64_t, uint64_t>>
        ordinals_;  ///< Next and end of the reserved block, by service.
    std::optional<Publication> published_;
    std::optional<Publication> publishing_;
    std::vector<std::string> trouble_;
    std::vector<std::string> waiting_;
    std::string last_failure_;
    std::string obstacle_;  ///< Why the last change of an active release did not come to its end.
    std::set<std::string> failing_before_;  ///< In trouble before that change.
    SteadyTime since_{};                    ///< When the course was set.
    SteadyTime held_until_{};
    ProgressFeed feed_;
    async::Event changed_;
    async::Event went_down_;
    Alarm alarm_;
    async::Scope scope_;
};

}  // namespace shore::release
