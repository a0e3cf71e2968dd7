#include "engines/pgbouncer_server.h"

#include <algorithm>
#include <array>
#include <csignal>

#include <sys/resource.h>
#include <unistd.h>

#include "async/deadline.h"
#include "async/process_watch.h"
#include "base/strings.h"
#include "engines/limits.h"
#include "engines/pgbouncer_logins.h"
#include "engines/pgbouncer_views.h"
#include "engines/postgres_config.h"
#include "net/address.h"
#include "net/port_probe.h"
#include "observe/log.h"
#include "os/directory.h"
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

constexpr milliseconds kLookEvery{500};
constexpr milliseconds kPause{20};
constexpr seconds kStartLimit{15};
constexpr seconds kConsoleLimit{5};
// Transactions under way end in that time, or are ended by the server's shutdown.
constexpr seconds kPauseLimit{10};
// PAUSE answers when they have ended. It counts when it is sent; its answer is not waited for, so
// that it can be taken back meanwhile.
constexpr milliseconds kPauseAnswer{100};
// Logins take milliseconds.
constexpr milliseconds kLoginsLimit{500};
constexpr milliseconds kLoginsLook{2};
// The longest change of a server, with room; an agent that is stuck holds nobody for ever.
constexpr seconds kHoldLimit{120};
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

/// The directory in which a replica's socket is called as all replicas' are.
Result<std::string> reader_directory_blocking(const Assignment& assignment, const Peer& peer) {
    const std::string directory = fmt::format("{}/r{}", assignment.socket_directory, peer.slot);
    SHORE_CHECK(os::make_directories(directory, 0700));
    const std::string link = fmt::format("{}/.s.PGSQL.{}", directory, kLinkedPort);
    const std::string target = fmt::format("../.s.PGSQL.{}", peer.port);
    std::array<char, 64> found{};
    const ssize_t length = ::readlink(link.c_str(), found.data(), found.size());
    if (length > 0 && std::string_view(found.data(), static_cast<size_t>(length)) == target) {
        return directory;
    }
    SHORE_CHECK(os::remove_file(link));
    if (::symlink(target.c_str(), link.c_str()) < 0) {
        return fail(os::last_error("make the link " + link));
    }
    return directory;
}

/// A copy of the descriptor by which `pid` listens on `path`. kPermission where the kernel does not
/// let processes of one user look into each other.
Result<os::Fd> copy_listening_socket_blocking(int pid, const std::string& path) {
    SHORE_TRY(const os::Process process, os::Process::open(pid));
    SHORE_TRY(const std::vector<std::string> numbers,
              os::list_directory(fmt::format("/proc/{}/fd", pid)));
    for (const std::string& number : numbers) {
        SHORE_TRY(os::Fd copy, process.copy_descriptor(std::atoi(number.c_str())));
        const auto address = net::Address::local_of(copy.get());
        if (address && address->is_unix() && address->path() == path) {
            return copy;
        }
    }
    return fail(ErrorCode::kNotFound, "process {} does not listen on {}", pid, path);
}

Result<std::map<std::string, std::string>> ask_verifiers_blocking(const SqlTarget& target,
                                                                  const Assignment& assignment) {
    SHORE_TRY(SqlClient client, SqlClient::connect_blocking(target, kConsoleLimit));
    std::map<std::string, std::string> verifiers;
    for (const model::EngineUser& user : assignment.spec.users) {
        const std::string role = role_name(user.service);
        SHORE_TRY(const SqlRows rows,
                  client.run_blocking(
                      fmt::format("SELECT phash FROM shore.user_lookup({})", sql_text(role)),
                      kConsoleLimit));
        if (!rows.is_null(0, 0)) {
            verifiers.emplace(role, rows.text(0, 0));
        }
    }
    return verifiers;
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
    SHORE_CO_TRY(shares_, plan_pool(assignment_.spec));
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
        const auto rows = co_await console("SHOW VERSION", kConsoleLimit);
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

// --- who the servers are

bool PgBouncerServer::take_members(const std::vector<Member>& members) {
    const Member* primary = nullptr;
    for (const Member& member : members) {
        if (member.part == model::EnginePart::kPostgres && member.is_primary && member.ready &&
            (primary == nullptr || member.epoch > primary->epoch)) {
            primary = &member;
        }
    }
    const PoolServers before = servers_;
    const std::chrono::duration<double> lag_max = assignment_.spec.postgres.lag_max;
    servers_.readers.clear();
    reader_slots_.clear();
    for (const Member& member : members) {
        if (member.part != model::EnginePart::kPostgres || member.is_primary || !member.ready ||
            member.lag_seconds > lag_max.count()) {
            continue;
        }
        const auto directory = reader_directory_blocking(
            assignment_, {.part = member.part, .slot = member.slot, .port = member.port});
        if (directory) {
            servers_.readers.push_back(*directory);
            reader_slots_.push_back(member.slot);
            watch_reader(member.pid);
        }
    }
    const bool is_new = primary != nullptr && (!primary_ || primary_->pid != primary->pid);
    primary_ = primary != nullptr ? std::optional(*primary) : std::nullopt;
    if (auto led = lead_to_primary(); !led) {
        // It may have died since it was asked.
        context_.log.warning("the primary cannot be followed", {{"error", led.error().text()}});
        primary_.reset();
    }
    had_primary_ = had_primary_ || primary_;
    return servers_ != before || (is_new && primary_);
}

void PgBouncerServer::watch_reader(pid_t pid) {
    if (watched_readers_.contains(pid)) {
        return;
    }
    if (auto process = os::Process::open(pid)) {
        watched_readers_.insert(pid);
        primary_scope_.spawn(look_after_end(std::move(*process)));
    }
}

Task<void> PgBouncerServer::look_after_end(os::Process process) {
    async::ProcessWatch watch(context_.loop);
    if (watch.start(process)) {
        (void)co_await watch.ended();
        watched_readers_.erase(process.pid());
        co_await look();
    }
}

Result<void> PgBouncerServer::lead_to_primary() {
    if (!primary_) {
        // It may live, and refuse: recovering, or handed over.
        return gate_.is_open() ? gate_.shut() : Result<void>();
    }
    clients_fail_ = false;
    if (primary_->pid == watched_pid_) {
        return gate_.is_open() ? Result<void>() : gate_.open(primary_socket(primary_->port));
    }
    SHORE_TRY(os::Process process, os::Process::open(primary_->pid));
    gate_.keep_none();
    SHORE_CHECK(gate_.open(primary_socket(primary_->port)));
    watched_pid_ = primary_->pid;
    primary_scope_.spawn(hold_socket(watched_pid_, primary_->port));
    primary_scope_.spawn(watch_primary(std::move(process)));
    return {};
}

// A dead primary is noticed at once, not at the next look.
Task<void> PgBouncerServer::watch_primary(os::Process process) {
    async::ProcessWatch watch(context_.loop);
    if (!watch.start(process)) {
        co_return;
    }
    (void)co_await watch.ended();
    if (watched_pid_ != process.pid()) {
        co_return;
    }
    context_.log.warning("the primary has ended: clients wait");
    watched_pid_ = 0;
    primary_.reset();
    Result<void> shut = gate_.shut();
    if (shut) {
        shut = gate_.serve_kept();
    }
    if (!shut) {
        context_.log.error("the way to the primary cannot be shut", shut.error());
        gate_.keep_none();
    }
    co_await look_at_logins();
    (void)co_await settle_pause();
}

// A server refuses logins before it ends when it was not its first process that crashed.
Task<void> PgBouncerServer::look_at_logins() {
    if (primary_ || is_paused_ || !had_primary_) {
        co_return;
    }
    const SqlTarget pool = {.host = assignment_.socket_directory, .port = assignment_.port};
    const auto console = console_;
    const Assignment assignment = assignment_;
    const auto fails = co_await context_.workers.run<bool>(
        context_.loop, [console, pool, assignment]() -> Result<bool> {
            return fails_clients_blocking(*console, pool, assignment);
        });
    clients_fail_ = !primary_ && fails.value_or(true);
}

std::string PgBouncerServer::primary_socket(uint16_t port) const {
    return fmt::format("{}/.s.PGSQL.{}", assignment_.socket_directory, port);
}

Task<void> PgBouncerServer::hold_socket(int pid, uint16_t port) {
    const std::string path = primary_socket(port);
    auto copy = co_await context_.workers.run<os::Fd>(
        context_.loop, [pid, path] { return copy_listening_socket_blocking(pid, path); });
    if (!copy) {
        context_.log.warning(
            "the primary's socket cannot be kept: should it crash, clients that ask in that moment "
            "may get an error",
            {{"error", copy.error().text()}});
        co_return;
    }
    if (watched_pid_ == pid) {
        gate_.keep(std::move(*copy));
    } else if (watched_pid_ == 0) {
        gate_.keep(std::move(*copy));
        (void)gate_.serve_kept();
    }
}

// The services' roles as the server stores them: with these they log in here while it is away.
Task<void> PgBouncerServer::learn_verifiers() {
    // Until there is an answer the old ones count: look() asks again.
    knows_verifiers_ = false;
    if (!primary_) {
        co_return;
    }
    const SqlTarget target = {.host = assignment_.socket_directory,
                              .port = primary_->port,
                              .user = std::string(kPoolRole),
                              .password = password_of(assignment_, kPoolUser),
                              .database = assignment_.spec.postgres.database};
    const Assignment assignment = assignment_;
    auto verifiers = co_await context_.workers.run<std::map<std::string, std::string>>(
        context_.loop, [target, assignment] { return ask_verifiers_blocking(target, assignment); });
    if (verifiers) {
        verifiers_ = std::move(*verifiers);
        knows_verifiers_ =
            std::ranges::all_of(assignment_.spec.users, [this](const model::EngineUser& user) {
                return verifiers_.contains(role_name(user.service));
            });
    } else {
        context_.log.warning("the roles' verifiers cannot be read",
                             {{"error", verifiers.error().text()}});
    }
}

Task<Result<void>> PgBouncerServer::write_files() {
    std::map<std::string, std::string> users = verifiers_;
    users.emplace(kPoolRole, password_of(assignment_, kPoolUser));
    users.emplace(kConsoleRole, console_password_);
    const std::string users_text = users_file_text(users);
    const std::string config = pgbouncer_ini({.assignment = assignment_,
                                              .shares = shares_,
                                              .servers = servers_,
                                              .users_file = users_path_});
    const std::string users_path = users_path_;
    const std::string config_path = config_path_;
    co_return co_await context_.workers.run<void>(context_.loop, [=]() -> Result<void> {
        SHORE_CHECK(os::write_file_atomically(users_path, users_text, 0600));
        return os::write_file_atomically(config_path, config, 0600);
    });
}

Task<Result<void>> PgBouncerServer::reload() {
    SHORE_CO_CHECK(co_await write_files());
    SHORE_CO_CHECK(co_await console("RELOAD", kConsoleLimit));
    co_return Result<void>();
}

Task<void> PgBouncerServer::watch_members() {
    while (true) {
        co_await async::sleep_for(context_.loop, kLookEvery);
        co_await look();
    }
}

Task<void> PgBouncerServer::look() {
    const std::vector<Member> members = co_await ask_members(context_.loop, assignment_);
    co_await take_news(members);
    co_await look_at_logins();
    // An agent that was killed while it held the clients holds them no longer.
    const SteadyTime now = context_.loop.now();
    std::erase_if(holds_, [now](const auto& entry) {
        return entry.second.holder.has_ended() || now >= entry.second.until;
    });
    (void)co_await settle_pause();
}

Task<void> PgBouncerServer::take_news(std::vector<Member> members) {
    const Turn::Held held = co_await turn_.take();
    if (take_members(members)) {
        co_await learn_verifiers();
        if (auto reloaded = co_await reload(); !reloaded) {
            context_.log.warning("the pool did not read its settings anew",
                                 {{"error", reloaded.error().text()}});
        }
    }
    if (primary_ && !knows_verifiers_) {
        co_await learn_verifiers();
        (void)co_await reload();
    }
}

// --- holding clients

bool PgBouncerServer::wants_pause() const {
    if (paused_by_person_ || !holds_.empty()) {
        return true;
    }
    // Who is not paused waits at the gate. Who is stays so: PAUSE may have broken off a login.
    return !primary_ && (is_paused_ || clients_fail_ || !gate_.is_tight());
}

Task<Result<void>> PgBouncerServer::settle_pause() {
    while (wants_pause() != is_paused_ && !stopping_) {
        const Result<void> done = wants_pause() ? co_await pause() : co_await resume();
        if (!done) {
            context_.log.warning("the pool's clients are not as wanted",
                                 {{"error", done.error().text()}});
            co_return done;
        }
    }
    co_return Result<void>();
}

Task<Result<void>> PgBouncerServer::pause() {
    is_paused_ = true;
    const auto control = control_;
    co_await wait_for_logins();
    const auto answered = co_await context_.workers.run<SqlRows>(
        context_.loop, [control] { return control->ask_blocking("PAUSE", kPauseAnswer); });
    if (answered || answered.error().text().contains("already")) {
        co_return Result<void>();
    }
    if (answered.error().code() != ErrorCode::kTimeout) {
        co_return fail(answered.error());
    }
    const Deadline deadline = Deadline::in(context_.loop, kPauseLimit);
    // Nobody has a transaction at a server that is dead.
    while (wants_pause() && primary_ && !stopping_ && context_.loop.now() < deadline.at) {
        const auto console = console_;
        const auto counts = co_await context_.workers.run<PoolCounts>(
            context_.loop, [console] { return pool_counts_blocking(*console); });
        if (!counts || counts->servers_active == 0) {
            break;
        }
        co_await async::sleep_for(context_.loop, kPause);
    }
    co_return Result<void>();
}

// PAUSE breaks off logins, and clients that ask after RESUME would be told of it.
Task<void> PgBouncerServer::wait_for_logins() {
    const Deadline deadline = Deadline::in(context_.loop, kLoginsLimit);
    while (primary_ && !stopping_ && context_.loop.now() < deadline.at) {
        const auto console = console_;
        const auto counts = co_await context_.workers.run<PoolCounts>(
            context_.loop, [console] { return pool_counts_blocking(*console); });
        if (!counts || counts->servers_login == 0) {
            co_return;
        }
        co_await async::sleep_for(context_.loop, kLoginsLook);
    }
}

Task<Result<void>> PgBouncerServer::resume() {
    is_paused_ = false;
    const auto control = control_;
    const auto answered = co_await context_.workers.run<SqlRows>(
        context_.loop, [control] { return control->ask_blocking("RESUME", kConsoleLimit); });
    if (answered || answered.error().text().contains("not paused")) {
        co_return Result<void>();
    }
    co_return fail(answered.error());
}

Result<void> PgBouncerServer::add_hold(pid_t pid) {
    SHORE_TRY(os::Process holder, os::Process::open(pid));
    holds_.insert_or_assign(
        pid, Hold{.holder = std::move(holder), .until = context_.loop.now() + kHoldLimit});
    return {};
}

// --- what the agent asks

Task<Result<void>> PgBouncerServer::apply(Assignment assignment) {
    const Turn::Held held = co_await turn_.take();
    SHORE_CO_TRY(std::vector<PoolShare> shares, plan_pool(assignment.spec));
    SHORE_CO_CHECK(raise_descriptors(assignment.spec.pool));
    assignment_ = std::move(assignment);
    shares_ = std::move(shares);
    co_await learn_verifiers();
    co_return co_await reload();
}

Task<Result<void>> PgBouncerServer::check(model::EngineSpec spec) {
    SHORE_CO_CHECK(plan_pool(spec));
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
    if (std::ranges::find(shares_, database, &PoolShare::entry) == shares_.end()) {
        co_return fail(ErrorCode::kNotFound, "the pool has no database {}",
                       base::printable(database));
    }
    SHORE_CO_CHECK(co_await console(fmt::format("KILL {}", sql_name(database)), kConsoleLimit));
    SHORE_CO_CHECK(co_await console(fmt::format("RESUME {}", sql_name(database)), kConsoleLimit));
    co_return Json::object().set("killed", database);
}

Task<std::string> PgBouncerServer::metrics() {
    const auto console = answers_ ? console_ : nullptr;
    const PgBouncerGauges gauges{.is_paused = is_paused_, .passed_on = gate_.passing()};
    const auto text = co_await context_.workers.run<std::string>(
        context_.loop, [console, gauges]() -> Result<std::string> {
            return pgbouncer_metrics_blocking(console.get(), gauges);
        });
    co_return text.value_or(std::string());
}

}  // namespace shore::engines
