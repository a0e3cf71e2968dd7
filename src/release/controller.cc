#include "release/controller.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/digest.h"
#include "config/load.h"
#include "release/limits.h"
#include "release/publisher.h"
#include "release/runner.h"

namespace shore::release {

using model::ReleaseStatus;

namespace {

constexpr std::string_view kSupersededUnfinished = "superseded by release";

Result<LoadedRelease> load(model::Release release, const std::string& environment) {
    auto loaded = config::load_normalised(release.manifest, release.directory, environment);
    if (!loaded) {
        return fail(
            config::to_error(loaded.error())
                .with(fmt::format("manifest of release {} of {}", release.number, release.stack)));
    }
    auto spec = std::make_shared<const model::StackSpec>(std::move(loaded->stack));
    return LoadedRelease{std::move(release), std::move(spec)};
}

std::string environment_of(std::string_view stack) {
    const auto parts = base::split_once(stack, '@');
    return parts ? std::string(parts->second) : std::string();
}

Result<void> put_overrides(store::Records& records, std::string_view stack,
                           const Overrides& overrides) {
    SHORE_CHECK(records.clear_overrides(stack));
    for (const auto& [service, value] : overrides) {
        SHORE_CHECK(records.put_override(stack, value));
    }
    return {};
}

}  // namespace

Controller::Controller(Collaborators with)
    : with_(with),
      publisher_(std::make_unique<Publisher>(with.loop, with.gateway)),
      down_ended_(with.loop),
      scope_(with.loop) {
}

Controller::~Controller() {
    stop_planning();
}

void Controller::stop_planning() {
    scope_.stop();
    for (const auto& [stack, runner] : runners_) {
        runner->stop();
    }
    publisher_->stop();
}

Runner* Controller::find(std::string_view stack) const {
    const auto found = runners_.find(stack);
    return found == runners_.end() ? nullptr : found->second.get();
}

Result<Runner*> Controller::find_up(std::string_view stack) const {
    Runner* runner = find(stack);
    if (runner == nullptr || runner->is_down()) {
        std::vector<std::string> names;
        for (const auto& [name, other] : runners_) {
            names.push_back(name);
        }
        return fail(ErrorCode::kNotFound, "no stack {} is up{}", stack,
                    base::did_you_mean(stack, names));
    }
    return runner;
}

Runner& Controller::find_or_make(const std::string& stack) {
    auto& runner = runners_[stack];
    if (!runner) {
        runner = std::make_unique<Runner>(
            RunnerWiring{with_.loop, with_.store, with_.events, with_.runtime, *publisher_}, stack);
    }
    return *runner;
}

void Controller::record(std::string stack, std::string kind, std::string message) {
    with_.events.record({.at = with_.loop.wall_now(),
                         .stack = std::move(stack),
                         .kind = std::move(kind),
                         .message = std::move(message)});
}

// Deploys.

/// After a release that failed without one to go back to: services whose instances are to be made
/// anew, so that the next deploy is judged by its own.
std::set<std::string> Controller::in_trouble(const Runner& runner) const {
    std::set<std::string> services;
    if (runner.current().release.status != ReleaseStatus::kFailed || runner.active()) {
        return services;
    }
    for (const model::Instance& it : with_.runtime.instances(runner.current().release.stack)) {
        if (it.state != model::InstanceState::kRunning &&
            it.state != model::InstanceState::kCompleted) {
            services.insert(it.service);
        }
    }
    return services;
}

namespace {

template <class T>
struct Outcome {
    explicit Outcome(async::Loop& loop) : ended(loop) {}
    std::optional<Result<T>> result;
    async::Event ended;
};

template <class T>
async::Task<void> keep(async::Task<Result<T>> task, std::shared_ptr<Outcome<T>> outcome) {
    outcome->result.emplace(co_await std::move(task));
    outcome->ended.set();
}

/// Runs `task` to its end in `scope` though the caller may be cancelled: a client that goes away
/// must not leave a release that is stored and never begun.
template <class T>
async::Task<Result<T>> unbroken(async::Loop& loop, async::Scope& scope,
                                async::Task<Result<T>> task) {
    auto outcome = std::make_shared<Outcome<T>>(loop);
    if (!scope.spawn(keep(std::move(task), outcome))) {
        co_return fail(ErrorCode::kStopped, "shored is stopping");
    }
    co_await outcome->ended.wait();
    co_return std::move(*outcome->result);
}

}  // namespace

async::Task<Result<Deployed>> Controller::deploy(DeployRequest request) {
    const std::string stack = model::stack_id(request.stack);
    co_await wait_for_removal(stack);
    if (auto routes = check_routes(request.stack, publisher_->specs_except(stack)); !routes) {
        co_return fail(std::move(routes).error().with(fmt::format("deploy {}", stack)));
    }
    if (find(stack) == nullptr && runners_.size() >= kStacksMax) {
        co_return fail(ErrorCode::kExhausted, "deploy {}: {} stacks are up, at most {} may be",
                       stack, runners_.size(), kStacksMax);
    }
    LoadedRelease release;
    release.release = {.stack = stack,
                       .manifest = std::move(request.manifest),
                       .directory = request.stack.directory,
                       .status = ReleaseStatus::kDeploying,
                       .origin = std::move(request.origin),
                       .created_at = with_.loop.wall_now(),
                       .changed_at = with_.loop.wall_now()};
    release.release.digest = config::text_digest(release.release.manifest);
    release.spec = std::make_shared<const model::StackSpec>(std::move(request.stack));
    const Runner* runner = find(stack);
    const bool up = runner != nullptr && !runner->is_going_down();
    Overrides overrides;
    if (up) {
        const model::Release& current = runner->current().release;
        const bool same = current.digest == release.release.digest &&
                          current.directory == release.release.directory;
        if (same && !request.force && current.status == ReleaseStatus::kActive) {
            co_return co_await keep_as_it_is(stack);
        }
        if (same && !request.force && current.status == ReleaseStatus::kDeploying) {
            co_return Deployed{stack, current.number, true};
        }
        overrides = carry_over(runner->overrides(), runner->current().spec.get(), *release.spec);
    }
    const std::set<std::string> afresh = up ? in_trouble(*runner) : std::set<std::string>();
    for (const model::ServiceSpec& service : release.spec->services) {
        auto found = overrides.find(service.name);
        if (request.force || afresh.contains(service.name)) {
            found = overrides.try_emplace(service.name).first;
            found->second.service = service.name;
            ++found->second.generation;
        }
        if (found != overrides.end()) {
            found->second.stopped = false;
        }
    }
    co_return co_await unbroken(with_.loop, scope_,
                                begin(std::move(release), std::move(overrides)));
}

/// The manifest is in force already: starts again what was stopped or has failed, if anything.
async::Task<Result<Deployed>> Controller::keep_as_it_is(std::string stack) {
    Runner* runner = find(stack);
    const uint64_t number = runner->current().release.number;
    Overrides overrides = runner->overrides();
    bool stopped = false;
    for (auto& [service, value] : overrides) {
        stopped = std::exchange(value.stopped, false) || stopped;
    }
    bool changed = runner->retry_failed();
    if (stopped) {
        SHORE_CO_CHECK(co_await with_.store.run<void>([stack, overrides](store::Records& records) {
            return put_overrides(records, stack, overrides);
        }));
        SHORE_CO_TRY(runner, find_up(stack));
        runner->set_overrides(std::move(overrides), {});
        changed = true;
    }
    co_return Deployed{std::move(stack), number, changed};
}

async::Task<Result<Deployed>> Controller::begin(LoadedRelease release, Overrides overrides) {
    const std::string stack = release.release.stack;
    std::vector<uint64_t> superseded;
    if (const Runner* runner = find(stack);
        runner != nullptr && runner->current().release.status == ReleaseStatus::kDeploying) {
        superseded.push_back(runner->current().release.number);
    }
    const auto keep = [row = release.release, overrides, superseded,
                       record = store::StackRecord{.id = stack,
                                                   .name = release.spec->name,
                                                   .environment = release.spec->environment,
                                                   .created_at = release.release.created_at}](
                          store::Records& records) -> Result<uint64_t> {
        SHORE_CHECK(records.put_stack(record));
        SHORE_TRY(const uint64_t number, records.add_release(row));
        SHORE_CHECK(put_overrides(records, row.stack, overrides));
        for (const uint64_t old : superseded) {
            const std::string why =
                fmt::format("{} {} before it was complete", kSupersededUnfinished, number);
            SHORE_CHECK(records.set_release_status(row.stack, old, ReleaseStatus::kSuperseded, why,
                                                   row.created_at));
        }
        return number;
    };
    SHORE_CO_TRY(release.release.number, co_await with_.store.run<uint64_t>(keep));
    co_await wait_for_removal(stack);
    const uint64_t number = release.release.number;
    Runner& runner = find_or_make(stack);
    if (runner.has_begun()) {
        if (runner.current().release.number > number) {
            co_return fail(ErrorCode::kConflict, "release {} of {} was superseded by release {}",
                           number, stack, runner.current().release.number);
        }
        if (runner.is_rolling()) {
            runner.report_superseded(number);
        }
    }
    std::erase_if(unreadable_, [&](const StackStatus& status) { return status.name == stack; });
    record(stack, "release.deploying",
           fmt::format("release {} begins ({})", number, release.release.origin));
    runner.deploy(std::move(release), std::move(overrides));
    co_return Deployed{stack, number, true};
}

async::Task<Result<Deployed>> Controller::rollback(std::string stack,
                                                   std::optional<uint64_t> number) {
    SHORE_CO_TRY(const Runner* runner, find_up(stack));
    const LoadedRelease& serving = runner->active() ? *runner->active() : runner->current();
    const model::Release now = serving.release;
    const auto pick = [stack, number, now](store::Records& records) -> Result<LoadedRelease> {
        SHORE_TRY(auto all, records.releases(stack, kReleasesSearched));
        for (model::Release& release : all) {
            const bool was_active = release.status == ReleaseStatus::kActive ||
                                    (release.status == ReleaseStatus::kSuperseded &&
                                     !release.reason.starts_with(kSupersededUnfinished));
            const bool fits =
                number ? release.number == *number
                       : release.number < now.number && was_active && release.digest != now.digest;
            if (fits) {
                return load(std::move(release), environment_of(stack));
            }
        }
        if (number) {
            return fail(ErrorCode::kNotFound, "stack {} has no release {}: see shore releases",
                        stack, *number);
        }
        return fail(ErrorCode::kNotFound,
                    "stack {} has no earlier release that was active: release {} is the first",
                    stack, now.number);
    };
    SHORE_CO_TRY(LoadedRelease target, co_await with_.store.run<LoadedRelease>(pick));
    SHORE_CO_TRY(runner, find_up(stack));
    const model::Release& current = runner->current().release;
    if (target.release.digest == current.digest && current.status == ReleaseStatus::kActive) {
        co_return co_await keep_as_it_is(std::move(stack));
    }
    if (auto routes = check_routes(*target.spec, publisher_->specs_except(stack)); !routes) {
        co_return fail(std::move(routes).error().with(fmt::format("roll {} back", stack)));
    }
    target.release.origin = fmt::format("rollback to {}", target.release.number);
    target.release.status = ReleaseStatus::kDeploying;
    target.release.reason.clear();
    target.release.created_at = target.release.changed_at = with_.loop.wall_now();
    Overrides overrides =
        carry_over(runner->overrides(), runner->current().spec.get(), *target.spec);
    co_return co_await unbroken(with_.loop, scope_, begin(std::move(target), std::move(overrides)));
}

// Overrides.

async::Task<Result<void>> Controller::override_services(
    std::string stack, std::string kind, std::vector<store::ServiceOverride> values) {
    std::string message = kind;
    for (const store::ServiceOverride& value : values) {
        message += " " + value.service;
        if (kind == "scale") {
            message += fmt::format("={}", *value.replicas);
        }
    }
    SHORE_CO_CHECK(
        co_await with_.store.run<void>([stack, values](store::Records& records) -> Result<void> {
            for (const store::ServiceOverride& value : values) {
                SHORE_CHECK(records.put_override(stack, value));
            }
            return {};
        }));
    SHORE_CO_TRY(Runner * runner, find_up(stack));
    Overrides overrides = runner->overrides();
    std::vector<std::string> run_again;
    for (store::ServiceOverride& value : values) {
        if (kind == "restart") {
            run_again.push_back(value.service);
        }
        overrides[value.service] = std::move(value);
    }
    record(std::move(stack), "stack." + kind, std::move(message));
    runner->set_overrides(std::move(overrides), run_again);
    if (kind == "start") {
        runner->retry_failed();
    }
    co_return Result<void>();
}

namespace {

/// The overrides of the named services (all when none is named), to be changed. kNotFound names a
/// wrong one.
Result<std::vector<store::ServiceOverride>> select(const Runner& runner,
                                                   const std::vector<std::string>& services) {
    std::vector<std::string> names;
    for (const model::ServiceSpec& service : runner.current().spec->services) {
        names.push_back(service.name);
    }
    std::vector<store::ServiceOverride> values;
    for (const std::string& name : services.empty() ? names : services) {
        if (std::ranges::find(names, name) == names.end()) {
            return fail(ErrorCode::kNotFound, "stack {} has no service {}{}",
                        runner.current().release.stack, name, base::did_you_mean(name, names));
        }
        const auto found = runner.overrides().find(name);
        values.push_back(found == runner.overrides().end() ? store::ServiceOverride{.service = name}
                                                           : found->second);
    }
    return values;
}

Result<void> check_scale(const model::ServiceSpec& service, uint32_t replicas) {
    if (!model::has_process(service)) {
        return fail(ErrorCode::kInvalid, "service {} serves files and has no replicas to scale",
                    service.name);
    }
    if (service.engine) {
        return fail(ErrorCode::kInvalid,
                    "service {} is part of engine {}, whose servers the manifest counts "
                    "(x-shore.replicas, x-shore.ha)",
                    service.name, service.engine->spec.service);
    }
    if (service.one_shot) {
        return fail(ErrorCode::kInvalid, "service {} runs once in each release and is not scaled",
                    service.name);
    }
    if (service.fixed_port != 0 && replicas > 1) {
        return fail(ErrorCode::kInvalid,
                    "service {} has a fixed port (x-shore.http.port: {}), so that it can have one "
                    "replica; let it listen on $PORT to scale it to {}",
                    service.name, service.fixed_port, replicas);
    }
    if (replicas > kReplicasMax) {
        return fail(ErrorCode::kInvalid, "service {}: replicas must be 0..{}, got {}", service.name,
                    kReplicasMax, replicas);
    }
    return {};
}

}  // namespace

async::Task<Result<void>> Controller::scale(std::string stack,
                                            std::map<std::string, uint32_t> replicas) {
    SHORE_CO_TRY(const Runner* runner, find_up(stack));
    std::vector<std::string> names;
    for (const auto& [service, count] : replicas) {
        names.push_back(service);
    }
    if (names.empty()) {
        co_return fail(ErrorCode::kInvalid, "scale {}: name services, as in api=5", stack);
    }
    SHORE_CO_TRY(auto values, select(*runner, names));
    for (store::ServiceOverride& value : values) {
        const uint32_t count = replicas[value.service];
        SHORE_CO_CHECK(
            check_scale(*model::find_service(*runner->current().spec, value.service), count));
        value.replicas = count;
        value.stopped = false;
    }
    co_return co_await unbroken(with_.loop, scope_,
                                override_services(std::move(stack), "scale", std::move(values)));
}

async::Task<Result<void>> Controller::stop(std::string stack, std::vector<std::string> services) {
    SHORE_CO_TRY(const Runner* runner, find_up(stack));
    SHORE_CO_TRY(auto values, select(*runner, services));
    for (store::ServiceOverride& value : values) {
        value.stopped = true;
    }
    co_return co_await unbroken(with_.loop, scope_,
                                override_services(std::move(stack), "stop", std::move(values)));
}

async::Task<Result<void>> Controller::start(std::string stack, std::vector<std::string> services) {
    SHORE_CO_TRY(const Runner* runner, find_up(stack));
    SHORE_CO_TRY(auto values, select(*runner, services));
    for (store::ServiceOverride& value : values) {
        value.stopped = false;
    }
    co_return co_await unbroken(with_.loop, scope_,
                                override_services(std::move(stack), "start", std::move(values)));
}

async::Task<Result<void>> Controller::restart(std::string stack,
                                              std::vector<std::string> services) {
    SHORE_CO_TRY(const Runner* runner, find_up(stack));
    SHORE_CO_TRY(auto values, select(*runner, services));
    for (store::ServiceOverride& value : values) {
        value.stopped = false;
        ++value.generation;
    }
    co_return co_await unbroken(with_.loop, scope_,
                                override_services(std::move(stack), "restart", std::move(values)));
}

// Down.

async::Task<Result<void>> Controller::down(std::string stack, bool with_volumes) {
    SHORE_CO_CHECK(find_up(stack));
    // Stored first: a daemon that starts in the middle goes on taking it down.
    SHORE_CO_CHECK(co_await with_.store.run<void>([stack](store::Records& records) -> Result<void> {
        SHORE_TRY(const auto stacks, records.stacks());
        for (store::StackRecord record : stacks) {
            if (record.id == stack) {
                record.up = false;
                SHORE_CHECK(records.put_stack(record));
            }
        }
        return records.clear_overrides(stack);
    }));
    SHORE_CO_TRY(const Runner* runner, find_up(stack));
    if (!runner->is_going_down()) {
        record(stack, "stack.down", "going down");
        downs_.erase(stack);
        scope_.spawn(finish_down(stack, with_volumes));
    }
    while (!downs_.contains(stack)) {
        co_await down_ended_.wait();
    }
    co_return downs_.find(stack)->second;
}

async::Task<void> Controller::wait_for_removal(std::string stack) {
    while (removing_.contains(stack)) {
        co_await down_ended_.wait();
    }
}

async::Task<void> Controller::finish_down(std::string stack, bool with_volumes) {
    Runner* runner = find(stack);
    Result<void> done = co_await runner->take_down();
    if (done) {
        const model::Release last = runner->current().release;
        runners_.erase(stack);
        removing_.insert(stack);
        done = co_await with_.runtime.remove_stack(stack, with_volumes);
        const auto kept = co_await with_.store.run<void>(
            [last, at = with_.loop.wall_now()](store::Records& records) {
                const bool active = last.status == ReleaseStatus::kActive;
                return records.set_release_status(
                    last.stack, last.number,
                    active ? ReleaseStatus::kSuperseded : ReleaseStatus::kFailed,
                    "the stack was taken down", at);
            });
        removing_.erase(stack);
        if (done && !kept) {
            done = kept;
        }
        record(stack, "stack.down", done ? "down" : done.error().text());
    }
    downs_.insert_or_assign(stack, std::move(done));
    down_ended_.pulse();
}

// Questions.

async::Task<Result<Preview>> Controller::preview(DeployRequest request) {
    const std::string stack = model::stack_id(request.stack);
    SHORE_CO_CHECK(check_routes(request.stack, publisher_->specs_except(stack)));
    SHORE_CO_TRY(const uint64_t last, co_await with_.store.run<uint64_t>(
                                          [stack](store::Records& records) -> Result<uint64_t> {
                                              SHORE_TRY(const auto all, records.releases(stack, 1));
                                              return all.empty() ? 0 : all.front().number;
                                          }));
    const Runner* runner = find(stack);
    const bool up = runner != nullptr && !runner->is_going_down();
    Preview preview;
    preview.release = last + 1;
    const std::string digest = config::text_digest(request.manifest);
    preview.changed = !up || request.force || runner->current().release.digest != digest ||
                      runner->current().release.directory != request.stack.directory ||
                      runner->current().release.status == ReleaseStatus::kFailed;
    if (!preview.changed) {
        co_return preview;
    }
    GoalRequest goals;
    goals.release = preview.release;
    goals.spec = &request.stack;
    Observed observed;
    Overrides overrides;
    if (up) {
        const LoadedRelease& before = runner->active() ? *runner->active() : runner->current();
        SHORE_CO_TRY(preview.changes, config::diff(before.release.manifest, request.manifest));
        goals.previous = before.release.number;
        goals.leaving = {runner->current().spec.get(), before.spec.get()};
        overrides = carry_over(runner->overrides(), runner->current().spec.get(), request.stack);
        observed = runner->observed();
    } else {
        observed.published = Publication{};
    }
    const Desired desired = make_desired(goals, overrides);
    preview.steps = imagine(desired, std::move(observed),
                            {.drain_timeout = request.stack.gateway.drain_timeout});
    preview.warnings = warnings(desired, preview.steps);
    co_return preview;
}

async::Task<Result<std::vector<model::Release>>> Controller::releases(std::string stack,
                                                                      uint32_t limit) {
    SHORE_CO_TRY(auto all, co_await with_.store.run<std::vector<model::Release>>(
                               [stack, limit](store::Records& records) {
                                   return records.releases(stack, limit);
                               }));
    if (all.empty()) {
        co_return fail(ErrorCode::kNotFound, "no stack {} was ever deployed here", stack);
    }
    co_return all;
}

async::Task<Result<model::Release>> Controller::release(std::string stack, uint64_t number) {
    SHORE_CO_TRY(auto found, co_await with_.store.run<std::optional<model::Release>>(
                                 [stack, number](store::Records& records) {
                                     return records.release(stack, number);
                                 }));
    if (!found) {
        co_return fail(ErrorCode::kNotFound, "stack {} has no release {}: see shore releases",
                       stack, number);
    }
    co_return std::move(*found);
}

async::Task<Result<std::vector<config::Change>>> Controller::diff(std::string stack, uint64_t from,
                                                                  uint64_t to) {
    SHORE_CO_TRY(const model::Release before, co_await release(stack, from));
    SHORE_CO_TRY(const model::Release after, co_await release(stack, to));
    co_return co_await with_.store.run<std::vector<config::Change>>(
        [before, after](store::Records&) { return config::diff(before.manifest, after.manifest); });
}

std::vector<StackStatus> Controller::status() const {
    std::vector<StackStatus> all = unreadable_;
    for (const auto& [stack, runner] : runners_) {
        if (!runner->is_down()) {
            all.push_back(runner->status());
        }
    }
    std::ranges::sort(all, {}, &StackStatus::name);
    return all;
}

const model::StackSpec* Controller::spec(std::string_view stack) const {
    const Runner* runner = find(stack);
    return runner == nullptr ? nullptr : runner->current().spec.get();
}

Result<std::unique_ptr<ProgressSubscription>> Controller::watch(std::string_view stack) {
    SHORE_TRY(Runner * runner, find_up(stack));
    auto subscription = runner->feed().subscribe();
    if (!subscription) {
        return fail(ErrorCode::kExhausted, "{} already watch stack {}, at most {} may",
                    kSubscribersMax, stack, kSubscribersMax);
    }
    return subscription;
}

void Controller::instance_changed(std::string_view stack) {
    if (Runner* runner = find(stack)) {
        runner->instance_changed();
    }
}

void Controller::gateway_changed() {
    publisher_->publish_again();
}

}  // namespace shore::release
