#include "engines/postgres_server.h"

#include <algorithm>
#include <csignal>

#include "async/deadline.h"
#include "engines/limits.h"
#include "engines/postgres_roles.h"
#include "engines/postgres_views.h"
#include "observe/log.h"

namespace shore::engines {

using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::Json;

namespace {

constexpr seconds kLookEvery{1};
constexpr seconds kAskLimit{10};
/// How often a primary looks for slots of replicas that are no more: they keep WAL.
constexpr uint64_t kLooksPerSweep = 30;
// A replica that is not fed for so long, while its primary answers, does not recover by itself: the
// walreceiver tries every five seconds.
constexpr seconds kMendAfter{15};

}  // namespace

PostgresServer::PostgresServer(const ServerContext& context, Assignment assignment)
    : context_(context),
      assignment_(std::move(assignment)),
      paths_(postgres_paths(assignment_.data_directory)),
      child_(context.loop, context.variables),
      ended_(context.loop),
      turn_(context.loop),
      scope_(context.loop),
      changes_(context.loop) {
}

PostgresServer::~PostgresServer() = default;

uint16_t PostgresServer::port_of_slot(uint32_t slot) const {
    const auto peers = peers_of(assignment_, model::EnginePart::kPostgres);
    const auto found = std::ranges::find(peers, slot, &Peer::slot);
    return found == peers.end() ? uint16_t{0} : found->port;
}

bool PostgresServer::is_heir(const model::EngineSpec& spec) const {
    return assignment_.slot == 1 &&
           claim_.primary > model::processes_of(spec, model::EnginePart::kPostgres);
}

SqlTarget PostgresServer::admin_target() const {
    return {.host = assignment_.socket_directory,
            .port = assignment_.port,
            .user = std::string(kAdminRole),
            .password = password_of(assignment_, kAdminUser)};
}

SqlTarget PostgresServer::primary_target() const {
    SqlTarget target = admin_target();
    target.port = port_of_slot(claim_.primary);
    return target;
}

Task<Result<SqlRows>> PostgresServer::ask(std::string sql) {
    const auto own = own_;
    if (!own) {
        co_return fail(ErrorCode::kUnavailable, "PostgreSQL does not run yet");
    }
    co_return co_await work<SqlRows>([own, sql] { return own->ask_blocking(sql, kAskLimit); });
}

Task<Result<void>> PostgresServer::start() {
    const Turn::Held held = co_await turn_.take();
    SHORE_CO_CHECK(co_await open());
    changes_.spawn(watch_server());
    co_return Result<void>();
}

Task<std::string> PostgresServer::ended() {
    co_await ended_.wait();
    co_return how_ended_;
}

void PostgresServer::end_with(std::string how) {
    if (!ended_.is_set()) {
        how_ended_ = std::move(how);
        ended_.set();
    }
}

Task<void> PostgresServer::stop() {
    stopping_ = true;
    stage_ = "stopping";
    changes_.stop();
    co_await give_up_promotion();
    if (role_ == Role::kPrimary && answers_) {
        // The end of this process lets them go on, once there is a primary.
        co_await tell_pools_briefly("hold");
    }
    co_await end_server();
}

Task<void> PostgresServer::watch_child() {
    const os::ExitStatus status = co_await child_.ended();
    answers_ = false;
    if (!ends_ && !turn_.is_taken()) {
        end_with(fmt::format("PostgreSQL has ended by itself ({})", os::to_text(status)));
    }
}

Task<Result<void>> PostgresServer::apply(Assignment assignment) {
    co_return co_await changes_.run(change(std::move(assignment)));
}

Task<void> PostgresServer::watch_server() {
    while (true) {
        co_await async::sleep_for(context_.loop, kLookEvery);
        // Who changes the server knows its state.
        if (!turn_.is_taken() && child_.running()) {
            co_await look();
        } else if (!turn_.is_taken() && !child_.running() && !ends_) {
            end_with("PostgreSQL has ended by itself");
        }
    }
}

Task<void> PostgresServer::look() {
    const auto own = own_;
    const auto probe = co_await work<PostgresProbe>([own] { return probe_blocking(*own); });
    if (turn_.is_taken() || !child_.running()) {
        co_return;
    }
    answers_ = probe.has_value();
    stage_ = probe ? std::string() : probe.error().text();
    if (!probe) {
        co_return;
    }
    probe_ = *probe;
    const Assignment assignment = assignment_;
    const auto claim =
        co_await work<Claim>([assignment] { return newest_claim_blocking(assignment); });
    if (turn_.is_taken()) {
        co_return;
    }
    if (claim && claim->epoch > claim_.epoch && claim->primary != claim_.primary) {
        context_.log.info("another server is the primary now", {{"server", claim->primary}});
        (void)co_await follow();
        co_return;
    }
    if (has_shared_groups(assignment.spec)) {
        if (const auto rows = co_await ask(callers_sql())) {
            note_callers(*rows, callers_);
        }
        if (turn_.is_taken()) {
            co_return;
        }
    }
    if (role_ == Role::kStandby) {
        co_await look_at_feed();
    } else if (++looks_ % kLooksPerSweep == 0) {
        // One that was still connected when the engine lost it.
        (void)co_await work<void>(
            [own, assignment] { return drop_stale_slots_blocking(*own, assignment); });
    }
}

// How far behind a replica is, by the primary's position; a primary that does not answer leaves the
// lag growing with the time since it was last fed.
Task<void> PostgresServer::look_at_feed() {
    const auto primary = primary_;
    const auto theirs =
        co_await work<PostgresProbe>([primary] { return probe_blocking(*primary); });
    if (turn_.is_taken()) {
        co_return;
    }
    if (probe_.is_streaming) {
        fed_at_ = context_.loop.now();
        mends_ = 0;
    }
    const std::chrono::duration<double> hungry = context_.loop.now() - fed_at_;
    lag_seconds_ = std::max(probe_.replay_age, hungry.count());
    if (theirs) {
        lag_bytes_ = theirs->position_bytes > probe_.position_bytes
                         ? theirs->position_bytes - probe_.position_bytes
                         : 0;
    }
    if (theirs && theirs->is_primary && hungry > kMendAfter) {
        co_await mend();
    }
}

Task<void> PostgresServer::mend() {
    const Turn::Held held = co_await turn_.take();
    context_.log.warning("this replica cannot follow its primary",
                         {{"seconds", lag_seconds_}, {"attempt", mends_ + 1}});
    co_await end_server();
    // The history may have parted: then it is rewound. If that was not it, its WAL is gone.
    const bool copies = mends_++ > 0;
    Result<void> mended = copies ? co_await make_standby_data() : co_await rejoin();
    if (mended) {
        mended = co_await run_server();
    }
    if (!mended && !stopping_) {
        end_with(mended.error().text());
    }
}

Health PostgresServer::health() const {
    if (!answers_ || !is_settled_ || !stage_.empty()) {
        return {.ready = answers_ && is_settled_, .detail = stage_.empty() ? "starting" : stage_};
    }
    if (role_ == Role::kPrimary) {
        return {.ready = true, .detail = "primary"};
    }
    return {.ready = true, .detail = fmt::format("replica, {:.1f} s behind", lag_seconds_)};
}

Member PostgresServer::member() const {
    return {.socket = {},
            .instance = assignment_.instance,
            .part = model::EnginePart::kPostgres,
            .slot = assignment_.slot,
            .ready = answers_ && is_settled_,
            .is_primary = role_ == Role::kPrimary && answers_ && is_settled_,
            .is_promoting = is_promoting_,
            .epoch = claim_.epoch,
            .lag_seconds = lag_seconds_,
            .port = assignment_.port,
            .pid = child_.running() ? child_.pid() : 0};
}

Task<Result<void>> PostgresServer::user_ready(std::string service) {
    const auto& users = assignment_.spec.users;
    const auto user = std::ranges::find(users, service, &model::EngineUser::service);
    if (user == users.end()) {
        co_return fail(ErrorCode::kNotFound, "service {} does not use this engine", service);
    }
    if (users_ready_.contains(service)) {
        co_return Result<void>();
    }
    if (!answers_ || turn_.is_taken()) {
        co_return fail(ErrorCode::kUnavailable, "PostgreSQL: {}", health().detail);
    }
    const SqlTarget target = admin_target();
    const std::string role = role_name(service);
    const std::string password = password_of(assignment_, service);
    const std::string database = user->database;
    SHORE_CO_CHECK(co_await work<void>([target, role, password, database] {
        return try_login_blocking(target, role, password, database);
    }));
    users_ready_.insert(service);
    co_return Result<void>();
}

// Who asks during a restart waits for its end instead of being told of it.
Task<void> PostgresServer::end_of_change() {
    if (!answers_ && is_settled_ && turn_.is_taken()) {
        const Turn::Held held = co_await turn_.take();
    }
}

Task<Result<Json>> PostgresServer::status() {
    const Health now = health();
    Json json = Json::object()
                    .set("part", to_string(model::EnginePart::kPostgres))
                    .set("instance", assignment_.instance)
                    .set("slot", assignment_.slot)
                    .set("role", role_ == Role::kPrimary ? "primary" : "replica")
                    .set("ready", now.ready)
                    .set("detail", now.detail)
                    .set("port", uint32_t{assignment_.port})
                    .set("epoch", claim_.epoch);
    if (role_ == Role::kStandby) {
        json.set("streaming", probe_.is_streaming)
            .set("lag_seconds", lag_seconds_)
            .set("behind_bytes", lag_bytes_);
    }
    if (!answers_) {
        co_return json;
    }
    const auto own = own_;
    co_return co_await work<Json>([own, json] { return with_status_blocking(*own, json); });
}

Task<Result<Json>> PostgresServer::view(std::string name) {
    if (name == "member") {
        co_return to_json(member());
    }
    if (!is_postgres_view(name)) {
        co_return unknown_postgres_view(name);
    }
    co_await end_of_change();
    if (!answers_) {
        co_return fail(ErrorCode::kUnavailable, "PostgreSQL: {}", health().detail);
    }
    const auto own = own_;
    const PostgresViewInput input{
        .target = admin_target(), .spec = assignment_.spec, .callers = callers_};
    co_return co_await work<Json>(
        [own, input, name] { return postgres_view_blocking(*own, input, name); });
}

Task<Result<Json>> PostgresServer::act(std::string name, Json) {
    co_return co_await changes_.run(carry_out(std::move(name)));
}

Task<Result<Json>> PostgresServer::carry_out(std::string name) {
    if (name == "promote") {
        co_return co_await promote();
    }
    if (name == "hand-over") {
        co_return co_await hand_over();
    }
    if (name == "follow") {
        co_return co_await follow();
    }
    if (name == "take-back") {
        co_return co_await take_back_now();
    }
    if (name == "restart") {
        const Turn::Held held = co_await turn_.take();
        if (auto restarted = co_await restart_held(); !restarted) {
            end_with(restarted.error().text());
            co_return fail(restarted.error());
        }
        co_return Json::object().set("restarted", true);
    }
    if (name == "reload") {
        const Turn::Held held = co_await turn_.take();
        SHORE_CO_CHECK(co_await change_files());
        SHORE_CO_TRY(const bool pending, co_await reload());
        co_return Json::object().set("restart_needed", pending);
    }
    co_return fail(ErrorCode::kNotFound, "PostgreSQL has no action {}: promote, restart, reload",
                   name);
}

Task<std::string> PostgresServer::metrics() {
    PostgresGauges gauges{.is_up = answers_,
                          .is_primary = role_ == Role::kPrimary,
                          .is_streaming = probe_.is_streaming,
                          .lag_seconds = lag_seconds_,
                          .lag_bytes = lag_bytes_};
    const auto own = answers_ ? own_ : nullptr;
    auto text = co_await work<std::string>([own, gauges] -> Result<std::string> {
        return postgres_metrics_blocking(own.get(), gauges);
    });
    co_return text.value_or(std::string());
}

}  // namespace shore::engines
