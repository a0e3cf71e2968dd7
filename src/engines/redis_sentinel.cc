#include "engines/redis_sentinel.h"

#include <algorithm>
#include <csignal>

#include "async/timer.h"
#include "engines/limits.h"
#include "engines/members.h"
#include "engines/redis_choice.h"
#include "engines/redis_failover.h"
#include "engines/redis_tls.h"
#include "engines/redis_turn.h"
#include "engines/table.h"
#include "observe/log.h"
#include "os/file.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using model::EnginePart;
using wire::Json;
using wire::RespValue;

RedisSentinel::RedisSentinel(const ServerContext& context, Assignment assignment)
    : context_(context),
      assignment_(std::move(assignment)),
      child_(context.loop, context.variables),
      restarted_(context.loop),
      scope_(context.loop) {
}

Task<Result<void>> RedisSentinel::start() {
    SHORE_CO_CHECK(os::write_file_atomically(redis_users_path(assignment_),
                                             sentinel_users(assignment_), 0600));
    SHORE_CO_CHECK(write_tls_files(assignment_));
    SHORE_CO_CHECK(co_await write_conf());
    SHORE_CO_CHECK(co_await run());
    scope_.spawn(watch());
    co_return Result<void>();
}

/// From its files to a sentinel that watches.
Task<Result<void>> RedisSentinel::run() {
    SHORE_CO_TRY(const std::string program, find_program(context_.variables, "redis-sentinel",
                                                         {"/usr/bin"}, "redis-sentinel"));
    doing_ = "starting";
    // A socket file of one that was killed is in the way.
    SHORE_CO_CHECK(os::remove_file(sentinel_socket(assignment_, assignment_.slot)));
    SHORE_CO_CHECK(
        child_.start({program, redis_conf_path(assignment_)}, assignment_.data_directory, SIGTERM));
    while (child_.running()) {
        if (co_await ask({"PING"})) {
            // It chooses among replicas by what it saw of them last. What is from before the
            // primary's end may make it choose one that is not let be promoted (redis_promotion.h),
            // which costs 2 s. So it looks at servers each 0.25 s, not each 10, and pings each
            // 0.4 s, not each 1: an answer may be that old when the primary ends, so none is given
            // up within 0.6 s. (Five pings are how old a look may be for a choice.) Tells the
            // others of itself and of changes each half second, not each two.
            if (auto set = co_await ask({"SENTINEL", "DEBUG", "INFO-PERIOD", "250", "PING-PERIOD",
                                         "400", "PUBLISH-PERIOD", "500"});
                !set) {
                co_return fail(set.error());
            }
            co_await meet_others();
            co_return Result<void>();
        }
        co_await async::sleep_for(context_.loop, kRedisStartInterval);
    }
    const os::ExitStatus status = co_await child_.ended();
    co_return fail(ErrorCode::kUnavailable,
                   "redis-sentinel on port {} ended while it started ({}): its log says why",
                   assignment_.port, os::to_text(status));
}

/// What it knows already stays; its ports are those of this start.
Task<Result<void>> RedisSentinel::write_conf() {
    const std::string path = redis_conf_path(assignment_);
    if (os::file_exists(path)) {
        SHORE_CO_TRY(const std::string own, os::read_file(path, kSentinelConfMax));
        co_return os::write_file_atomically(path, with_port_lines(own, assignment_), 0600);
    }
    doing_ = "looking for the primary";
    const uint16_t port = co_await find_primary();
    const auto ids = co_await find_ids();
    co_return os::write_file_atomically(
        path, redis_port_lines(assignment_) + sentinel_conf(assignment_, port, ids), 0600);
}

/// One that is started alone does not wait for ever.
Task<void> RedisSentinel::meet_others() {
    const SteadyTime last = context_.loop.now() + kSentinelMeetTime;
    while (!co_await is_ready_to_elect() && context_.loop.now() < last && child_.running()) {
        co_await async::sleep_for(context_.loop, kRoleLookInterval);
    }
    co_await look();
}

/// Whether it could replace the primary at once: it sees that one, reaches all other sentinels and
/// all replicas, and has ended the last change.
Task<bool> RedisSentinel::is_ready_to_elect() {
    const std::string& service = assignment_.spec.service;
    const auto primary = co_await ask({"SENTINEL", "MASTER", service});
    const auto replicas = co_await ask({"SENTINEL", "REPLICAS", service});
    const auto sentinels = co_await ask({"SENTINEL", "SENTINELS", service});
    if (!primary || !replicas || !sentinels || primary->find("flags").text != "master") {
        co_return false;
    }
    const auto is_reached = [](const RespValue& row) {
        // More words stand there as long as it is not connected.
        const std::string& flags = row.find("flags").text;
        return flags == "sentinel" || is_candidate(row);
    };
    co_return std::ranges::count_if(sentinels->items, is_reached) + 1 >=
            std::ptrdiff_t{assignment_.spec.redis.sentinels} &&
        std::ranges::count_if(replicas->items, is_reached) >=
            std::ptrdiff_t{assignment_.spec.redis.replicas};
}

/// What the other sentinels that answer call themselves.
Task<std::map<uint32_t, std::string>> RedisSentinel::find_ids() {
    std::map<uint32_t, std::string> ids;
    for (const Peer& peer : peers_of(assignment_, EnginePart::kRedisSentinel)) {
        const Deadline deadline = Deadline::in(context_.loop, kRedisProbeTime);
        const auto client =
            co_await RedisClient::connect(context_.loop, sentinel_address(assignment_, peer),
                                          monitor_login(assignment_), deadline);
        if (!client) {
            continue;
        }
        const auto id = co_await (*client)->ask({"SENTINEL", "MYID"}, deadline);
        if (id) {
            ids.emplace(peer.slot, id->text);
        }
    }
    co_return ids;
}

/// The port of the server to watch first: what other sentinels say, else the server that is
/// primary.
Task<uint16_t> RedisSentinel::find_primary() {
    while (true) {
        const SentinelsWord word = co_await ask_sentinels(context_.loop, assignment_);
        if (word.port != 0) {
            co_return word.port;
        }
        uint16_t best = 0;
        size_t best_replicas = 0;
        for (const Peer& peer : peers_of(assignment_, EnginePart::kRedis)) {
            const auto state = co_await ask_replication(
                context_.loop, server_address(assignment_, peer.port), admin_login(assignment_));
            if (state && state->primary && (best == 0 || state->replicas.size() > best_replicas)) {
                best = peer.port;
                best_replicas = state->replicas.size();
            }
        }
        if (best != 0) {
            co_return best;
        }
        co_await async::sleep_for(context_.loop, kRoleLookInterval);
    }
}

Task<std::string> RedisSentinel::ended() {
    os::ExitStatus status = co_await child_.ended();
    while (restarting_) {
        co_await restarted_.wait();
        status = co_await child_.ended();
    }
    answering_ = false;
    co_return fmt::format("redis-sentinel on port {} has ended by itself: {}", assignment_.port,
                          os::to_text(status));
}

Task<void> RedisSentinel::watch() {
    while (true) {
        co_await async::sleep_for(context_.loop, kRedisLookInterval);
        co_await look();
        co_await look_at_others();
    }
}

/// A sentinel that ends its part of a failover after a newer one has led back to the former primary
/// names the older's, with the newer's epoch, and nothing ever tells it (seen with Redis 7.0).
Task<void> RedisSentinel::look_at_others() {
    const auto words = co_await ask_each_sentinel(context_.loop, assignment_, assignment_.slot);
    const uint16_t port = words.empty() ? 0 : words.front().port;
    const bool agree = std::ranges::all_of(
        words, [port](const SentinelsWord& word) { return !word.electing && word.port == port; });
    const bool is_astray = answering_ && !restarting_ && agree && port != word_.port &&
                           words.size() >= sentinel_quorum(assignment_);
    if (!is_astray) {
        astray_since_ = {};
    } else if (astray_since_ == SteadyTime{}) {
        astray_since_ = context_.loop.now();
    } else if (context_.loop.now() >= astray_since_ + kAstrayPatience) {
        astray_since_ = {};
        context_.log.warning("this sentinel names another primary than all others: it learns anew",
                             {{"named", word_.port}, {"by_others", port}});
        if (const auto learnt = co_await learn_anew(); !learnt) {
            context_.log.error("the sentinel did not start again", learnt.error());
        }
    }
}

Task<Result<void>> RedisSentinel::learn_anew() {
    return restart("restarting to learn who is primary", Memory::kForgotten);
}

/// One of the engine's processes after the other.
Task<Result<void>> RedisSentinel::restart(std::string_view doing, Memory memory) {
    SHORE_CO_TRY(const os::FileLock turn, co_await take_restart_turn(context_.loop, assignment_));
    restarting_ = true;
    answering_ = false;
    doing_ = doing;
    co_await child_.stop(SIGTERM, kSentinelStopTime);
    auto started = write_tls_files(assignment_);
    if (started && memory == Memory::kForgotten) {
        started = os::remove_file(redis_conf_path(assignment_));
        if (started) {
            started = co_await write_conf();
        }
    }
    if (started) {
        started = co_await run();
    }
    restarting_ = false;
    restarted_.pulse();
    co_return started;
}

Task<void> RedisSentinel::look() {
    auto about = co_await ask({"SENTINEL", "MASTER", assignment_.spec.service});
    const bool was_answering = std::exchange(answering_, about.has_value());
    if (!about) {
        doing_ = was_answering ? about.error().message() : doing_;
        co_return;
    }
    word_.port = static_cast<uint16_t>(std::atoi(about->find("port").text.c_str()));
    word_.epoch = std::strtoull(about->find("config-epoch").text.c_str(), nullptr, 10);
    others_ = std::atoll(about->find("num-other-sentinels").text.c_str());
    const auto quorum = co_await ask({"SENTINEL", "CKQUORUM", assignment_.spec.service});
    quorum_ = quorum ? std::string() : quorum.error().message();
}

Task<Result<void>> RedisSentinel::apply(Assignment assignment) {
    SHORE_CO_CHECK(keeps_tls(assignment_, assignment));
    SHORE_CO_CHECK(
        os::write_file_atomically(redis_users_path(assignment), sentinel_users(assignment), 0600));
    const Assignment before = std::exchange(assignment_, std::move(assignment));
    Result<RespValue> done = RespValue();
    for (auto& change : user_changes(sentinel_users(before), sentinel_users(assignment_))) {
        if (done) {
            done = co_await ask(std::move(change));
        }
    }
    if (done && sentinel_quorum(assignment_) != sentinel_quorum(before)) {
        done = co_await ask({"SENTINEL", "SET", assignment_.spec.service, "quorum",
                             std::to_string(sentinel_quorum(assignment_))});
    }
    if (!done) {
        assignment_ = before;
        (void)os::write_file_atomically(redis_users_path(before), sentinel_users(before), 0600);
        co_return fail(std::move(done).error().with(before.instance));
    }
    if (assignment_.tls != before.tls) {
        auto renewed = co_await renew_certificate();
        if (!renewed) {
            assignment_.tls = before.tls;
        }
        co_return renewed;
    }
    co_return Result<void>();
}

/// A sentinel reads it at its start only.
Task<Result<void>> RedisSentinel::renew_certificate() {
    return restart("restarting for a new certificate", Memory::kKept);
}

Task<void> RedisSentinel::stop() {
    co_await child_.stop(SIGTERM, kSentinelStopTime);
}

Health RedisSentinel::health() const {
    if (!answering_) {
        return {.ready = false, .detail = doing_};
    }
    return {.ready = true,
            .detail = quorum_.empty()
                          ? fmt::format("watches port {}, {} others", word_.port, others_)
                          : quorum_};
}

Task<Result<RespValue>> RedisSentinel::ask(std::vector<std::string> command) {
    const Deadline deadline = Deadline::in(context_.loop, kRedisAskTime);
    const Peer self{.part = assignment_.part, .slot = assignment_.slot, .port = assignment_.port};
    SHORE_CO_TRY(const auto client,
                 co_await RedisClient::connect(context_.loop, sentinel_address(assignment_, self),
                                               admin_login(assignment_), deadline));
    co_return co_await client->ask(std::move(command), deadline);
}

Task<Result<void>> RedisSentinel::user_ready(std::string service) {
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

Task<Result<Json>> RedisSentinel::status() {
    co_await look();
    if (!answering_) {
        co_return fail(ErrorCode::kUnavailable, "{}", doing_);
    }
    const bool ready_to_elect = co_await is_ready_to_elect();
    Json status = Json::object();
    status.set("part", "redis-sentinel")
        .set("slot", assignment_.slot)
        .set("port", uint32_t{assignment_.port})
        .set("primary_port", uint32_t{word_.port})
        .set("epoch", word_.epoch)
        .set("other_sentinels", others_)
        .set("quorum", sentinel_quorum(assignment_))
        .set("quorum_reached", quorum_.empty())
        .set("ready_to_elect", ready_to_elect);
    add_certificate(status, assignment_);
    co_return status;
}

Task<Result<Json>> RedisSentinel::view(std::string name) {
    if (name == "member") {
        Member member = redis_member(assignment_);
        member.ready = answering_;
        co_return to_json(member);
    }
    if (name != "sentinel") {
        co_return fail(ErrorCode::kNotFound, "a sentinel has no view {}: sentinel", name);
    }
    Table table{{"what"},
                {"instance"},
                {"address"},
                {"state"},
                {"heard", ColumnKind::kSeconds},
                {"offset", ColumnKind::kNumber}};
    const auto members = co_await redis_members(context_.loop, assignment_);
    const auto add = [&table, &members](std::string_view what, const RespValue& row) {
        const double heard = std::atof(row.find("last-ok-ping-reply").text.c_str()) / 1e3;
        const std::string& offset = row.find("slave-repl-offset").text;
        const auto port = static_cast<uint16_t>(std::atoi(row.find("port").text.c_str()));
        table.add({what, redis_name(members, port), fmt::format("{}:{}", row.find("ip").text, port),
                   row.find("flags").text, heard,
                   offset.empty() ? Json() : Json(int64_t{std::atoll(offset.c_str())})});
    };
    const std::string& service = assignment_.spec.service;
    auto primary = co_await ask({"SENTINEL", "MASTER", service});
    auto replicas = co_await ask({"SENTINEL", "REPLICAS", service});
    auto sentinels = co_await ask({"SENTINEL", "SENTINELS", service});
    if (!primary || !replicas || !sentinels) {
        co_return fail(ErrorCode::kUnavailable, "{}", answering_ ? "it does not answer" : doing_);
    }
    add("primary", *primary);
    for (const RespValue& row : replicas->items) {
        add("replica", row);
    }
    for (const RespValue& row : sentinels->items) {
        add("sentinel", row);
    }
    table.note(quorum_.empty()
                   ? fmt::format("Configuration epoch {}; {} of {} sentinels elect.", word_.epoch,
                                 sentinel_quorum(assignment_), assignment_.spec.redis.sentinels)
                   : quorum_);
    co_return std::move(table).json();
}

/// By way of the endpoint when there is one: it holds its clients' commands meanwhile.
Task<Result<Json>> RedisSentinel::failover(Json arguments) {
    if (co_await call_endpoint(context_.loop, assignment_, "GET", "/status", Json(),
                               kRedisAskTime)) {
        co_return co_await call_endpoint(context_.loop, assignment_, "POST", "/actions/failover",
                                         std::move(arguments), kFailoverTime);
    }
    ChosenServer chosen;
    if (std::string to(arguments["to"].text()); !to.empty()) {
        SHORE_CO_TRY(chosen, co_await find_server(context_.loop, assignment_, std::move(to)));
        SHORE_CO_CHECK(co_await prefer(context_.loop, assignment_, chosen));
    }
    const auto handed = co_await hand_over(context_.loop, assignment_);
    if (chosen.slot != 0) {
        co_await prefer_nobody(context_.loop, assignment_);
    }
    if (!handed) {
        co_return fail(handed.error());
    }
    (void)co_await sentinels_agree(context_.loop, assignment_, handed->port);
    SHORE_CO_CHECK(is_as_chosen(*handed, chosen));
    co_return to_json(*handed, co_await redis_members(context_.loop, assignment_));
}

Task<Result<Json>> RedisSentinel::act(std::string name, Json arguments) {
    if (name != "failover") {
        co_return fail(ErrorCode::kNotFound, "a sentinel has no action {}: failover", name);
    }
    co_return co_await failover(std::move(arguments));
}

Task<std::string> RedisSentinel::metrics() {
    const auto gauge = [](std::string_view name, std::string_view help, uint64_t value) {
        return fmt::format(
            "# HELP shore_redis_sentinel_{0} {1}\n# TYPE shore_redis_sentinel_{0} "
            "gauge\nshore_redis_sentinel_{0} {2}\n",
            name, help, value);
    };
    co_return gauge("up", "1 when the sentinel answers.", answering_ ? 1 : 0) +
        gauge("quorum_reached", "1 when the sentinels could elect.",
              answering_ && quorum_.empty() ? 1 : 0) +
        gauge("others", "Other sentinels that it knows.", static_cast<uint64_t>(others_)) +
        gauge("epoch", "Configuration epoch.", word_.epoch);
}

}  // namespace shore::engines
