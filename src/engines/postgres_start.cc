// The start of a PostgresServer: its role, its data, its files, the process, and what follows when
// it answers.
#include <algorithm>
#include <csignal>

#include <fcntl.h>

#include "async/deadline.h"
#include "async/process_watch.h"
#include "base/strings.h"
#include "engines/limits.h"
#include "engines/postgres_roles.h"
#include "engines/postgres_server.h"
#include "net/port_probe.h"
#include "observe/log.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/user.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::string_view kBin = "/usr/lib/postgresql/15/bin";
constexpr std::string_view kPackage = "postgresql-15";

constexpr seconds kInitLimit{120};
constexpr seconds kCheckLimit{20};
// A copy takes as long as its size takes; one that does not move is ended by wal_sender_timeout.
constexpr seconds kCopyLimit{24 * 3600};
constexpr milliseconds kAnswerLimit{2000};
// Between two looks at a server that starts: the second grows to the last, so that a long recovery
// does not fill the log with refused connections.
constexpr milliseconds kPauseFirst{20};
constexpr milliseconds kPauseLast{500};

}  // namespace

Result<void> PostgresServer::find_programs() {
    const auto find = [this](std::string_view name) {
        return find_program(context_.variables, name, {std::string(kBin)}, kPackage);
    };
    SHORE_TRY(programs_.postgres, find("postgres"));
    SHORE_TRY(programs_.initdb, find("initdb"));
    SHORE_TRY(programs_.basebackup, find("pg_basebackup"));
    SHORE_TRY(programs_.rewind, find("pg_rewind"));
    SHORE_TRY(programs_.controldata, find("pg_controldata"));
    programs_.has_statements =
        os::file_exists(fmt::format("{}/../lib/pg_stat_statements.so", kBin));
    return {};
}

Task<Result<std::string>> PostgresServer::run(std::vector<std::string> argv, seconds limit) {
    return run_to_end(context_.loop, context_.variables, std::move(argv), paths_.directory, limit);
}

Task<Result<void>> PostgresServer::open() {
    is_settled_ = false;
    if (os::effective_user() == 0) {
        co_return fail(ErrorCode::kPermission,
                       "PostgreSQL does not run as root: start the agent as an ordinary user "
                       "(Debian's is postgres)");
    }
    SHORE_CO_CHECK(find_programs());
    SHORE_CO_CHECK(check_postgres_settings(assignment_.spec));
    SHORE_CO_TRY(budget_, model::plan_postgres(assignment_.spec));
    SHORE_CO_CHECK(co_await end_orphan());
    const PostgresPaths paths = paths_;
    SHORE_CO_CHECK(co_await work<void>([paths] { return check_disk_blocking(paths); }));
    SHORE_CO_CHECK(co_await take_role());
    SHORE_CO_TRY(std::string config, co_await generate());
    SHORE_CO_CHECK(co_await check_config(config));
    SHORE_CO_CHECK(co_await write_files(std::move(config)));
    if (net::is_tcp_port_open(assignment_.port)) {
        co_return fail(ErrorCode::kConflict,
                       "port {} of 127.0.0.1, which is this engine's, is taken by another program: "
                       "end that (ss -ltnp 'sport = :{}')",
                       assignment_.port, assignment_.port);
    }
    SHORE_CO_CHECK(co_await run_server());
    if (role_ == Role::kPrimary) {
        SHORE_CO_CHECK(co_await settle_primary());
    } else {
        const auto own = own_;
        SHORE_CO_CHECK(co_await work<void>([own] { return drop_all_slots_blocking(*own); }));
    }
    is_settled_ = true;
    if (role_ == Role::kPrimary) {
        co_await tell_pools("release");
    }
    co_return Result<void>();
}

// A server whose agent was killed: it gets its orderly end first, the data is then this agent's.
Task<Result<void>> PostgresServer::end_orphan() {
    const PostgresPaths paths = paths_;
    SHORE_CO_TRY(const std::optional<pid_t> pid, co_await work<std::optional<pid_t>>([paths] {
                     return running_postmaster_blocking(paths);
                 }));
    if (!pid) {
        co_return co_await end_leftovers();
    }
    auto orphan = os::Process::open(*pid);
    if (!orphan) {
        co_return Result<void>();
    }
    stage_ = "ending the server of an agent that is gone";
    context_.log.warning(stage_, {{"pid", *pid}});
    async::ProcessWatch watch(context_.loop);
    SHORE_CO_CHECK(watch.start(*orphan));
    for (const auto& [number, grace] :
         {std::pair(SIGINT, kPostgresFastStop), std::pair(SIGQUIT, kPostgresImmediateStop)}) {
        (void)orphan->send_signal(number);
        if (co_await watch.ended(Deadline::in(context_.loop, grace))) {
            co_return Result<void>();
        }
    }
    co_return fail(ErrorCode::kConflict,
                   "PostgreSQL (pid {}) runs on {} already and does not end: end it, then start "
                   "again",
                   *pid, paths_.data);
}

// They end by themselves once they notice, but one that runs a long statement does not notice.
Task<Result<void>> PostgresServer::end_leftovers() {
    const PostgresPaths paths = paths_;
    SHORE_CO_TRY(const std::vector<pid_t> pids,
                 co_await work<std::vector<pid_t>>([paths]() -> Result<std::vector<pid_t>> {
                     return leftover_processes_blocking(paths);
                 }));
    for (const pid_t pid : pids) {
        auto process = os::Process::open(pid);
        if (!process) {
            continue;
        }
        async::ProcessWatch watch(context_.loop);
        SHORE_CO_CHECK(watch.start(*process));
        // As its first process would have told it.
        (void)process->send_signal(SIGQUIT);
        if (!co_await watch.ended(Deadline::in(context_.loop, kPostgresImmediateStop))) {
            co_return fail(ErrorCode::kConflict,
                           "process {} of a server that was killed still works on {} and does not "
                           "end: end it, then start again",
                           pid, paths_.data);
        }
    }
    co_return Result<void>();
}

Task<Result<void>> PostgresServer::take_role() {
    const PostgresPaths paths = paths_;
    const Assignment assignment = assignment_;
    SHORE_CO_TRY(const DataState state,
                 co_await work<DataState>([paths] { return inspect_data_blocking(paths); }));
    if (state == DataState::kStandby) {
        co_await wait_for_promotions();
    }
    SHORE_CO_TRY(claim_,
                 co_await work<Claim>([assignment] { return newest_claim_blocking(assignment); }));
    if (is_heir(assignment_.spec) && state != DataState::kNone) {
        // The engine has fewer servers than before, and the primary was one of those that went.
        claim_ = {.epoch = claim_.epoch + 1, .primary = assignment_.slot};
        const Claim claim = claim_;
        SHORE_CO_CHECK(co_await work<void>(
            [paths, claim] { return write_claim_blocking(paths.directory, claim); }));
    }
    role_ = claim_.primary == assignment_.slot ? Role::kPrimary : Role::kStandby;
    own_ = std::make_shared<SqlSession>(admin_target());
    primary_ = role_ == Role::kStandby ? std::make_shared<SqlSession>(primary_target()) : nullptr;
    SHORE_CO_CHECK(co_await work<void>([paths, assignment] {
        // For pg_basebackup, pg_rewind and the server itself as a replica.
        return os::write_file_atomically(
            paths.passfile,
            passfile_line(kReplicationRole, password_of(assignment, kReplicationUser)) +
                passfile_line(kAdminRole, password_of(assignment, kAdminUser)),
            0600);
    }));
    co_return co_await make_data(state);
}

// A server that handed over and was started anew must not take its role back while the one that it
// was handed to is still on its way.
Task<void> PostgresServer::wait_for_promotions() {
    while (!stopping_) {
        const std::vector<Member> members = co_await ask_members(context_.loop, assignment_);
        if (!std::ranges::any_of(members, &Member::is_promoting)) {
            co_return;
        }
        stage_ = "waiting for the end of a promotion";
        co_await async::sleep_for(context_.loop, kPauseLast);
    }
}

Task<Result<void>> PostgresServer::make_data(DataState state) {
    const PostgresPaths paths = paths_;
    if (role_ == Role::kPrimary) {
        if (state == DataState::kNone) {
            co_return co_await make_primary_data();
        }
        if (state == DataState::kStandby) {
            // It had handed over, or was about to be promoted, and the claim has not changed.
            co_return co_await work<void>([paths] { return mark_primary_blocking(paths); });
        }
        co_return Result<void>();
    }
    if (state == DataState::kNone) {
        co_return co_await make_standby_data();
    }
    if (state == DataState::kPrimary) {
        co_return co_await rejoin();
    }
    co_return Result<void>();
}

Task<Result<void>> PostgresServer::make_primary_data() {
    const PostgresPaths paths = paths_;
    const Assignment assignment = assignment_;
    SHORE_CO_TRY(
        const std::vector<uint32_t> others,
        co_await work<std::vector<uint32_t>>([assignment] -> Result<std::vector<uint32_t>> {
            return other_slots_with_data_blocking(assignment);
        }));
    if (!others.empty()) {
        co_return fail(ErrorCode::kConflict,
                       "the primary's data in {} is gone, but server {} has a copy: shore db "
                       "promote {} makes that the primary",
                       paths_.data, others.front(), others.front());
    }
    stage_ = "making the data directory";
    context_.log.info(stage_, {{"directory", paths_.data}});
    const std::string password_file = paths_.directory + "/initdb.pass";
    SHORE_CO_CHECK(co_await work<void>([password_file, assignment] {
        return os::write_file_atomically(password_file, password_of(assignment, kAdminUser) + "\n",
                                         0600);
    }));
    const auto made =
        co_await run({programs_.initdb, "--pgdata=" + paths_.staging,
                      fmt::format("--username={}", kAdminRole), "--pwfile=" + password_file,
                      "--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--data-checksums",
                      // The order of texts must not change with an upgrade of the system's locales:
                      // it would corrupt indexes.
                      "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"},
                     kInitLimit);
    SHORE_CO_CHECK(co_await work<void>([password_file] { return os::remove_file(password_file); }));
    if (!made) {
        co_return fail(made.error());
    }
    co_return co_await work<void>([paths] { return install_staging_blocking(paths); });
}

// Until the primary can be copied from. Errors are what it waits for: they end by themselves.
Task<Result<void>> PostgresServer::wait_for_primary() {
    stage_ = fmt::format("waiting for the primary (server {})", claim_.primary);
    context_.log.info(stage_);
    while (!stopping_) {
        const auto primary = primary_;
        const Assignment assignment = assignment_;
        const SqlTarget target = primary_target();
        const auto made = co_await work<void>([primary, target, assignment]() -> Result<void> {
            SHORE_CHECK(make_slot_blocking(*primary, assignment.slot));
            // At its first start it answers before its roles are settled.
            return try_login_blocking(target, kReplicationRole,
                                      password_of(assignment, kReplicationUser), target.database);
        });
        if (made) {
            co_return Result<void>();
        }
        co_await async::sleep_for(context_.loop, kPauseLast);
    }
    co_return fail(ErrorCode::kStopped, "stopped while waiting for the primary");
}

Task<Result<void>> PostgresServer::make_standby_data() {
    const PostgresPaths paths = paths_;
    SHORE_CO_CHECK(co_await wait_for_primary());
    stage_ = fmt::format("copying the primary (server {})", claim_.primary);
    context_.log.info(stage_);
    SHORE_CO_CHECK(co_await work<void>([paths] { return os::remove_tree(paths.staging); }));
    SHORE_CO_CHECK(co_await run(basebackup_arguments(programs_.basebackup, assignment_, paths_,
                                                     port_of_slot(claim_.primary)),
                                kCopyLimit));
    co_return co_await work<void>([paths]() -> Result<void> {
        // Before it becomes the data directory: it must never start as a primary.
        SHORE_CHECK(mark_standby_blocking(paths.staging));
        return install_staging_blocking(paths);
    });
}

// Data that was a primary's, or that cannot follow: taken back to where it left the primary's
// history; copied anew when that cannot be done.
Task<Result<void>> PostgresServer::rejoin() {
    SHORE_CO_CHECK(co_await wait_for_primary());
    stage_ = "rejoining the primary's history";
    context_.log.info(stage_);
    SHORE_CO_TRY(std::string config, co_await generate());
    SHORE_CO_CHECK(co_await write_files(std::move(config)));
    // pg_rewind reads the primary's control file, which names the timeline of a promotion only
    // after the next checkpoint.
    const auto primary = primary_;
    SHORE_CO_CHECK(co_await work<SqlRows>(
        [primary] { return primary->ask_blocking("CHECKPOINT", kInitLimit); }));
    const auto rewound = co_await run(
        rewind_arguments(programs_.rewind, assignment_, paths_, port_of_slot(claim_.primary)),
        kCopyLimit);
    if (rewound) {
        const std::string data = paths_.data;
        co_return co_await work<void>([data] { return mark_standby_blocking(data); });
    }
    context_.log.warning("this data cannot be rewound; it is copied anew",
                         {{"error", rewound.error().text()}});
    SHORE_CO_TRY(const ControlFile own, co_await control_file());
    SHORE_CO_TRY(const SqlRows theirs, co_await work<SqlRows>([primary] {
                     return primary->ask_blocking(
                         "SELECT system_identifier FROM pg_control_system()", kAnswerLimit);
                 }));
    if (own.system != theirs.text(0, 0)) {
        co_return fail(ErrorCode::kConflict,
                       "{} is no copy of the primary's data (its system identifier is {}, the "
                       "primary's {}): move it away; nothing in it was touched",
                       paths_.data, own.system, theirs.text(0, 0));
    }
    co_return co_await make_standby_data();
}

Task<Result<ControlFile>> PostgresServer::control_file() {
    SHORE_CO_TRY(const std::string text,
                 co_await run({programs_.controldata, paths_.data}, kCheckLimit));
    co_return parse_control_file(text);
}

Task<Result<std::string>> PostgresServer::generate() {
    return generate_for(assignment_, budget_);
}

Task<Result<std::string>> PostgresServer::generate_for(Assignment assignment,
                                                       model::PostgresBudget budget) {
    PostgresConfigInput input{.assignment = assignment,
                              .budget = budget,
                              .has_statements = programs_.has_statements,
                              .hba_file = paths_.hba,
                              .ident_file = paths_.ident,
                              .passfile = paths_.passfile};
    if (role_ == Role::kStandby) {
        input.primary_port = port_of_slot(claim_.primary);
        SHORE_CO_TRY(const ControlFile file, co_await control_file());
        input.connections_at_least = file.connections;
    }
    co_return postgresql_conf(input);
}

// The server itself judges names and values, before anything depends on them.
Task<Result<void>> PostgresServer::check_config(std::string text) {
    const std::string candidate = paths_.config + ".new";
    SHORE_CO_CHECK(co_await work<void>(
        [candidate, text] { return os::write_file_atomically(candidate, text, 0600); }));
    const auto checked = co_await run({programs_.postgres, "-D", paths_.data,
                                       "--config-file=" + candidate, "-C", "max_connections"},
                                      kCheckLimit);
    SHORE_CO_CHECK(co_await work<void>([candidate] { return os::remove_file(candidate); }));
    if (!checked) {
        co_return fail(ErrorCode::kInvalid, "settings: {}",
                       words_about_settings(checked.error().message()));
    }
    co_return Result<void>();
}

Task<Result<void>> PostgresServer::write_files(std::string config) {
    const PostgresPaths paths = paths_;
    co_return co_await work<void>([paths, config]() -> Result<void> {
        SHORE_CHECK(os::write_file_atomically(paths.hba, pg_hba_conf(), 0600));
        SHORE_CHECK(os::write_file_atomically(paths.ident, "# Written by Shore.\n", 0600));
        return os::write_file_atomically(paths.config, config, 0600);
    });
}

Task<Result<void>> PostgresServer::run_server() {
    if (stopping_) {
        co_return fail(ErrorCode::kStopped, "the agent is stopping");
    }
    ends_ = false;
    answers_ = false;
    stage_ = "starting";
    // A pool may hold a dead server's socket: who asks it is never answered. Its lock file names a
    // process that may be another one by now; that no server has this data was looked at before.
    const std::string socket =
        fmt::format("{}/.s.PGSQL.{}", assignment_.socket_directory, assignment_.port);
    SHORE_CO_CHECK(os::remove_file(socket));
    SHORE_CO_CHECK(os::remove_file(socket + ".lock"));
    // When the agent dies its server ends in order: SIGINT is PostgreSQL's fast shutdown.
    SHORE_CO_CHECK(
        child_.start({programs_.postgres, "-D", paths_.data, "--config-file=" + paths_.config},
                     paths_.directory, SIGINT));
    scope_.spawn(watch_child());
    auto answered = co_await wait_until_answers();
    if (!answered && answered.error().code() == ErrorCode::kPermission) {
        SHORE_CO_CHECK(co_await repair_admin());
        co_return co_await run_server();
    }
    if (!answered) {
        co_return answered;
    }
    answers_ = true;
    fed_at_ = context_.loop.now();
    stage_.clear();
    context_.log.info("PostgreSQL answers",
                      {{"role", role_ == Role::kPrimary ? "primary" : "replica"},
                       {"port", uint32_t{assignment_.port}}});
    co_return Result<void>();
}

Task<Result<void>> PostgresServer::wait_until_answers() {
    milliseconds pause = kPauseFirst;
    while (child_.running()) {
        const auto own = own_;
        const auto probe = co_await work<PostgresProbe>([own] { return probe_blocking(*own); });
        if (probe) {
            probe_ = *probe;
            co_return Result<void>();
        }
        const ErrorCode code = probe.error().code();
        if (code == ErrorCode::kPermission && role_ == Role::kPrimary) {
            co_return fail(probe.error());
        }
        const std::string text = probe.error().text();
        if (text.contains("starting up") || text.contains("not yet accepting")) {
            stage_ = "recovering";
        }
        co_await async::sleep_for(context_.loop, pause);
        pause = std::min(pause * 2, kPauseLast);
    }
    const os::ExitStatus status = co_await child_.ended();
    co_return fail(ErrorCode::kUnavailable,
                   "PostgreSQL ended while it started ({}); its own words stand above in this log",
                   os::to_text(status));
}

// The superuser's role is missing or has another password: the data comes from elsewhere, or the
// password is new. In single-user mode nobody logs in, so it can be set.
Task<Result<void>> PostgresServer::repair_admin() {
    stage_ = "taking over the superuser";
    context_.log.warning("the data directory does not know Shore's superuser: its role is made");
    co_await end_server();
    const std::string statements = fmt::format(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {0}) THEN CREATE ROLE "
        "{1}; END IF; END $$;\nALTER ROLE {1} SUPERUSER LOGIN PASSWORD {2};\n",
        sql_text(kAdminRole), sql_name(kAdminRole), sql_text(password_of(assignment_, kAdminUser)));
    const std::string path = paths_.directory + "/repair.sql";
    SHORE_CO_CHECK(co_await work<void>(
        [path, statements] { return os::write_file_atomically(path, statements, 0600); }));
    const os::Fd input(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!input) {
        co_return fail(os::last_error("open " + path));
    }
    SHORE_CO_CHECK(co_await work<void>([path] { return os::remove_file(path); }));
    os::SpawnOptions options;
    options.argv = {
        programs_.postgres, "--single", "-D", paths_.data, "--config-file=" + paths_.config,
        "postgres"};
    for (const auto& [name, value] : context_.variables) {
        options.environment.push_back(fmt::format("{}={}", name, value));
    }
    options.working_directory = paths_.directory;
    options.standard_input = input.get();
    options.standard_error = os::SpawnOptions::kInherit;
    options.parent_death_signal = SIGTERM;
    SHORE_CO_TRY(os::Process process, os::Process::spawn(options));
    SHORE_CO_TRY(const os::ExitStatus status,
                 co_await async::wait_for_exit(context_.loop, process,
                                               Deadline::in(context_.loop, kInitLimit)));
    if (!status.success()) {
        co_return fail(ErrorCode::kUnavailable, "the superuser's role could not be made: {}",
                       os::to_text(status));
    }
    co_return Result<void>();
}

Task<Result<void>> PostgresServer::settle_primary() {
    stage_ = "settling roles and databases";
    const SqlTarget admin = admin_target();
    const Assignment assignment = assignment_;
    const auto own = own_;
    SHORE_CO_CHECK(co_await work<void>([admin, assignment, own]() -> Result<void> {
        SHORE_CHECK(reconcile_roles_blocking(admin, assignment));
        SHORE_CHECK(make_all_slots_blocking(*own, assignment));
        return drop_stale_slots_blocking(*own, assignment);
    }));
    users_ready_.clear();
    stage_.clear();
    co_return Result<void>();
}

}  // namespace shore::engines
