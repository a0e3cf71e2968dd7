#include "supervise/runner.h"

#include <signal.h>

#include "async/deadline.h"
#include "async/process_watch.h"
#include "base/strings.h"
#include "net/port_probe.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/process_stats.h"
#include "os/reaper.h"
#include "os/unix_socket.h"
#include "supervise/launch.h"
#include "supervise/limits.h"
#include "supervise/log_files.h"
#include "supervise/probe.h"
#include "supervise/shim.h"

namespace shore::supervise {

using model::InstanceState;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// How long a shim may take to leave before it is killed.
constexpr auto kLeaveTime = seconds(5);
/// How long a shim may take to answer.
constexpr auto kStatusTime = seconds(1);
/// How long killed processes may take to be gone, and how often that is looked at.
constexpr auto kGoneTime = seconds(5);
constexpr auto kGonePoll = milliseconds(20);
async::Task<Result<void>> wait_for(async::Event& event) {
    co_await event.wait();
    co_return Result<void>();
}

}  // namespace

Runner::Runner(RunnerContext& context, InstanceRecord record)
    : context_(context),
      record_(std::move(record)),
      directory_(fmt::format("{}/{}/{}", context.options.run_directory, record_.order.stack,
                             record_.order.id)),
      tracker_(record_.order.service.restart, record_.order.service.one_shot, record_.quick_exits),
      status_arrived_(context.loop),
      wish_(context.loop),
      ended_(context.loop),
      scope_(context.loop) {
}

void Runner::begin() {
    save();
    context_.changed(record_.instance);
    scope_.spawn(live(nullptr, std::nullopt));
}

void Runner::adopt(std::unique_ptr<ShimLink> link) {
    if (auto text = os::read_file(directory_ + "/spec.json", Bytes{kRecordBytesMax})) {
        if (auto spec = parse_launch_spec(*text)) {
            launch_ = std::move(*spec);
        }
    }
    if (!launch_) {
        // Damaged by hand. Probes by command, hooks and exec then run in the daemon's environment.
        launch_ = LaunchSpec{};
        emit("instance.note", fmt::format("{}/spec.json cannot be read", directory_));
    }
    const InstanceState state = record_.instance.state;
    stop_requested_ = state == InstanceState::kStopping;
    if (link != nullptr) {
        context_.ports.adopt(record_.instance.port);
        adopted_ = true;
        if (!model::is_live(state)) {
            stop_requested_ = true;  // The daemon died between the end and the shim's leave.
        }
        scope_.spawn(live(std::move(link), std::nullopt));
        return;
    }
    if (!model::is_live(state)) {
        ended_.set();
        return;
    }
    scope_.spawn(live(nullptr, end_from_files()));
}

void Runner::request_stop(StopMode mode) {
    if (!is_live()) {
        return;
    }
    const bool first = !stop_requested_;
    stop_requested_ = true;
    if (first) {
        set_state(InstanceState::kStopping, "");
        wish_.set();
    }
    if (mode == StopMode::kKill && !kill_requested_) {
        kill_requested_ = true;
        if (link_ != nullptr) {
            process_stopping_ = true;
            (void)link_->send({.verb = ShimVerb::kKill});
        }
    } else if (first && link_ != nullptr) {
        begin_process_stop();
    }
}

async::Task<void> Runner::ended() {
    co_await ended_.wait();
}

Result<void> Runner::signal(int number) {
    if (link_ == nullptr || record_.instance.pid == 0) {
        return fail(ErrorCode::kConflict, "instance {} has no process", record_.order.id);
    }
    return link_->send({.verb = ShimVerb::kSignal, .signal = number});
}

void Runner::update(const InstanceOrder& order) {
    if (record_.order == order) {
        return;
    }
    const bool other_probe = record_.order.service.health != order.service.health;
    const bool other_engine = record_.order.service.engine != order.service.engine;
    record_.order = order;
    record_.instance.release = order.release;
    tracker_ =
        RestartTracker(order.service.restart, order.service.one_shot, tracker_.quick_exits());
    if (other_probe && process_scope_ && running_noted_ && !process_stopping_) {
        ++attention_;
        process_scope_->spawn(attend(true));
    }
    if (other_engine && process_scope_ && running_noted_ && !process_stopping_) {
        process_scope_->spawn(reassign());
    }
    save();
    context_.changed(record_.instance);
}

Result<void> Runner::provide_anew() {
    if (!process_scope_ || !running_noted_ || process_stopping_) {
        return fail(ErrorCode::kConflict, "instance {} does not run", record_.order.id);
    }
    process_scope_->spawn(reassign());
    return {};
}

/// Gives a running agent its new assignment.
async::Task<void> Runner::reassign() {
    auto place = co_await launch_place();
    Result<void> placed = {};
    if (!place) {
        placed = fail(std::move(place).error());
    } else if (auto user = co_await find_user(place->provided); !user) {
        placed = fail(std::move(user).error());
    } else {
        placed = place_files(place->provided.files, *place, *user);
    }
    if (placed && !process_stopping_) {
        placed = signal(SIGHUP);
    }
    if (!placed) {
        emit("instance.not_reassigned", placed.error().text());
    }
}

HealthHistory Runner::health() const {
    return health_ ? health_->history() : HealthHistory{};
}

async::Task<void> Runner::live(std::unique_ptr<ShimLink> link, std::optional<End> end) {
    if (end) {
        co_await kill_leftovers();
    }
    while (true) {
        if (!end) {
            if (link == nullptr && !stop_requested_) {
                auto launched = co_await launch();
                if (launched) {
                    link = std::move(*launched);
                } else {
                    const ErrorCode code = launched.error().code();
                    end = End{.permanent = code == ErrorCode::kInvalid ||
                                           code == ErrorCode::kNotFound ||
                                           code == ErrorCode::kPermission,
                              .exit_code = 127,
                              .why = launched.error().text()};
                }
            }
            if (link != nullptr) {
                end = co_await watch(std::move(link));
            }
        }
        adopted_ = false;
        if (co_await settle(end.value_or(End{}))) {
            break;
        }
        end.reset();
    }
    ended_.set();
}

async::Task<Result<LaunchPlace>> Runner::launch_place() {
    const SupervisorOptions& options = context_.options;
    const model::ServiceSpec& service = record_.order.service;
    LaunchPlace place{.run_directory = directory_,
                      .log_directory = options.log_directory,
                      .volume_directory = options.volume_directory,
                      .environment = options.environment,
                      .program = options.program,
                      .provided = {}};
    if (service.engine || !service.uses.empty()) {
        if (options.provider == nullptr) {
            co_return fail(ErrorCode::kUnsupported, "there is nothing that provides engines");
        }
        SHORE_CO_TRY(place.provided, co_await options.provider->provide(record_.order));
    }
    co_return place;
}

/// Whom the instance runs as; nothing: as the daemon.
async::Task<Result<std::optional<os::User>>> Runner::find_user(const Provided& provided) {
    const std::string& manifest = record_.order.service.user;
    std::string name = manifest.empty() ? provided.user : manifest;
    if (name.empty()) {
        co_return std::optional<os::User>();
    }
    SHORE_CO_TRY(os::User user,
                 co_await context_.workers.run<os::User>(context_.loop, [name = std::move(name)] {
                     return os::find_user_blocking(name);
                 }));
    co_return std::optional(std::move(user));
}

Result<uint16_t> Runner::take_port(const Provided& provided) {
    const model::ServiceSpec& service = record_.order.service;
    if (provided.port != 0) {
        return context_.ports.take_fixed(
            provided.port,
            "give the engine another: down, then take the port out of its file in "
            "volumes/<stack>/.engines, and up");
    }
    if (service.fixed_port != 0) {
        return context_.ports.take_fixed(service.fixed_port,
                                         "let the app follow $PORT (x-shore.http.port fixes it)");
    }
    return context_.ports.take(record_.order.port_first, record_.order.port_last,
                               record_.instance.port);
}

async::Task<Result<std::unique_ptr<ShimLink>>> Runner::launch() {
    const model::ServiceSpec& service = record_.order.service;
    SHORE_CO_TRY(const LaunchPlace place, co_await launch_place());
    SHORE_CO_TRY(const std::optional<os::User> user, co_await find_user(place.provided));
    uint16_t& port = record_.instance.port;
    if (service.needs_port || service.fixed_port != 0) {
        SHORE_CO_TRY(port, take_port(place.provided));
        save();  // Before the shim starts: a daemon that adopts it must know the port.
    }
    LaunchNotes notes;
    // An app under another user must reach its files; nothing in these directories can be listed by
    // it.
    SHORE_CO_CHECK(os::make_directories(directory_, 0711));
    SHORE_CO_TRY(launch_,
                 prepare_launch(record_.order, port, place, context_.cgroups, user, notes));
    for (const std::string& note : notes) {
        tell_note(note);
    }
    prune_ended_logs(launch_->log_path, service.log.age_max, context_.loop.wall_now());
    co_return start_shim();
}

Result<std::unique_ptr<ShimLink>> Runner::start_shim() {
    SHORE_CHECK(os::write_file_atomically(directory_ + "/spec.json", to_json(*launch_), 0600,
                                          os::Durability::kVisible));
    SHORE_CHECK(os::remove_file(directory_ + "/status.json"));
    SHORE_TRY(const os::Fd listener, os::listen_unix(directory_, kShimSocketName, 0600));
    os::SpawnOptions options;
    options.argv = {context_.options.program, "shim", directory_};
    for (const auto& [name, value] : context_.options.environment) {
        options.environment.push_back(fmt::format("{}={}", name, value));
    }
    options.new_session = true;
    options.descriptors.push_back({listener.get(), kShimListenDescriptor});
    SHORE_TRY(shim_, os::Process::spawn(options));
    return ShimLink::connect(context_.loop, directory_);
}

async::Task<Runner::End> Runner::watch(std::unique_ptr<ShimLink> link) {
    process_scope_.emplace(context_.loop);
    link_ = link.get();
    status_ = {};
    running_noted_ = process_stopping_ = false;
    end_reason_.clear();
    lost_told_ = 0;
    health_.reset();
    if (stop_requested_) {
        begin_process_stop();
    }
    std::optional<End> end;
    while (!end) {
        auto status = co_await link->next();
        if (!status) {
            end = end_of_lost_shim();
            break;
        }
        status_ = std::move(*status);
        status_arrived_.pulse();
        note_lost_lines(status_);
        if (status_.phase == ShimPhase::kRunning && !running_noted_) {
            on_running(status_);
        } else if (status_.phase == ShimPhase::kExited || status_.phase == ShimPhase::kNotStarted) {
            end = end_of(status_);
        }
    }
    process_scope_.reset();
    link_ = nullptr;
    if (status_.phase == ShimPhase::kExited || status_.phase == ShimPhase::kNotStarted) {
        co_await release_shim(*link);
    } else {
        co_await kill_leftovers();
    }
    if (shim_) {
        if (!co_await async::wait_for_exit(context_.loop, shim_,
                                           async::Deadline::in(context_.loop, kLeaveTime))) {
            (void)shim_.send_signal(SIGKILL);
            (void)co_await async::wait_for_exit(context_.loop, shim_,
                                                async::Deadline::in(context_.loop, kLeaveTime));
        }
        shim_ = os::Process();
    }
    co_return std::move(*end);
}

async::Task<void> Runner::release_shim(ShimLink& link) {
    // Saved first: if the daemon dies after the shim has left, the end is known from the record.
    record_.instance.exit_code = status_.end.shell_code();
    save();
    co_await link.leave(async::Deadline::in(context_.loop, kLeaveTime));
}

void Runner::on_running(const ShimStatus& status) {
    running_noted_ = true;
    const bool was_serving = adopted_ && (record_.instance.state == InstanceState::kRunning ||
                                          record_.instance.state == InstanceState::kUnhealthy);
    record_.instance.pid = status.pid;
    record_.instance.started_at = status.started_at;
    if (stop_requested_) {
        save();
        return;
    }
    if (!was_serving) {
        set_state(InstanceState::kStarting, "");
    } else {
        save();
        context_.changed(record_.instance);
    }
    if (adopted_) {
        emit("instance.adopted", fmt::format("runs on as process {}", status.pid));
    } else {
        emit("instance.started",
             record_.instance.port == 0
                 ? fmt::format("process {}", status.pid)
                 : fmt::format("process {}, port {}", status.pid, record_.instance.port));
    }
    process_scope_->spawn(attend(adopted_));
}

async::Task<void> Runner::attend(bool adopted) {
    const model::ServiceSpec& service = record_.order.service;
    if (!adopted) {
        if (auto done = co_await run_hooks(service.post_start); !done) {
            emit("instance.hook_failed", "post_start: " + done.error().text());
            fail_process("post_start failed: " + done.error().text());
            co_return;
        }
    }
    if (service.health.probe != model::HealthProbe::kNone) {
        co_await watch_health();
    } else if (!process_stopping_ && record_.instance.state == InstanceState::kStarting) {
        set_state(InstanceState::kRunning, "");
    }
}

async::Task<Result<void>> Runner::run_hooks(std::vector<model::Hook> hooks) {
    for (const model::Hook& hook : hooks) {
        std::string output;
        const async::CommandOutput keep = [&output](async::OutputStream, std::string_view bytes) {
            output +=
                bytes.substr(0, kCommandOutputKept - std::min(kCommandOutputKept, output.size()));
        };
        const std::string name = base::join(hook.command, " ");
        SHORE_CO_TRY(os::SpawnOptions options, co_await hook_options(hook));
        auto end = co_await context_.commands.run(std::move(options), keep);
        if (!end) {
            co_return fail(std::move(end).error().with(name));
        }
        if (!end->success()) {
            co_return fail(ErrorCode::kUnavailable, "{}: {}{}{}", name, os::to_text(*end),
                           output.empty() ? "" : ": ",
                           base::printable(base::trim(output), kProbeMessageMax));
        }
    }
    co_return Result<void>();
}

async::Task<Result<os::SpawnOptions>> Runner::hook_options(model::Hook hook) {
    const auto environment = environment_of(*launch_);
    std::vector<std::string> argv;
    for (const std::string& argument : hook.command) {
        argv.push_back(expand(argument, environment));
    }
    os::SpawnOptions options = spawn_options(*launch_, std::move(argv));
    for (const auto& [name, value] : hook.environment) {
        std::erase_if(options.environment,
                      [&](const std::string& entry) { return entry.starts_with(name + "="); });
        options.environment.push_back(fmt::format("{}={}", name, expand(value, environment)));
    }
    if (!hook.working_dir.empty()) {
        options.working_directory = hook.working_dir;
    }
    if (!hook.user.empty()) {
        SHORE_CO_TRY(const os::User user,
                     co_await context_.workers.run<os::User>(context_.loop, [name = hook.user] {
                         return os::find_user_blocking(name);
                     }));
        options.user = user.uid;
        options.group = user.gid;
        options.groups.assign(user.groups.begin(), user.groups.end());
    }
    co_return options;
}

async::Task<void> Runner::watch_health() {
    const model::HealthCheck check =
        with_listen_timeout(record_.order.service.health, context_.options.listen_timeout);
    health_.emplace(check, context_.loop.now());
    Health before = Health::kStarting;
    const uint32_t attention = attention_;
    while (!process_stopping_ && attention == attention_) {
        ProbeResult result = co_await probe({.loop = context_.loop,
                                             .commands = context_.commands,
                                             .check = check,
                                             .launch = *launch_,
                                             .port = record_.instance.port,
                                             .engine_socket = engine_socket()});
        if (process_stopping_ || attention != attention_) {
            co_return;
        }
        const std::string message = result.message;
        const Health health = health_->record(std::move(result), context_.loop.now());
        if (health == Health::kHealthy && record_.instance.state != InstanceState::kRunning) {
            set_state(InstanceState::kRunning, "");
            emit("instance.healthy", message);
        } else if (health == Health::kUnhealthy && before != Health::kUnhealthy) {
            co_await on_unhealthy(message, check.start_period + check.interval * check.retries);
        }
        before = health;
        co_await async::sleep_for(context_.loop, health_->next_delay(context_.loop.now()));
    }
}

std::string Runner::engine_socket() const {
    const InstanceOrder& order = record_.order;
    if (!order.service.engine) {
        return {};
    }
    return model::engine_socket(
        model::engine_socket_directory(context_.options.run_directory, order.stack,
                                       order.service.engine->spec.service),
        order.id);
}

/// An instance whose probe failed for good is taken out of service, and replaced where its policy
/// restarts it.
async::Task<void> Runner::on_unhealthy(std::string why, Duration waited) {
    const model::ServiceSpec& service = record_.order.service;
    const bool never_opened = record_.instance.state == InstanceState::kStarting &&
                              record_.instance.port != 0 && !service.engine &&
                              !net::is_tcp_port_open(record_.instance.port);
    std::string reason = fmt::format("unhealthy: {}", why);
    if (never_opened && service.fixed_port != 0) {
        reason = fmt::format("did not listen on its port {} (x-shore.http.port) within {}",
                             record_.instance.port, base::to_text(waited));
    } else if (never_opened) {
        reason = fmt::format("did not listen on $PORT={} within {}; does the app read PORT?",
                             record_.instance.port, base::to_text(waited));
    }
    set_state(InstanceState::kUnhealthy, reason);
    co_await refresh_status();
    emit(never_opened ? "instance.port_not_opened" : "instance.unhealthy",
         reason + quote_last_lines());
    if (record_.order.service.restart.condition != model::RestartCondition::kNo) {
        fail_process(reason);
    }
}

/// Has the shim tell its status again, with the lines of output as they are now.
async::Task<void> Runner::refresh_status() {
    if (link_ != nullptr && link_->send({.verb = ShimVerb::kStatus})) {
        (void)co_await async::with_deadline(context_.loop,
                                            async::Deadline::in(context_.loop, kStatusTime),
                                            "the shim's status", wait_for(status_arrived_));
    }
}

void Runner::fail_process(std::string why) {
    end_reason_ = std::move(why);
    begin_process_stop();
}

void Runner::begin_process_stop() {
    if (process_stopping_) {
        return;
    }
    process_stopping_ = true;
    if (kill_requested_) {
        (void)link_->send({.verb = ShimVerb::kKill});
        return;
    }
    process_scope_->spawn(stop_process());
}

async::Task<void> Runner::stop_process() {
    const model::ServiceSpec& service = record_.order.service;
    if (!service.pre_stop.empty() && launch_) {
        // Hooks share the grace period's length, so that one that hangs cannot keep the instance
        // for ever.
        auto done = co_await async::with_deadline(
            context_.loop, async::Deadline::in(context_.loop, service.stop_grace_period),
            "pre_stop", run_hooks(service.pre_stop));
        if (!done) {
            emit("instance.hook_failed", "pre_stop: " + done.error().text());
        }
    }
    if (link_ != nullptr) {
        (void)link_->send({.verb = ShimVerb::kStop,
                           .signal = service.stop_signal,
                           .grace = service.stop_grace_period});
    }
}

/// Decides after an end. True: this instance's life is over. False: it is to be started again, its
/// delay has passed.
async::Task<bool> Runner::settle(End end) {
    model::Instance& instance = record_.instance;
    instance.pid = 0;
    instance.exit_code = end.exit_code;
    context_.ports.give_back(instance.port);
    if (stop_requested_) {
        co_await clean_up();
        set_state(InstanceState::kStopped, "");
        emit("instance.stopped", end.why.empty() ? "had no process" : end.why);
        co_return true;
    }
    const RestartDecision decision =
        tracker_.on_exit(end.success, end.lived, context_.loop.now(), context_.random);
    record_.quick_exits = tracker_.quick_exits();
    using Verdict = RestartDecision::Verdict;
    const Verdict verdict = end.permanent ? Verdict::kFailed : decision.verdict;
    if (verdict == Verdict::kCompleted) {
        co_await clean_up();
        set_state(InstanceState::kCompleted, "");
        emit("instance.completed", fmt::format("after {}", base::to_human(end.lived)));
        co_return true;
    }
    std::string reason = end.why;
    if (decision.attempts_used && !end.permanent) {
        reason = fmt::format("gave up after {} restarts: {}", decision.quick_exits - 1, end.why);
    } else if (decision.crash_loop && !end.permanent) {
        reason = fmt::format("crash loop: exited {} times in {}, last: {}", decision.quick_exits,
                             base::to_human(decision.quick_exits_over), end.why);
    }
    reason += quote_last_line();
    if (end.oom) {
        emit("instance.oom_killed", end.why + quote_last_lines());
    }
    if (verdict == Verdict::kFailed) {
        co_await clean_up();
        set_state(InstanceState::kFailed, reason);
        emit("instance.failed", reason + quote_last_lines());
        co_return true;
    }
    const std::string next = fmt::format("; starts again in {}", base::to_human(decision.delay));
    const bool loop_begins = decision.quick_exits == kCrashLoopExits;
    if (decision.crash_loop && loop_begins) {
        emit("instance.crash_loop", reason + next + quote_last_lines());
    } else if (!end.oom) {
        emit("instance.exited", end.why + next + quote_last_lines());
    }
    ++instance.restarts;
    set_state(InstanceState::kBackoff, reason);
    co_await wait_for_restart(decision.delay);
    co_return false;
}

async::Task<void> Runner::wait_for_restart(Duration delay) {
    (void)co_await async::with_deadline(context_.loop, async::Deadline::in(context_.loop, delay),
                                        "the restart", wait_for(wish_));
}

/// Leaves nothing behind but the record and the logs.
async::Task<void> Runner::clean_up() {
    if (launch_ && !launch_->cgroups.empty()) {
        const SteadyTime by = context_.loop.now() + kGoneTime;
        auto removed = os::cgroup_remove(launch_->cgroups);
        while (!removed && context_.loop.now() < by) {
            os::cgroup_kill(launch_->cgroups);
            co_await async::sleep_for(context_.loop, kGonePoll);
            removed = os::cgroup_remove(launch_->cgroups);
        }
        if (!removed) {
            emit("instance.cgroup_left", removed.error().text());
        }
    }
    for (const char* name : {"spec.json", "status.json", "shim.sock", "files"}) {
        (void)os::remove_tree(fmt::format("{}/{}", directory_, name));
    }
}

/// The shim is gone without a word, or does not answer. The kernel has killed the app's main
/// process; the rest of its session is killed here.
async::Task<void> Runner::kill_leftovers() {
    if (launch_) {
        os::cgroup_kill(launch_->cgroups);
    }
    if (status_.pid == 0 || status_.boot_id != os::boot_id()) {
        co_return;
    }
    const auto leader = os::process_stats(status_.pid);
    if (leader && leader->start_ticks != status_.start_ticks) {
        // The number belongs to somebody else; so no member of our session was left to hold it.
        co_return;
    }
    if (leader && leader->parent == status_.shim_pid) {
        os::signal_child(status_.shim_pid, SIGKILL);  // It lives, but does not answer.
    }
    const SteadyTime by = context_.loop.now() + kGoneTime;
    while (context_.loop.now() < by) {
        bool any = false;
        const auto processes = os::all_processes();
        for (const os::ProcessStats& process :
             processes ? *processes : std::vector<os::ProcessStats>{}) {
            if (process.session == status_.pid && process.state != 'Z') {
                any = true;
                os::signal_child(process.pid, SIGKILL);
            }
        }
        if (!any) {
            break;
        }
        co_await async::sleep_for(context_.loop, kGonePoll);
    }
}

}  // namespace shore::supervise
