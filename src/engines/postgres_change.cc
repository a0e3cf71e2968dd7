// Changes of a running PostgresServer: new settings, restarts with the clients held, and changing
// places with the primary.
#include <algorithm>
#include <csignal>

#include <unistd.h>

#include "async/deadline.h"
#include "base/strings.h"
#include "engines/limits.h"
#include "engines/postgres_roles.h"
#include "engines/postgres_server.h"
#include "net/port_probe.h"
#include "observe/log.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::Json;

namespace {

constexpr seconds kReloadLimit{10};
constexpr milliseconds kPause{20};
// A pool lets the transactions under way end first.
constexpr seconds kHoldLimit{15};
// A server that ends does not wait longer for others, at most twice; with the steps of its end that
// is below the grace period of 30 s.
constexpr seconds kAtStopLimit{2};
static_assert(2 * kAtStopLimit + kPostgresFastStop + kPostgresImmediateStop < seconds(30));
// The primary's fast shutdown and its checkpoint.
constexpr seconds kHandOverLimit{40};
// From the primary's end until the replica has its last record and says so to the disk; the old
// primary takes its role back after twice as long.
constexpr seconds kCatchUpLimit{10};
constexpr seconds kTakeBackAfter{20};
constexpr seconds kPromoteLimit{60};

Task<Result<int>> end_of(Child& child) {
    const os::ExitStatus status = co_await child.ended();
    co_return status.shell_code();
}

Task<Result<int>> done(Task<void> task) {
    co_await std::move(task);
    co_return 0;
}

}  // namespace

Task<void> PostgresServer::end_server() {
    ends_ = true;
    answers_ = false;
    if (!child_.running()) {
        co_return;
    }
    // The agent's own connections first: their end is no news for the log.
    own_ = std::make_shared<SqlSession>(admin_target());
    (void)child_.signal(SIGINT);
    const auto ended =
        co_await async::with_deadline(context_.loop, Deadline::in(context_.loop, kPostgresFastStop),
                                      "PostgreSQL's fast shutdown", end_of(child_));
    if (!ended) {
        context_.log.warning("PostgreSQL is shut down at once", {{"after", ended.error().text()}});
        co_await child_.stop(SIGQUIT, kPostgresImmediateStop);
    }
}

// "hold" and "release". A pool holds its clients for this process: until it releases them or ends.
Task<void> PostgresServer::tell_pools(std::string action) {
    const Json holder = Json::object().set("pid", int64_t{::getpid()});
    const std::vector<Member> members = co_await ask_members(context_.loop, assignment_);
    for (const Member& member : members) {
        if (member.part != model::EnginePart::kPgBouncer) {
            continue;
        }
        const auto held = co_await call_agent(context_.loop, member.socket, "POST",
                                              "/actions/" + action, holder, kHoldLimit);
        if (!held) {
            context_.log.warning("the pool did not " + action + " its clients",
                                 {{"error", held.error().text()}});
        }
    }
}

Task<void> PostgresServer::tell_pools_briefly(std::string action) {
    (void)co_await async::with_deadline(context_.loop, Deadline::in(context_.loop, kAtStopLimit),
                                        "telling the pool", done(tell_pools(action)));
}

Task<Result<void>> PostgresServer::restart() {
    stage_ = "restarting";
    co_await end_server();
    co_return co_await run_server();
}

Task<Result<void>> PostgresServer::restart_held() {
    const bool has_clients = role_ == Role::kPrimary;
    if (has_clients) {
        co_await tell_pools("hold");
    }
    auto restarted = co_await restart();
    if (has_clients) {
        co_await tell_pools("release");
    }
    co_return restarted;
}

// Writes the files of assignment_ and budget_, once the server has agreed to them.
Task<Result<void>> PostgresServer::change_files() {
    SHORE_CO_TRY(std::string config, co_await generate());
    SHORE_CO_CHECK(co_await check_config(config));
    co_return co_await write_files(std::move(config));
}

// True when a restart is needed for all of it.
Task<Result<bool>> PostgresServer::reload() {
    SHORE_CO_TRY(const SqlRows before, co_await ask("SELECT pg_conf_load_time()"));
    (void)child_.signal(SIGHUP);
    const Deadline deadline = Deadline::in(context_.loop, kReloadLimit);
    while (context_.loop.now() < deadline.at) {
        SHORE_CO_TRY(const SqlRows now,
                     co_await ask("SELECT pg_conf_load_time(), EXISTS (SELECT FROM pg_settings "
                                  "WHERE pending_restart)"));
        if (now.text(0, 0) != before.text(0, 0)) {
            co_return now.truth(0, 1);
        }
        co_await async::sleep_for(context_.loop, kPause);
    }
    co_return fail(ErrorCode::kTimeout, "PostgreSQL did not read its settings anew");
}

Task<Result<void>> PostgresServer::change(Assignment assignment) {
    const Turn::Held held = co_await turn_.take();
    if (!child_.running()) {
        co_return fail(ErrorCode::kConflict, "no server runs; the next start has the settings");
    }
    SHORE_CO_CHECK(check_postgres_settings(assignment.spec));
    SHORE_CO_TRY(model::PostgresBudget budget, model::plan_postgres(assignment.spec));
    if (role_ == Role::kStandby && is_heir(assignment.spec)) {
        SHORE_CO_CHECK(co_await promote_in_turn());
    }
    const Assignment before = std::exchange(assignment_, std::move(assignment));
    const model::PostgresBudget budget_before = std::exchange(budget_, budget);
    Result<void> applied = co_await change_files();
    bool restarts = false;
    if (applied) {
        auto pending = co_await reload();
        if (!pending) {
            applied = fail(pending.error());
        } else if (*pending) {
            restarts = true;
            applied = co_await restart_held();
        }
    }
    if (applied && role_ == Role::kPrimary) {
        applied = co_await settle_primary();
    }
    if (applied) {
        context_.log.info("new settings are in force", {{"restarted", restarts}});
        co_return Result<void>();
    }
    assignment_ = before;
    budget_ = budget_before;
    SHORE_CO_TRY(std::string config, co_await generate());
    SHORE_CO_CHECK(co_await write_files(std::move(config)));
    if (!child_.running()) {
        if (auto back = co_await run_server(); !back) {
            end_with(back.error().text());
        }
    } else {
        (void)co_await reload();
    }
    co_return applied;
}

Task<Result<void>> PostgresServer::check(model::EngineSpec spec) {
    const Turn::Held held = co_await turn_.take();
    if (!child_.running()) {
        co_return fail(ErrorCode::kUnavailable, "no server runs");
    }
    SHORE_CO_CHECK(check_postgres_settings(spec));
    SHORE_CO_TRY(const model::PostgresBudget budget, model::plan_postgres(spec));
    const std::vector<std::string> extensions = spec.postgres.extensions;
    Assignment assignment = assignment_;
    assignment.spec = std::move(spec);
    SHORE_CO_TRY(std::string config, co_await generate_for(std::move(assignment), budget));
    if (auto checked = co_await check_config(std::move(config)); !checked) {
        const std::string name = unknown_setting(checked.error().message());
        if (name.empty()) {
            co_return checked;
        }
        SHORE_CO_TRY(const std::vector<std::string> known,
                     co_await names("SELECT name FROM pg_catalog.pg_settings"));
        co_return fail(ErrorCode::kInvalid, "settings: PostgreSQL has no setting {}{}", name,
                       base::did_you_mean(name, known));
    }
    SHORE_CO_TRY(const std::vector<std::string> available,
                 co_await names("SELECT name FROM pg_catalog.pg_available_extensions"));
    co_return check_extensions(extensions, available);
}

Task<Result<std::vector<std::string>>> PostgresServer::names(std::string sql) {
    SHORE_CO_TRY(const SqlRows rows, co_await ask(std::move(sql)));
    std::vector<std::string> names;
    for (size_t row = 0; row < rows.size(); ++row) {
        names.emplace_back(rows.text(row, 0));
    }
    co_return names;
}

// --- changing places

// Nothing in `position`, and false, when the primary is dead.
Task<Result<bool>> PostgresServer::ask_to_hand_over(std::string& position) {
    const auto answer =
        co_await call_slot(context_.loop, assignment_, claim_.primary, "hand-over", kHandOverLimit);
    if (answer) {
        position = (*answer)["position"].text();
        co_return true;
    }
    const ErrorCode code = answer.error().code();
    const bool is_gone = code == ErrorCode::kNotFound || code == ErrorCode::kUnavailable;
    if (!is_gone || net::is_tcp_port_open(port_of_slot(claim_.primary))) {
        co_return fail(answer.error());
    }
    co_return false;
}

// A living primary hands over only to a replica that it feeds: no other could have its last record.
Task<Result<void>> PostgresServer::wait_until_fed() {
    const Deadline deadline = Deadline::in(context_.loop, kCatchUpLimit);
    while (net::is_tcp_port_open(port_of_slot(claim_.primary))) {
        const auto own = own_;
        SHORE_CO_TRY(probe_, co_await work<PostgresProbe>([own] { return probe_blocking(*own); }));
        if (probe_.is_streaming) {
            break;
        }
        if (context_.loop.now() >= deadline.at) {
            co_return fail(ErrorCode::kConflict,
                           "this replica is not fed by its primary: nothing was changed");
        }
        co_await async::sleep_for(context_.loop, kPause);
    }
    co_return Result<void>();
}

Task<Result<void>> PostgresServer::catch_up(std::string position) {
    const uint64_t wanted = parse_position(position);
    const Deadline deadline = Deadline::in(context_.loop, kCatchUpLimit);
    while (context_.loop.now() < deadline.at) {
        const auto own = own_;
        SHORE_CO_TRY(probe_, co_await work<PostgresProbe>([own] { return probe_blocking(*own); }));
        // What was replayed ends behind the record of the primary's last checkpoint.
        if (probe_.position_bytes > wanted) {
            co_return Result<void>();
        }
        co_await async::sleep_for(context_.loop, kPause);
    }
    co_return fail(ErrorCode::kTimeout,
                   "this replica has {} and lacks what the primary wrote up to {}: nothing was "
                   "changed",
                   probe_.position, position);
}

Task<Result<void>> PostgresServer::become_primary() {
    const Claim claim{.epoch = claim_.epoch + 1, .primary = assignment_.slot};
    const std::string directory = paths_.directory;
    SHORE_CO_CHECK(
        co_await work<void>([directory, claim] { return write_claim_blocking(directory, claim); }));
    claim_ = claim;
    SHORE_CO_CHECK(co_await ask(fmt::format("SELECT pg_promote(true, {})", kPromoteLimit.count())));
    role_ = Role::kPrimary;
    primary_.reset();
    SHORE_CO_CHECK(co_await change_files());
    SHORE_CO_CHECK(co_await reload());
    SHORE_CO_CHECK(co_await settle_primary());
    const auto own = own_;
    SHORE_CO_TRY(probe_, co_await work<PostgresProbe>([own] { return probe_blocking(*own); }));
    co_return Result<void>();
}

// True when the old primary lives and can follow.
Task<Result<bool>> PostgresServer::replace_primary() {
    SHORE_CO_CHECK(co_await wait_until_fed());
    std::string position;
    // From here on: whether it has answered is not known when this is cut short.
    has_asked_to_hand_over_ = true;
    SHORE_CO_TRY(const bool handed_over, co_await ask_to_hand_over(position));
    if (handed_over) {
        if (auto ready = co_await catch_up(position); !ready) {
            (void)co_await call_slot(context_.loop, assignment_, claim_.primary, "take-back",
                                     kHandOverLimit);
            co_return fail(ready.error());
        }
    } else {
        context_.log.warning("the primary is dead: this replica takes over with what it has",
                             {{"position", probe_.position}});
    }
    SHORE_CO_CHECK(co_await become_primary());
    co_return handed_over;
}

Task<Result<Json>> PostgresServer::promote() {
    const Turn::Held held = co_await turn_.take();
    co_return co_await promote_in_turn();
}

Task<Result<Json>> PostgresServer::promote_in_turn() {
    if (role_ != Role::kStandby || !answers_) {
        co_return fail(ErrorCode::kConflict, "{}",
                       role_ == Role::kPrimary ? "this server is the primary already"
                                               : "this replica does not answer");
    }
    const SteadyTime began = context_.loop.now();
    const uint32_t old = claim_.primary;
    is_promoting_ = true;
    has_asked_to_hand_over_ = false;
    stage_ = "being promoted";
    co_await tell_pools("hold");
    const auto old_lives = co_await replace_primary();
    is_promoting_ = false;
    stage_.clear();
    co_await tell_pools("release");
    SHORE_CO_CHECK(old_lives);
    const std::chrono::duration<double> took = context_.loop.now() - began;
    context_.log.info("promoted", {{"instead_of", old}, {"seconds", took.count()}});
    if (*old_lives) {
        const auto follows =
            co_await call_slot(context_.loop, assignment_, old, "follow", kHandOverLimit);
        if (!follows) {
            context_.log.warning("the old primary does not follow yet",
                                 {{"error", follows.error().text()}});
        }
    }
    co_return Json::object()
        .set("primary", assignment_.slot)
        .set("instead_of", old)
        .set("position", probe_.position)
        .set("took_seconds", took.count());
}

// One that was cut short. Before this server has claimed the role, the old primary keeps it: it
// goes on, or takes it back at once instead of in a while. After that the claim stands, and the
// next start completes it.
Task<void> PostgresServer::give_up_promotion() {
    if (!std::exchange(is_promoting_, false)) {
        co_return;
    }
    context_.log.warning("the promotion is given up: this server is stopping");
    if (has_asked_to_hand_over_ && claim_.primary != assignment_.slot) {
        (void)co_await call_slot(context_.loop, assignment_, claim_.primary, "take-back",
                                 kAtStopLimit);
    }
    co_await tell_pools_briefly("release");
}

// The other side: ends the server and says how far it came. Until somebody else claims the role, it
// is this server's, and it takes it back when nobody does.
Task<Result<Json>> PostgresServer::hand_over() {
    const Turn::Held held = co_await turn_.take();
    if (role_ != Role::kPrimary) {
        co_return fail(ErrorCode::kConflict, "this server is no primary");
    }
    context_.log.info("handing over: shutting down");
    stage_ = "handed over";
    has_handed_over_ = true;
    co_await end_server();
    SHORE_CO_TRY(const ControlFile file, co_await control_file());
    const std::string data = paths_.data;
    if (file.is_clean()) {
        SHORE_CO_CHECK(co_await work<void>([data] { return mark_standby_blocking(data); }));
    }
    changes_.spawn(take_back());
    co_return Json::object().set("position", file.checkpoint).set("clean", file.is_clean());
}

Task<void> PostgresServer::take_back() {
    co_await async::sleep_for(context_.loop, kTakeBackAfter);
    (void)co_await take_back_now();
}

// Nothing when it was not handed over, or somebody has taken over since.
Task<Result<Json>> PostgresServer::take_back_now() {
    const Turn::Held held = co_await turn_.take();
    if (has_handed_over_) {
        context_.log.warning("nobody took over");
        SHORE_CO_CHECK(co_await follow_in_turn());
    }
    co_return Json::object().set("role", role_ == Role::kPrimary ? "primary" : "replica");
}

// Whatever the newest claim says is done: follow the new primary, or be the primary again.
Task<Result<Json>> PostgresServer::follow() {
    const Turn::Held held = co_await turn_.take();
    co_return co_await follow_in_turn();
}

Task<Result<Json>> PostgresServer::follow_in_turn() {
    has_handed_over_ = false;
    co_await end_server();
    if (auto opened = co_await open(); !opened) {
        end_with(opened.error().text());
        co_return fail(opened.error());
    }
    co_return Json::object().set("role", role_ == Role::kPrimary ? "primary" : "replica");
}

}  // namespace shore::engines
