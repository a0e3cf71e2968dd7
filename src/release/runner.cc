#include "release/runner.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "release/limits.h"
#include "release/rules.h"

namespace shore::release {

using model::InstanceState;
using model::ReleaseStatus;

Runner::Runner(RunnerWiring wiring, std::string stack)
    : wiring_(wiring),
      stack_(std::move(stack)),
      feed_(wiring.loop),
      changed_(wiring.loop),
      went_down_(wiring.loop),
      alarm_(wiring.loop, changed_),
      scope_(wiring.loop) {
    scope_.spawn(run());
}

Runner::~Runner() {
    stop();
}

void Runner::stop() {
    scope_.stop();
    alarm_.clear();
}

// Courses.

void Runner::deploy(LoadedRelease release, Overrides overrides) {
    if (begun_) {
        const bool serves = current_.release.status == ReleaseStatus::kActive && !going_down_;
        if (serves) {
            active_ = current_;
            fallback_overrides_ = overrides_;
        } else {
            remnants_.push_back(current_.spec);
        }
        if (going_down_) {
            active_.reset();
        }
    }
    current_ = std::move(release);
    overrides_ = std::move(overrides);
    one_shots_done_ = false;
    set_out(Phase::kRolling, fmt::format("release {} begins", current_.release.number));
}

void Runner::resume(LoadedRelease release, std::optional<LoadedRelease> active,
                    std::vector<std::shared_ptr<const model::StackSpec>> remnants,
                    Overrides overrides, const std::optional<model::Snapshot>& latest) {
    current_ = std::move(release);
    active_ = std::move(active);
    remnants_ = std::move(remnants);
    overrides_ = std::move(overrides);
    fallback_overrides_ = overrides_;
    one_shots_done_ = current_.release.status != ReleaseStatus::kDeploying;
    paused_ = current_.release.reason.starts_with(kPausedReason);
    std::map<std::string, model::Endpoint> known;
    if (latest) {
        for (const model::Upstream& upstream : latest->upstreams) {
            for (const model::Endpoint& endpoint : upstream.endpoints) {
                known.emplace(endpoint.instance, endpoint);
            }
        }
    }
    for (const model::Instance& instance : wiring_.runtime.instances(stack_)) {
        take_in_instance(instance);
        const auto found = known.find(stack_ + "/" + instance.id);
        if (found != known.end() && found->second.port == instance.port) {
            Note& note = notes_[instance.id];
            note.serving = found->second.draining ? Serving::kDraining : Serving::kYes;
            note.draining_since = wiring_.loop.now();
            note.adopted = instance.state == InstanceState::kStarting;
        }
    }
    const bool deploying = current_.release.status == ReleaseStatus::kDeploying;
    set_out(Phase::kRolling, deploying ? fmt::format("release {} continues after a start of shored",
                                                     current_.release.number)
                                       : std::string());
}

void Runner::set_out(Phase phase, std::string message) {
    ++course_;
    begun_ = true;
    rolling_back_ = false;
    if (current_.release.status == ReleaseStatus::kDeploying) {
        paused_ = false;
        last_failure_.clear();
    }
    if (std::exchange(going_down_, false)) {
        went_down_.pulse();
    }
    begin_change();
    report(std::move(message), phase);
    changed();
}

void Runner::begin_change() {
    settled_ = false;
    under_way_ = true;
    obstacle_.clear();
    failing_before_.clear();
    since_ = wiring_.loop.now();
}

void Runner::set_overrides(Overrides overrides, const std::vector<std::string>& run_again) {
    std::set<std::string> failing = failing_instances();
    begin_change();
    failing_before_ = std::move(failing);
    ++course_;
    overrides_ = std::move(overrides);
    if (current_.release.status != ReleaseStatus::kFailed) {
        last_failure_.clear();  // The operator has moved on.
    }
    for (const std::string& service : run_again) {
        const model::ServiceSpec* spec = model::find_service(*current_.spec, service);
        one_shots_done_ = one_shots_done_ && !(spec != nullptr && spec->one_shot);
    }
    report("", Phase::kRolling);
    changed();
}

async::Task<Result<void>> Runner::take_down() {
    ++course_;
    going_down_ = true;
    rolling_back_ = false;
    paused_ = false;
    begin_change();
    report("going down", Phase::kRolling);
    changed();
    while (going_down_ && !settled_) {
        co_await went_down_.wait();
    }
    if (!going_down_) {
        co_return fail(ErrorCode::kConflict, "stack {} was deployed again while it went down",
                       stack_);
    }
    // A gateway that does not answer will not find the stack in its next snapshot either.
    const auto withdrawn = co_await wiring_.publisher.withdraw(stack_);
    if (!withdrawn) {
        record("stack.withdraw_failed", withdrawn.error().text());
    }
    if (!going_down_) {
        co_return fail(ErrorCode::kConflict, "stack {} was deployed again while it went down",
                       stack_);
    }
    down_ = true;
    report("down", Phase::kSettled);
    co_return Result<void>();
}

bool Runner::retry_failed() {
    bool any = false;
    for (const model::Instance& instance : wiring_.runtime.instances(stack_)) {
        if (instance.state == InstanceState::kFailed) {
            wiring_.runtime.forget(stack_, instance.id);
            notes_.erase(instance.id);
            any = true;
        }
    }
    any = std::erase_if(notes_, [](const auto& note) { return note.second.start_refused; }) > 0 ||
          any;
    if (any) {
        begin_change();
        report("", Phase::kRolling);
        changed();
    }
    return any;
}

void Runner::instance_changed() {
    changed();
}

void Runner::report_superseded(uint64_t by) {
    report(fmt::format("release {} is superseded by release {} before it was complete",
                       current_.release.number, by),
           Phase::kSuperseded);
}

bool Runner::is_rolling() const {
    return current_.release.status == ReleaseStatus::kDeploying || rolling_back_;
}

// The loop.

async::Task<void> Runner::run() {
    while (true) {
        co_await changed_.wait();
        changed_.reset();
        if (!begun_ || down_) {
            continue;
        }
        take_in_instances();
        alarm_.clear();
        if (held_until_ > wiring_.loop.now()) {
            alarm_.set(held_until_);
            continue;
        }
        Plan next = plan(desired(), observed(), plan_options(), wiring_.loop.now());
        if (next.wake_at) {
            alarm_.set(*next.wake_at);
        }
        if (co_await ensure_ordinals(next)) {
            changed();
            continue;
        }
        co_await carry_out(std::move(next));
        tell();
    }
}

async::Task<bool> Runner::ensure_ordinals(const Plan& plan) {
    std::map<std::string, uint32_t> starts;
    for (const Action& action : plan.actions) {
        if (const auto* start = std::get_if<StartInstance>(&action)) {
            ++starts[start->service];
        }
    }
    bool reserved = false;
    for (const auto& [service, count] : starts) {
        const auto [next, end] = ordinals_[service];
        if (end - next >= count) {
            continue;
        }
        const uint32_t block = std::max(count, std::min(kOrdinalBlock, 4 * count));
        const Result<uint64_t> first = co_await wiring_.store.run<uint64_t>(
            [stack = stack_, name = service, block](store::Records& records) {
                return records.reserve_ordinals(stack, name, block);
            });
        reserved = true;
        if (!first) {
            record("stack.store_failed", first.error().text(), service);
            hold_off();
            break;
        }
        ordinals_[service] = {*first, *first + block};
    }
    co_return reserved;
}

async::Task<void> Runner::carry_out(Plan plan) {
    if (plan.waiting != waiting_) {
        waiting_ = plan.waiting;
        say(waiting_.empty() ? "" : waiting_.front());
    }
    const uint64_t course = course_;
    for (Action& action : plan.actions) {
        if (course != course_) {
            break;  // A newer course has come while a step was waited for.
        }
        if (const auto* start = std::get_if<StartInstance>(&action)) {
            act(*start);
        } else if (const auto* stop = std::get_if<StopInstance>(&action)) {
            act(*stop);
        } else if (const auto* forget = std::get_if<ForgetInstance>(&action)) {
            act(*forget);
        } else if (const auto* adopt = std::get_if<AdoptInstance>(&action)) {
            act(*adopt);
        } else if (const auto* publication = std::get_if<Publish>(&action)) {
            act(*publication);
        } else if (auto* verdict = std::get_if<MarkRelease>(&action)) {
            co_await mark(std::move(*verdict));
        } else if (auto* back = std::get_if<BeginRollback>(&action)) {
            co_await roll_back(std::move(*back));
        }
    }
    if (course == course_ && plan.settled) {
        settle();
    } else if (course == course_ && !plan.obstacles.empty()) {
        give_up(plan.obstacles);
    }
}

void Runner::settle() {
    if (settled_) {
        return;
    }
    settled_ = true;
    under_way_ = false;
    obstacle_.clear();
    remnants_.clear();
    if (going_down_) {
        went_down_.pulse();
        return;
    }
    one_shots_done_ = true;
    if (rolling_back_) {
        end_rollback("");
    } else {
        report("", phase_now());
    }
}

/// `but` says what is not as it was before; empty when everything is.
void Runner::end_rollback(const std::string& but) {
    report(
        fmt::format("release {} is back{}; release {} was rolled back: {}", current_.release.number,
                    but.empty() ? "" : ", but " + but, failed_release_, last_failure_),
        Phase::kRolledBack);
    rolling_back_ = false;
    record("release.rolled_back",
           fmt::format("release {} serves again after release {} failed{}", current_.release.number,
                       failed_release_, but.empty() ? "" : ", but " + but));
}

/// Nothing moves and the stack is not as desired: whoever waits is told why. Should it recover by
/// itself, it settles then.
void Runner::give_up(const std::vector<Obstacle>& obstacles) {
    if (!under_way_ || going_down_ || current_.release.status != ReleaseStatus::kActive) {
        return;
    }
    under_way_ = false;
    const bool known = std::ranges::all_of(obstacles, [&](const Obstacle& obstacle) {
        return failing_before_.contains(obstacle.instance);
    });
    std::string why;
    for (const Obstacle& obstacle : obstacles) {
        why += (why.empty() ? "" : "; ") + obstacle.why;
    }
    if (rolling_back_) {
        end_rollback(why);
    } else if (known) {
        // It was like this before, and what was asked for is done.
        report("", Phase::kSettled);
    } else {
        obstacle_ = why;
        report(why, Phase::kFailed);
        record("stack.failed", why);
    }
}

void Runner::hold_off() {
    held_until_ = wiring_.loop.now() + kRetryPause;
    changed();
}

// Instances.

void Runner::take_in_instances() {
    const std::vector<model::Instance> instances = wiring_.runtime.instances(stack_);
    for (const model::Instance& instance : instances) {
        take_in_instance(instance);
    }
    std::erase_if(notes_, [&](const auto& entry) {
        return !entry.second.pending &&
               std::ranges::find(instances, entry.first, &model::Instance::id) == instances.end();
    });
}

void Runner::take_in_instance(const model::Instance& instance) {
    const bool seen = notes_.contains(instance.id) && !notes_[instance.id].pending;
    Note& note = notes_[instance.id];
    note.pending.reset();
    note.start_refused = false;
    if (!model::is_live(instance.state)) {
        note.stop_pending = false;
    }
    if (instance.state != InstanceState::kStarting) {
        note.adopted = false;
    }
    if (seen && note.state == instance.state && note.changed_at == instance.changed_at) {
        return;
    }
    const bool new_state = seen && note.state != instance.state;
    note.state = instance.state;
    note.changed_at = instance.changed_at;
    // The runtime's wall time, brought onto the steady clock; a jump of the wall clock must not age
    // anything.
    const Duration age = std::clamp<Duration>(wiring_.loop.wall_now() - instance.changed_at,
                                              Duration(0), std::chrono::hours(24 * 365));
    note.state_since = new_state || !seen ? wiring_.loop.now() - age : note.state_since;
    if (new_state) {
        const std::string why = instance.reason.empty() ? "" : ": " + instance.reason;
        say(fmt::format("{} is {}{}", instance.id, model::to_string(instance.state), why));
    }
}

void Runner::act(const StartInstance& action) {
    const Desired& wanted = desired();
    const ServiceGoal* goal = find_goal(wanted, action.service);
    auto& [next, end] = ordinals_[action.service];
    if (goal == nullptr || next == end) {
        changed();
        return;
    }
    const std::string id = fmt::format("{}-{}", action.service, next++);
    StartOrder order = order_for(id, action.slot, *goal);
    Note& note = notes_[id];
    note.pending = model::Instance{.id = id,
                                   .stack = stack_,
                                   .service = action.service,
                                   .slot = action.slot,
                                   .release = order.release,
                                   .digest = order.digest};
    note.state_since = wiring_.loop.now();
    say(fmt::format("start {} (replica {})", id, action.slot));
    scope_.spawn(start_instance(std::move(order)));
}

async::Task<void> Runner::start_instance(StartOrder order) {
    const std::string id = order.instance;
    const std::string service = order.spec.name;
    const Result<void> started = co_await wiring_.runtime.start(std::move(order));
    const auto note = notes_.find(id);
    if (!started) {
        record("instance.start_failed", started.error().text(), service, id);
    }
    if (note != notes_.end() && note->second.pending) {
        if (started) {
            take_in_instances();
        } else {
            note->second.pending->state = InstanceState::kFailed;
            note->second.pending->reason = started.error().text();
            note->second.start_refused = true;
        }
    }
    changed();
}

void Runner::act(const StopInstance& action) {
    Note& note = notes_[action.instance];
    note.stop_pending = true;
    say(fmt::format("stop {}: {}", action.instance, action.why));
    scope_.spawn(stop_instance(action.instance));
}

async::Task<void> Runner::stop_instance(std::string id) {
    const Result<void> stopped = co_await wiring_.runtime.stop(stack_, id);
    const auto note = notes_.find(id);
    if (!stopped) {
        record("instance.stop_failed", stopped.error().text(), "", id);
        if (note != notes_.end()) {
            note->second.stop_pending = false;
        }
        hold_off();
    }
    changed();
}

void Runner::act(const ForgetInstance& action) {
    const auto note = notes_.find(action.instance);
    const bool refused = note != notes_.end() && note->second.start_refused;
    if (!refused) {
        wiring_.runtime.forget(stack_, action.instance);
    }
    notes_.erase(action.instance);
    changed();
}

void Runner::act(const AdoptInstance& action) {
    const Desired& wanted = desired();
    for (const model::Instance& instance : wiring_.runtime.instances(stack_)) {
        const ServiceGoal* goal = find_goal(wanted, instance.service);
        if (instance.id != action.instance || goal == nullptr) {
            continue;
        }
        if (auto done = wiring_.runtime.adopt(order_for(instance.id, instance.slot, *goal));
            !done) {
            record("instance.adopt_failed", done.error().text(), instance.service, instance.id);
            hold_off();
        }
    }
    changed();
}

StartOrder Runner::order_for(const std::string& id, uint32_t slot, const ServiceGoal& goal) const {
    return {.stack = stack_,
            .instance = id,
            .slot = slot,
            .release = current_.release.number,
            .digest = goal.digest,
            .directory = current_.spec->directory,
            .environment = current_.spec->environment,
            .port_first = current_.spec->port_first,
            .port_last = current_.spec->port_last,
            .spec = goal.spec};
}

// The gateway.

void Runner::act(const Publish& action) {
    publishing_ = action.publication;
    scope_.spawn(publish(action.publication));
}

void Runner::prepare_routes() {
    const Observed seen = observed();
    Publication now;
    now.release = active_ ? active_->release.number : current_.release.number;
    for (const ObservedInstance& it : seen.instances) {
        const bool serves = it.serving == Serving::kYes || is_running(it);
        if (serves && it.instance.port != 0 && is_live(it)) {
            now.endpoints[it.instance.id] = {it.instance.port, it.serving == Serving::kDraining};
        }
    }
    wiring_.publisher.prepare(stack_, routes_of(now));
}

StackRoutes Runner::routes_of(const Publication& publication) const {
    const auto spec_of = [this](uint64_t number) -> const model::StackSpec* {
        if (number == current_.release.number) {
            return current_.spec.get();
        }
        return active_ && number == active_->release.number ? active_->spec.get() : nullptr;
    };
    StackRoutes routes;
    const model::StackSpec* spec = spec_of(publication.release);
    routes.spec = spec != nullptr ? *spec : *current_.spec;
    const model::StackSpec* fallback =
        publication.fallback_release == 0 ? nullptr : spec_of(publication.fallback_release);
    if (fallback != nullptr) {
        routes.fallback = *fallback;
    }
    for (const ObservedInstance& it : observed().instances) {
        const auto found = publication.endpoints.find(it.instance.id);
        if (found != publication.endpoints.end()) {
            routes.instances.push_back({.service = it.instance.service,
                                        .instance = it.instance.id,
                                        .port = found->second.port,
                                        .draining = found->second.draining});
        }
    }
    return routes;
}

async::Task<void> Runner::publish(Publication publication) {
    const uint64_t course = course_;
    auto published = co_await wiring_.publisher.publish(stack_, routes_of(publication));
    publishing_.reset();
    if (!published) {
        record("stack.publish_failed", published.error().text());
        trouble_ = {published.error().text()};
        hold_off();
        co_return;
    }
    trouble_.clear();
    acknowledge(publication);
    const std::string errors = own_listen_errors(*published);
    if (!errors.empty() && course == course_ &&
        current_.release.status == ReleaseStatus::kDeploying) {
        if (active_) {
            co_await roll_back({errors, ""});
        } else {
            co_await mark({ReleaseStatus::kFailed, errors, false});
        }
    }
    changed();
}

void Runner::acknowledge(const Publication& publication) {
    published_ = publication;
    for (auto& [id, note] : notes_) {
        const auto found = publication.endpoints.find(id);
        const Serving before = note.serving;
        note.serving = found == publication.endpoints.end() ? Serving::kNo
                       : found->second.draining             ? Serving::kDraining
                                                            : Serving::kYes;
        if (note.serving != Serving::kDraining) {
            note.drained = false;
            continue;
        }
        if (before != Serving::kDraining) {
            note.draining_since = wiring_.loop.now();
            note.drained = false;
        }
        if (!note.drain_watched && !note.drained) {
            note.drain_watched = true;
            scope_.spawn(watch_drain(id));
        }
    }
}

async::Task<void> Runner::watch_drain(std::string id) {
    const auto deadline =
        async::Deadline::in(wiring_.loop, plan_options().drain_timeout + kRetryPause);
    const Result<void> drained =
        co_await wiring_.publisher.drained(fmt::format("{}/{}", stack_, id), deadline);
    const auto note = notes_.find(id);
    if (note == notes_.end()) {
        co_return;
    }
    note->second.drain_watched = false;
    // Taken back into service meanwhile: then its requests have not ended for good.
    note->second.drained = drained.has_value() && note->second.serving == Serving::kDraining;
    changed();
}

std::string Runner::own_listen_errors(const std::vector<std::string>& errors) const {
    const std::vector<model::ListenAddress> before =
        active_ ? listeners(*active_->spec) : std::vector<model::ListenAddress>();
    std::string sentence;
    for (const model::ListenAddress& listener : listeners(*current_.spec)) {
        if (std::ranges::find(before, listener) != before.end()) {
            continue;
        }
        for (const std::string& error : errors) {
            const std::string port = fmt::format(":{}", listener.port);
            const size_t at = error.find(port);
            const bool ends =
                at != std::string::npos &&
                (at + port.size() == error.size() ||
                 std::isdigit(static_cast<unsigned char>(error[at + port.size()])) == 0);
            if (ends && sentence.find(error) == std::string::npos) {
                sentence += (sentence.empty() ? "" : "; ") + error;
            }
        }
    }
    return sentence;
}

// Verdicts.

async::Task<void> Runner::mark(MarkRelease action) {
    const uint64_t number = current_.release.number;
    current_.release.status = action.status;
    current_.release.reason = action.why;
    paused_ = action.pause;
    under_way_ = false;
    if (action.status == ReleaseStatus::kActive) {
        last_failure_.clear();
        one_shots_done_ = true;
        const auto before = std::exchange(active_, std::nullopt);
        report(fmt::format("release {} is active", number), Phase::kSucceeded);
        record("release.active", fmt::format("release {} is active", number));
        changed();
        co_await persist(number, action.status, "");
        if (before) {
            const bool left = current_.release.origin.starts_with("rollback");
            co_await persist(before->release.number,
                             left ? ReleaseStatus::kRolledBack : ReleaseStatus::kSuperseded,
                             left ? current_.release.origin : "");
        }
        co_return;
    }
    last_failure_ = action.why;
    report(fmt::format("release {} has failed: {}", number, action.why), Phase::kFailed);
    record("release.failed", fmt::format("release {} has failed: {}", number, action.why));
    changed();
    const std::string_view how = action.pause ? kPausedReason : active_ ? kUnfinishedReason : "";
    co_await persist(number, action.status, std::string(how) + action.why);
}

async::Task<void> Runner::roll_back(BeginRollback action) {
    failed_release_ = current_.release.number;
    const std::string why = explain(action);
    last_failure_ = action.why;
    remnants_.push_back(current_.spec);
    current_ = *std::exchange(active_, std::nullopt);
    overrides_ = fallback_overrides_;
    one_shots_done_ = true;
    rolling_back_ = true;
    ++course_;
    begin_change();
    report(fmt::format("release {} has failed, going back to release {}: {}", failed_release_,
                       current_.release.number, why),
           Phase::kRolling);
    record("release.failed", fmt::format("release {} has failed: {}", failed_release_, why));
    changed();
    co_await persist(failed_release_, ReleaseStatus::kFailed, why);
    const Result<void> kept = co_await wiring_.store.run<void>(
        [stack = stack_, overrides = overrides_](store::Records& records) -> Result<void> {
            for (const auto& [service, value] : overrides) {
                SHORE_CHECK(records.put_override(stack, value));
            }
            return {};
        });
    if (!kept) {
        record("stack.store_failed", kept.error().text());
    }
}

std::string Runner::explain(const BeginRollback& action) const {
    std::string text = action.why;
    if (action.instance.empty()) {
        return text;
    }
    for (const std::string& line : wiring_.runtime.last_output(stack_, action.instance)) {
        if (text.find(line) == std::string::npos) {
            text += "\n    " + line;
        }
    }
    return text;
}

async::Task<void> Runner::persist(uint64_t number, ReleaseStatus status, std::string reason) {
    const Result<void> kept = co_await wiring_.store.run<void>(
        [stack = stack_, number, status, reason = std::move(reason),
         at = wiring_.loop.wall_now()](store::Records& records) {
            return records.set_release_status(stack, number, status, reason, at);
        });
    if (!kept) {
        record("stack.store_failed", kept.error().text());
    }
}

}  // namespace shore::release
