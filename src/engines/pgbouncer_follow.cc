// Where the servers of a PgBouncerServer are, and when its clients are held.
#include <algorithm>
#include <array>

#include <unistd.h>

#include "async/process_watch.h"
#include "base/strings.h"
#include "engines/limits.h"
#include "engines/pgbouncer_logins.h"
#include "engines/pgbouncer_server.h"
#include "engines/pgbouncer_socket.h"
#include "engines/pgbouncer_views.h"
#include "engines/postgres_config.h"
#include "observe/log.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr milliseconds kLookEvery{500};
constexpr milliseconds kPause{20};
// Transactions under way end in that time, or are ended by the server's shutdown.
constexpr seconds kPauseLimit{10};
// PAUSE answers when they have ended. It counts when it is sent; its answer is not waited for, so
// that it can be taken back meanwhile.
constexpr milliseconds kPauseAnswer{100};
// Logins take milliseconds.
constexpr milliseconds kLoginsLimit{500};
constexpr milliseconds kLoginsLook{2};
// After the primary's loss, and after its process's end: then every login that it could refuse is
// answered. Who asks is a client that waits, of whose end PgBouncer learns when there is a server.
constexpr seconds kLoginsWatched{3};
// The longest change of a server, with room; an agent that is stuck holds nobody for ever.
constexpr seconds kHoldLimit{120};

/// The directory in which a replica's socket is called as all replicas' are.
Result<std::string> reader_directory_blocking(const Assignment& assignment, const Peer& peer) {
    std::string directory = fmt::format("{}/r{}", assignment.socket_directory, peer.slot);
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

Result<std::map<std::string, std::string>> ask_verifiers_blocking(const SqlTarget& target,
                                                                  const Assignment& assignment) {
    SHORE_TRY(SqlClient client, SqlClient::connect_blocking(target, kPgBouncerAskTime));
    std::map<std::string, std::string> verifiers;
    for (const model::EngineUser& user : assignment.spec.users) {
        const std::string role = role_name(user.service);
        SHORE_TRY(const SqlRows rows,
                  client.run_blocking(
                      fmt::format("SELECT phash FROM shore.user_lookup({})", sql_text(role)),
                      kPgBouncerAskTime));
        if (!rows.is_null(0, 0)) {
            verifiers.emplace(role, rows.text(0, 0));
        }
    }
    return verifiers;
}

}  // namespace

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
    const bool had_one = primary_.has_value();
    primary_ = primary != nullptr ? std::optional(*primary) : std::nullopt;
    if (auto led = lead_to_primary(); !led) {
        // It may have died since it was asked.
        context_.log.warning("the primary cannot be followed", {{"error", led.error().text()}});
        primary_.reset();
    }
    if (had_one && !primary_) {
        lost_at_ = context_.loop.now();
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
    lost_at_ = context_.loop.now();
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
    if (primary_ || is_paused_ || !had_primary_ ||
        context_.loop.now() > lost_at_ + kLoginsWatched) {
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
    auto copy = co_await context_.workers.run<os::Fd>(context_.loop, [pid, path] {
        return copy_listening_socket_blocking(pid, path, &os::Process::copy_descriptor);
    });
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
    SHORE_CO_CHECK(co_await console("RELOAD", kPgBouncerAskTime));
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
        context_.loop, [control] { return control->ask_blocking("RESUME", kPgBouncerAskTime); });
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

}  // namespace shore::engines
