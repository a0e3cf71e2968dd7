#include "engines/pgbouncer_server.h"

#include <algorithm>
#include <csignal>

#include <sys/resource.h>

#include "async/deadline.h"
#include "base/strings.h"
#include "engines/limits.h"
#include "engines/pgbouncer_views.h"
#include "engines/postgres_config.h"
#include "net/port_probe.h"
#include "observe/log.h"
#include "os/file.h"
#include "os/random.h"
#include "os/user.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;
using wire::Json;

namespace {

constexpr milliseconds kPause{20};
constexpr seconds kStartLimit{15};
constexpr seconds kSafeStop{5};
constexpr size_t kConsolePasswordBytes = 16;
// Descriptors besides clients and servers: log, epoll, sockets, DNS.
constexpr uint64_t kDescriptorsBesides = 64;

/// A client is a descriptor, and so is a server connection.
Result<void> raise_descriptors(const model::PoolOptions& pool) {
    const uint64_t needed = uint64_t{pool.clients} + pool.size + kDescriptorsBesides;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < needed) {
        return fail(ErrorCode::kExhausted,
                    "pool.clients {} needs {} open files, the limit is {}: raise it (ulimits, or "
                    "LimitNOFILE of the system service) or lower pool.clients",
                    pool.clients, needed, limit.rlim_max);
    }
    return {};
}

}  // namespace

PgBouncerServer::PgBouncerServer(const ServerContext& context, Assignment assignment)
    : context_(context),
      assignment_(std::move(assignment)),
      config_path_(assignment_.data_directory + "/pgbouncer.ini"),
      users_path_(assignment_.data_directory + "/users.txt"),
      console_password_(os::random_hex(kConsolePasswordBytes)),
      child_(context.loop, context.variables),
      gate_(context.loop, assignment_.socket_directory + "/p"),
      ended_(context.loop),
      turn_(context.loop),
      primary_scope_(context.loop),
      scope_(context.loop) {
    const SqlTarget console = {.host = assignment_.socket_directory,
                               .port = assignment_.port,
                               .user = std::string(kConsoleRole),
                               .password = console_password_,
                               .database = "pgbouncer"};
    console_ = std::make_shared<SqlSession>(console);
    control_ = std::make_shared<SqlSession>(console);
}

PgBouncerServer::~PgBouncerServer() = default;

Task<Result<void>> PgBouncerServer::start() {
    {
        const Turn::Held held = co_await turn_.take();
        SHORE_CO_CHECK(co_await open());
    }
    SHORE_CO_CHECK(co_await settle_pause());
    scope_.spawn(watch_members());
    context_.log.info("PgBouncer answers", {{"port", uint32_t{assignment_.port}}});
    co_return Result<void>();
}

Task<Result<void>> PgBouncerServer::open() {
    if (os::effective_user() == 0) {
        co_return fail(ErrorCode::kPermission,
                       "PgBouncer does not run as root: start the agent as an ordinary user "
                       "(Debian's is postgres)");
    }
    SHORE_CO_TRY(program_, find_program(context_.variables, "pgbouncer", {"/usr/sbin", "/usr/bin"},
                                        "pgbouncer"));
    SHORE_CO_TRY(shares_, model::plan_pool(assignment_.spec));
    SHORE_CO_CHECK(raise_descriptors(assignment_.spec.pool));
    if (net::is_tcp_port_open(assignment_.port)) {
        co_return fail(ErrorCode::kConflict,
                       "port {} of 127.0.0.1, which is this pool's, is taken by another program: "
                       "end that (ss -ltnp 'sport = :{}')",
                       assignment_.port, assignment_.port);
    }
    SHORE_CO_CHECK(gate_.start());
    servers_.primary = gate_.directory();
    (void)take_members(co_await ask_members(context_.loop, assignment_));
    co_await learn_verifiers();
    SHORE_CO_CHECK(co_await write_files());
    SHORE_CO_CHECK(child_.start({program_, config_path_}, assignment_.data_directory, SIGTERM));
    scope_.spawn(watch_child());
    co_return co_await wait_until_answers();
}

Task<Result<void>> PgBouncerServer::wait_until_answers() {
    const Deadline deadline = Deadline::in(context_.loop, kStartLimit);
    while (child_.running()) {
        const auto rows = co_await console("SHOW VERSION", kPgBouncerAskTime);
        if (rows) {
            answers_ = true;
            co_return Result<void>();
        }
        if (context_.loop.now() > deadline.at) {
            co_return fail(rows.error());
        }
        co_await async::sleep_for(context_.loop, kPause);
    }
    const os::ExitStatus status = co_await child_.ended();
    co_return fail(ErrorCode::kUnavailable,
                   "PgBouncer ended while it started ({}); its own words stand above in this log",
                   os::to_text(status));
}

Task<std::string> PgBouncerServer::ended() {
    co_await ended_.wait();
    co_return how_ended_;
}

Task<void> PgBouncerServer::watch_child() {
    const os::ExitStatus status = co_await child_.ended();
    answers_ = false;
    how_ended_ = fmt::format("PgBouncer has ended by itself ({})", os::to_text(status));
    ended_.set();
}

Task<void> PgBouncerServer::stop() {
    stopping_ = true;
    if (!child_.running()) {
        co_return;
    }
    // Lets the transactions under way end.
    (void)child_.signal(SIGINT);
    (void)co_await async::pulsed(context_.loop, ended_, Deadline::in(context_.loop, kSafeStop));
    co_await child_.stop(SIGTERM, kSafeStop);
}

Task<Result<SqlRows>> PgBouncerServer::console(std::string command, milliseconds limit) {
    const auto console = console_;
    co_return co_await context_.workers.run<SqlRows>(
        context_.loop, [console, command, limit] { return console->ask_blocking(command, limit); });
}

Task<Result<void>> PgBouncerServer::apply(Assignment assignment) {
    const Turn::Held held = co_await turn_.take();
    SHORE_CO_TRY(std::vector<model::PoolShare> shares, model::plan_pool(assignment.spec));
    SHORE_CO_CHECK(raise_descriptors(assignment.spec.pool));
    assignment_ = std::move(assignment);
    shares_ = std::move(shares);
    co_await learn_verifiers();
    co_return co_await reload();
}

Task<Result<void>> PgBouncerServer::check(model::EngineSpec spec) {
    SHORE_CO_CHECK(model::plan_pool(spec));
    co_return raise_descriptors(spec.pool);
}

Health PgBouncerServer::health() const {
    if (!answers_) {
        return {.ready = false, .detail = "starting"};
    }
    if (!had_primary_) {
        return {.ready = false, .detail = "waiting for PostgreSQL"};
    }
    return {.ready = true,
            .detail = is_paused_ ? "clients are held"
                      : primary_ ? "pool"
                                 : "clients wait for the primary"};
}

Task<Result<void>> PgBouncerServer::user_ready(std::string service) {
    const auto& users = assignment_.spec.users;
    if (std::ranges::find(users, service, &model::EngineUser::service) == users.end()) {
        co_return fail(ErrorCode::kNotFound, "service {} does not use this engine", service);
    }
    if (!answers_ || !had_primary_) {
        co_return fail(ErrorCode::kUnavailable, "the pool: {}", health().detail);
    }
    co_return Result<void>();
}

Task<Result<Json>> PgBouncerServer::status() {
    const Health now = health();
    Json readers = Json::array();
    for (const uint32_t slot : reader_slots_) {
        readers.push(slot);
    }
    Json json = Json::object()
                    .set("part", to_string(model::EnginePart::kPgBouncer))
                    .set("instance", assignment_.instance)
                    .set("slot", assignment_.slot)
                    .set("role", "pool")
                    .set("ready", now.ready)
                    .set("detail", now.detail)
                    .set("port", uint32_t{assignment_.port})
                    .set("primary", primary_ ? Json(primary_->slot) : Json())
                    .set("readers", std::move(readers))
                    .set("paused", is_paused_)
                    .set("primary_socket_kept", gate_.is_tight())
                    .set("size", assignment_.spec.pool.size)
                    .set("clients_max", assignment_.spec.pool.clients);
    if (!answers_) {
        co_return json;
    }
    const auto console = console_;
    SHORE_CO_TRY(const PoolCounts counts,
                 co_await context_.workers.run<PoolCounts>(
                     context_.loop, [console] { return pool_counts_blocking(*console); }));
    json.set("clients", Json::object()
                            .set("active", counts.clients_active)
                            .set("waiting", counts.clients_waiting))
        .set("servers",
             Json::object().set("active", counts.servers_active).set("idle", counts.servers_idle))
        .set("wait_seconds", counts.wait_max);
    co_return json;
}

Task<Result<Json>> PgBouncerServer::view(std::string name) {
    if (name == "member") {
        co_return to_json(Member{.socket = {},
                                 .instance = assignment_.instance,
                                 .part = model::EnginePart::kPgBouncer,
                                 .slot = assignment_.slot,
                                 .ready = answers_,
                                 .port = assignment_.port,
                                 .pid = child_.running() ? child_.pid() : 0});
    }
    if (!is_pgbouncer_view(name)) {
        co_return unknown_pgbouncer_view(name);
    }
    if (!answers_) {
        co_return fail(ErrorCode::kUnavailable, "the pool: {}", health().detail);
    }
    const std::string note = paused_by_person_ ? "Paused: clients wait until `shore pool resume`."
                             : is_paused_      ? "Clients are held while a server changes."
                             : !primary_       ? "There is no primary: clients wait for it."
                                               : "";
    const auto console = console_;
    co_return co_await context_.workers.run<Json>(context_.loop, [console, name, note] {
        return pgbouncer_view_blocking(*console, name, note);
    });
}

Task<Result<Json>> PgBouncerServer::act(std::string name, Json arguments) {
    if (!answers_) {
        co_return fail(ErrorCode::kUnavailable, "the pool: {}", health().detail);
    }
    if (name == "kill") {
        co_return co_await kill(std::string(arguments["database"].text()));
    }
    if (name == "reload") {
        const Turn::Held held = co_await turn_.take();
        SHORE_CO_CHECK(co_await reload());
        co_return Json::object().set("reloaded", true);
    }
    const auto holder = static_cast<pid_t>(arguments["pid"].integer());
    if (name == "pause" || name == "resume") {
        paused_by_person_ = name == "pause";
    } else if (name == "hold") {
        SHORE_CO_CHECK(add_hold(holder));
    } else if (name == "release") {
        holds_.erase(holder);
    } else {
        co_return fail(ErrorCode::kNotFound,
                       "the pool has no action {}: pause, resume, reload, kill", name);
    }
    if (name == "release" || name == "resume") {
        // The server may be another one now.
        co_await take_news(co_await ask_members(context_.loop, assignment_));
    }
    SHORE_CO_CHECK(co_await settle_pause());
    co_return Json::object().set("paused", is_paused_);
}

Task<Result<Json>> PgBouncerServer::kill(std::string database) {
    const Turn::Held held = co_await turn_.take();
    if (std::ranges::find(shares_, database, &model::PoolShare::entry) == shares_.end()) {
        co_return fail(ErrorCode::kNotFound, "the pool has no database {}",
                       base::printable(database));
    }
    SHORE_CO_CHECK(co_await console(fmt::format("KILL {}", sql_name(database)), kPgBouncerAskTime));
    SHORE_CO_CHECK(
        co_await console(fmt::format("RESUME {}", sql_name(database)), kPgBouncerAskTime));
    co_return Json::object().set("killed", database);
}

Task<std::string> PgBouncerServer::metrics() {
    const auto console = answers_ ? console_ : nullptr;
    const PgBouncerGauges gauges{
        .is_paused = is_paused_, .keeps_socket = gate_.is_tight(), .passed_on = gate_.passing()};
    const auto text = co_await context_.workers.run<std::string>(
        context_.loop, [console, gauges]() -> Result<std::string> {
            return pgbouncer_metrics_blocking(console.get(), gauges);
        });
    co_return text.value_or(std::string());
}

}  // namespace shore::engines
