#include "engines/redis_server.h"

#include <algorithm>
#include <csignal>

#include <unistd.h>

#include "async/timer.h"
#include "engines/limits.h"
#include "engines/redis_failover.h"
#include "engines/redis_loss.h"
#include "engines/redis_tls.h"
#include "engines/redis_turn.h"
#include "engines/redis_views.h"
#include "observe/log.h"
#include "os/file.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using model::EnginePart;
using wire::Json;
using wire::RespValue;

namespace {

constexpr mode_t kSecretMode = 0600;

std::string record_path(const Assignment& assignment) {
    return assignment.data_directory + "/shore-replication.json";
}

/// Where an agent that is starting tells the others what it has.
std::string announcement_path(const Assignment& assignment, uint32_t slot) {
    return fmt::format("{}/redis-{}.json", assignment.socket_directory, slot);
}

bool data_exists(const std::string& directory) {
    return os::file_exists(directory + "/dump.rdb") ||
           os::file_exists(directory + "/appendonlydir");
}

/// What a process that is starting too says of itself; nothing when it is gone.
std::optional<RedisRecord> read_announcement(const Assignment& assignment, uint32_t slot) {
    const auto text = os::read_file(announcement_path(assignment, slot), Bytes::kib(4));
    if (!text) {
        return std::nullopt;
    }
    const auto json = Json::parse(*text);
    if (!json) {
        return std::nullopt;
    }
    const auto pid = static_cast<pid_t>((*json)["pid"].integer());
    if (pid <= 0 || ::kill(pid, 0) != 0) {
        return std::nullopt;
    }
    return parse_redis_record((*json)["record"].dump());
}

}  // namespace

RedisServer::RedisServer(const ServerContext& context, Assignment assignment)
    : context_(context),
      assignment_(std::move(assignment)),
      child_(context.loop, context.variables),
      ended_(context.loop),
      look_now_(context.loop),
      promotion_(context.loop, context.log, assignment_, [this] { look_now_.pulse(); }),
      scope_(context.loop) {
}

// -- Start ----------------------------------------------------------------------------------------

Task<Result<void>> RedisServer::start() {
    SHORE_CO_TRY(program_,
                 find_program(context_.variables, "redis-server", {"/usr/bin"}, "redis-server"));
    has_data_ = data_exists(assignment_.data_directory);
    if (const auto text = os::read_file(record_path(assignment_), Bytes::kib(4))) {
        record_ = parse_redis_record(*text);
        epoch_ = record_.epoch;
    }
    announce(record_);
    SHORE_CO_TRY(const uint16_t primary_port, co_await decide());
    SHORE_CO_CHECK(co_await run(primary_port));
    if (is_replicated(assignment_)) {
        promotion_.start();
    }
    if (primary_port != 0) {
        co_await follow();
    }
    scope_.spawn(watch_child());
    scope_.spawn(watch_server());
    co_return Result<void>();
}

/// Waits until it is in step with its primary, if that is there: who starts after this one, or
/// restarts next, shall find it so.
Task<void> RedisServer::follow() {
    const SteadyTime last = context_.loop.now() + kReplicaLinkWait;
    while (!replication_.primary && !replication_.link_up && context_.loop.now() < last &&
           child_.running()) {
        co_await async::sleep_for(context_.loop, kRedisStartInterval);
        co_await look();
    }
}

/// The primary's port; 0 when this is it.
Task<Result<uint16_t>> RedisServer::decide() {
    if (!is_replicated(assignment_)) {
        co_return uint16_t{0};
    }
    const SteadyTime begun = context_.loop.now();
    SteadyTime asked{};
    while (true) {
        RoleQuestion question = co_await look_around();
        question.waited = context_.loop.now() - begun;
        const RoleAnswer answer = decide_role(question);
        doing_ = answer.reason;
        if (answer.kind == RoleAnswer::Kind::kPrimary) {
            context_.log.info("starts as the primary", {{"reason", answer.reason}});
            co_return uint16_t{0};
        }
        if (answer.kind == RoleAnswer::Kind::kReplica) {
            const auto peers = peers_of(assignment_, EnginePart::kRedis);
            const auto found = std::ranges::find(peers, answer.slot, &Peer::slot);
            if (found != peers.end()) {
                context_.log.info("starts as a replica",
                                  {{"primary", answer.slot}, {"reason", answer.reason}});
                co_return found->port;
            }
        }
        if (answer.kind == RoleAnswer::Kind::kElect &&
            context_.loop.now() - asked > kRoleElectAgain) {
            asked = context_.loop.now();
            context_.log.warning("the sentinels have chosen no other primary: asking for it");
            const auto forced = co_await force_failover(context_.loop, assignment_);
            if (!forced) {
                context_.log.error("no sentinel begins a failover", forced.error());
            }
        }
        co_await async::sleep_for(context_.loop, kRoleLookInterval);
    }
}

Task<RoleQuestion> RedisServer::look_around() {
    RoleQuestion question;
    question.slot = assignment_.slot;
    question.has_data = has_data_;
    question.record = record_;
    const SentinelsWord word = co_await ask_sentinels(context_.loop, assignment_);
    if (const uint32_t slot = slot_of_port(assignment_, word.port); slot != 0) {
        question.named = slot;
    }
    for (const Peer& peer : peers_of(assignment_, EnginePart::kRedis)) {
        if (peer.slot == assignment_.slot) {
            continue;
        }
        RedisPeer seen{.slot = peer.slot};
        const auto announced = read_announcement(assignment_, peer.slot);
        if (announced) {
            seen.record = *announced;
            seen.state = RedisPeer::State::kDeciding;
        }
        const auto state = co_await ask_replication(
            context_.loop, server_address(assignment_, peer.port), admin_login(assignment_));
        if (state) {
            seen.state = state->primary ? RedisPeer::State::kPrimary : RedisPeer::State::kReplica;
            // Redis says 1 until the first byte has come from a primary.
            seen.has_followed = !state->primary && state->offset > 1;
        }
        question.peers.push_back(seen);
    }
    co_return question;
}

Result<void> RedisServer::write_files(const Assignment& assignment, uint16_t primary_port) const {
    SHORE_TRY(const std::string conf, redis_conf(assignment, primary_port));
    SHORE_CHECK(write_tls_files(assignment));
    SHORE_CHECK(os::write_file_atomically(redis_users_path(assignment), redis_users(assignment),
                                          kSecretMode));
    return os::write_file_atomically(redis_conf_path(assignment), conf, kSecretMode);
}

Task<Result<void>> RedisServer::run(uint16_t primary_port) {
    SHORE_CO_CHECK(write_files(assignment_, primary_port));
    // A socket file of one that was killed is in the way.
    SHORE_CO_CHECK(os::remove_file(redis_socket(assignment_, assignment_.slot)));
    doing_ = "starting";
    SHORE_CO_CHECK(child_.start({program_, redis_conf_path(assignment_)},
                                assignment_.data_directory, SIGTERM));
    co_return co_await answers();
}

/// Completes when the server has loaded its data. Its end before that is an error.
Task<Result<void>> RedisServer::answers() {
    while (child_.running()) {
        auto pong = co_await ask({"PING"});
        if (pong) {
            answering_ = true;
            co_await look();
            co_return Result<void>();
        }
        if (pong.error().message().starts_with("LOADING")) {
            doing_ = "loading its data";
        }
        co_await async::sleep_for(context_.loop, kRedisStartInterval);
    }
    const os::ExitStatus status = co_await child_.ended();
    co_return fail(ErrorCode::kUnavailable,
                   "redis-server on port {} ended while it started ({}): its log says why",
                   assignment_.port, os::to_text(status));
}

void RedisServer::announce(const RedisRecord& record) const {
    const std::string text = Json::object()
                                 .set("pid", static_cast<int64_t>(::getpid()))
                                 .set("record", Json::parse(to_json(record)).value())
                                 .dump();
    const auto written = os::write_file_atomically(announcement_path(assignment_, assignment_.slot),
                                                   text, kSecretMode, os::Durability::kVisible);
    if (!written) {
        context_.log.error("the other servers cannot see this one's record", written.error());
    }
}

void RedisServer::keep_record(const RedisRecord& record) {
    if (record == record_) {
        return;
    }
    record_ = record;
    const auto written = os::write_file_atomically(record_path(assignment_), to_json(record),
                                                   kSecretMode, os::Durability::kVisible);
    if (!written) {
        context_.log.error("the record of this server's data cannot be kept", written.error());
    }
}

// -- Life -----------------------------------------------------------------------------------------

Task<void> RedisServer::watch_child() {
    while (true) {
        const os::ExitStatus status = co_await child_.ended();
        if (restarting_ || stopping_) {
            co_await async::sleep_for(context_.loop, kRoleLookInterval);
            continue;
        }
        answering_ = false;
        ended_text_ = fmt::format("redis-server on port {} has ended by itself: {}",
                                  assignment_.port, os::to_text(status));
        if (is_replicated(assignment_) && replication_.primary) {
            co_await leave_to_successor();
        }
        ended_.set();
        co_return;
    }
}

/// The primary has ended by itself: before this process does.
Task<void> RedisServer::leave_to_successor() {
    const SteadyTime begun = context_.loop.now();
    const auto successor = co_await replace_lost_primary(context_.loop, assignment_,
                                                         promotion_.history_of(assignment_.port));
    if (!successor) {
        context_.log.warning("the sentinels are left to replace the primary, which has ended",
                             {{"reason", successor.error().text()}});
        co_return;
    }
    const double took = std::chrono::duration<double>(context_.loop.now() - begun).count();
    context_.log.info("the primary has ended; another server is primary",
                      {{"slot", *successor}, {"took_s", took}});
}

Task<void> RedisServer::watch_server() {
    while (true) {
        (void)co_await async::pulsed(context_.loop, look_now_,
                                     Deadline::in(context_.loop, kRedisLookInterval));
        if (!restarting_) {
            co_await look();
        }
    }
}

/// Asks the server how it is, and keeps a record of it.
Task<void> RedisServer::look() {
    auto all = co_await info();
    const bool was_answering = std::exchange(answering_, all.has_value());
    if (!all) {
        doing_ = was_answering ? all.error().message() : doing_;
        co_return;
    }
    last_info_ = std::move(*all);
    replication_ = parse_replication(last_info_);
    if (!is_replicated(assignment_)) {
        co_return;
    }
    const SentinelsWord word = co_await ask_sentinels(context_.loop, assignment_);
    promotion_.note(replication_, word);
    epoch_ = std::max(epoch_, word.epoch);
    keep_record({.epoch = epoch_, .primary = replication_.primary, .offset = replication_.offset});
}

Task<std::string> RedisServer::ended() {
    co_await ended_.wait();
    co_return ended_text_;
}

Task<void> RedisServer::stop() {
    if (!stopping_ && answering_) {
        co_await look();
    }
    stopping_ = true;
    promotion_.stop();
    co_await child_.stop(SIGTERM, kRedisStopTime, kRedisStopAgain);
    (void)os::remove_file(announcement_path(assignment_, assignment_.slot));
}

Health RedisServer::health() const {
    if (!answering_) {
        return {.ready = false, .detail = doing_};
    }
    if (replication_.primary) {
        const size_t replicas = replication_.replicas.size();
        return {
            .ready = true,
            .detail = is_replicated(assignment_)
                          ? fmt::format("primary, {} replica{}", replicas, replicas == 1 ? "" : "s")
                          : "primary"};
    }
    // A replica without its primary is no reason to restart it: its data is what is left.
    return {.ready = true,
            .detail = replication_.link_up
                          ? fmt::format("replica, heard {} s ago", replication_.silence_seconds)
                          : "replica, not connected to its primary"};
}

Task<Result<RespValue>> RedisServer::ask(std::vector<std::string> command) {
    const Deadline deadline = Deadline::in(context_.loop, kRedisAskTime);
    SHORE_CO_TRY(
        const auto client,
        co_await RedisClient::connect(context_.loop, server_address(assignment_, assignment_.port),
                                      admin_login(assignment_), deadline));
    co_return co_await client->ask(std::move(command), deadline);
}

Task<Result<std::string>> RedisServer::info() {
    auto answer = co_await ask({"INFO"});
    if (!answer) {
        co_return fail(std::move(answer).error());
    }
    co_return std::move(answer->text);
}

// -- Change ---------------------------------------------------------------------------------------

/// What can be changed while it runs; `restart` becomes true when something cannot.
Task<Result<void>> RedisServer::set_live(const Assignment& assignment, bool& restart) {
    const auto before = redis_live_settings(assignment_);
    const auto after = redis_live_settings(assignment);
    for (const auto& [name, value] : before) {
        // Its default is the server's own: only a start finds it.
        restart |= std::ranges::none_of(
            after, [&name](const auto& setting) { return setting.first == name; });
    }
    for (const auto& setting : after) {
        if (std::ranges::find(before, setting) != before.end()) {
            continue;
        }
        auto set = co_await ask({"CONFIG", "SET", setting.first, setting.second});
        if (set) {
            continue;
        }
        if (!set.error().message().contains("immutable")) {
            co_return fail(ErrorCode::kInvalid, "settings.{}: {}", setting.first,
                           set.error().message());
        }
        restart = true;
    }
    co_return Result<void>();
}

Task<Result<void>> RedisServer::apply(Assignment assignment) {
    SHORE_CO_CHECK(redis_conf(assignment, 0));  // It must be possible to write one.
    SHORE_CO_CHECK(keeps_tls(assignment_, assignment));
    if (assignment.tls != assignment_.tls) {
        SHORE_CO_CHECK(co_await renew_certificate(assignment));
    }
    const Assignment before = assignment_;
    bool restart_needed = false;
    if (auto set = co_await set_live(assignment, restart_needed); !set) {
        bool ignored = false;
        std::swap(assignment_, assignment);
        (void)co_await set_live(before, ignored);
        assignment_ = before;
        co_return set;
    }
    SHORE_CO_CHECK(os::write_file_atomically(redis_users_path(assignment), redis_users(assignment),
                                             kSecretMode));
    for (auto& change : user_changes(redis_users(before), redis_users(assignment))) {
        if (auto changed = co_await ask(std::move(change)); !changed) {
            (void)os::write_file_atomically(redis_users_path(before), redis_users(before),
                                            kSecretMode);
            co_return fail(ErrorCode::kInvalid, "the users of {} are not in force: {}",
                           assignment.instance, changed.error().message());
        }
    }
    assignment_ = std::move(assignment);
    if (restart_needed) {
        co_return co_await restart();
    }
    co_return Result<void>();
}

/// New connections get the new one; those that are open stay.
Task<Result<void>> RedisServer::renew_certificate(const Assignment& assignment) {
    SHORE_CO_CHECK(write_tls_files(assignment));
    const std::string path = redis_certificate_path(assignment);
    const auto set = co_await ask({"CONFIG", "SET", "tls-cert-file", path, "tls-key-file", path,
                                   "tls-ca-cert-file", redis_authority_path(assignment)});
    if (!set) {
        co_return fail(set.error());
    }
    co_return Result<void>();
}

Task<Result<void>> RedisServer::check(model::EngineSpec spec) {
    Assignment proposed = assignment_;
    proposed.spec = std::move(spec);
    SHORE_CO_CHECK(keeps_tls(assignment_, proposed));
    SHORE_CO_TRY([[maybe_unused]] const std::string conf, redis_conf(proposed, 0));
    for (const auto& [name, value] : proposed.spec.redis.settings) {
        auto known = co_await ask({"CONFIG", "GET", name});
        if (known && known->items.empty()) {
            co_return fail(ErrorCode::kInvalid, "settings.{}: Redis has no such setting", name);
        }
    }
    co_return Result<void>();
}

/// One server of an engine at a time; a primary hands over first.
Task<Result<void>> RedisServer::restart() {
    SHORE_CO_TRY(const os::FileLock turn, co_await take_restart_turn(context_.loop, assignment_));
    co_await look();
    if (is_replicated(assignment_) && replication_.primary) {
        const auto handed = co_await hand_over(context_.loop, assignment_);
        if (handed) {
            (void)co_await sentinels_agree(context_.loop, assignment_, handed->port);
        } else {
            context_.log.error("restarts without a successor", handed.error());
        }
    }
    restarting_ = true;
    co_await look();
    answering_ = false;
    doing_ = "restarting for a setting";
    co_await child_.stop(SIGTERM, kRedisStopTime, kRedisStopAgain);
    has_data_ = true;
    const auto primary = co_await decide();
    auto started = primary ? co_await run(*primary) : Result<void>(fail(primary.error()));
    if (started && *primary != 0) {
        co_await follow();
    }
    restarting_ = false;
    promotion_.forget();
    if (!started) {
        ended_text_ = started.error().text();
        ended_.set();
    }
    co_return started;
}

// -- Questions ------------------------------------------------------------------------------------

Task<Result<void>> RedisServer::user_ready(std::string service) {
    const auto& users = assignment_.spec.users;
    if (std::ranges::find(users, service, &model::EngineUser::service) == users.end()) {
        co_return fail(ErrorCode::kNotFound, "{} does not use {}", service,
                       assignment_.spec.service);
    }
    if (!answering_) {
        co_return fail(ErrorCode::kUnavailable, "{} is {}", assignment_.instance, doing_);
    }
    auto user = co_await ask({"ACL", "GETUSER", role_name(service)});
    if (!user) {
        co_return fail(std::move(user).error());
    }
    if (user->items.empty()) {
        co_return fail(ErrorCode::kUnavailable, "{} has no user {} yet", assignment_.instance,
                       role_name(service));
    }
    co_return Result<void>();
}

Task<Result<Json>> RedisServer::status() {
    auto all = co_await info();
    if (!all) {
        co_return fail(ErrorCode::kUnavailable, "{}", answering_ ? all.error().message() : doing_);
    }
    const ReplicationState state = parse_replication(*all);
    Json status = Json::object();
    status.set("part", "redis");
    status.set("slot", assignment_.slot);
    status.set("port", uint32_t{assignment_.port});
    status.set("role", state.primary ? "primary" : "replica");
    status.set("offset", state.offset);
    status.set("durability", assignment_.spec.redis.replicated ? "replicated" : "fast");
    if (!state.primary) {
        status.set("primary_port", uint32_t{state.primary_port});
        status.set("link_up", state.link_up);
        status.set("silence_seconds", state.silence_seconds);
    } else {
        status.set("replicas", static_cast<uint64_t>(state.replicas.size()));
    }
    add_status(status, *all);
    add_certificate(status, assignment_);
    co_return status;
}

Task<Result<Json>> RedisServer::view(std::string name) {
    if (name == "member") {
        const auto all = co_await info();
        Member member = redis_member(assignment_);
        member.ready = all.has_value();
        member.is_primary = all && parse_replication(*all).primary;
        co_return to_json(member);
    }
    if (name == "slowlog") {
        auto answer = co_await ask({"SLOWLOG", "GET", "128"});
        if (!answer) {
            co_return fail(std::move(answer).error());
        }
        co_return slowlog_table(*answer);
    }
    if (name == "clients") {
        auto answer = co_await ask({"CLIENT", "LIST"});
        if (!answer) {
            co_return fail(std::move(answer).error());
        }
        co_return clients_table(answer->text);
    }
    if (name == "replicas" || name == "keyspace") {
        auto all = co_await info();
        if (!all) {
            co_return fail(std::move(all).error());
        }
        if (name == "keyspace") {
            co_return keyspace_table(*all);
        }
        co_return replicas_table(parse_replication(*all),
                                 co_await redis_members(context_.loop, assignment_));
    }
    co_return fail(ErrorCode::kNotFound,
                   "a Redis server has no view {}: replicas, slowlog, clients, keyspace", name);
}

Task<Result<Json>> RedisServer::act(std::string name, [[maybe_unused]] Json arguments) {
    std::vector<std::string> command;
    if (name == "save") {
        command = {"BGSAVE", "SCHEDULE"};
    } else if (name == "rewrite-log") {
        command = {"BGREWRITEAOF"};
    } else {
        co_return fail(ErrorCode::kNotFound, "a Redis server has no action {}: save, rewrite-log",
                       name);
    }
    auto answer = co_await ask(std::move(command));
    if (!answer) {
        co_return fail(std::move(answer).error());
    }
    co_return Json::object().set("answer", answer->text);
}

Task<std::string> RedisServer::metrics() {
    auto all = co_await info();
    if (!all) {
        co_return "# HELP shore_redis_up 1 when the server answers.\n# TYPE shore_redis_up gauge\n"
                  "shore_redis_up 0\n";
    }
    co_return "# HELP shore_redis_up 1 when the server answers.\n# TYPE shore_redis_up gauge\n"
              "shore_redis_up 1\n" +
              server_metrics(parse_replication(*all), *all);
}

}  // namespace shore::engines
