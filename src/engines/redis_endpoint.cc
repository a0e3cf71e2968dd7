#include "engines/redis_endpoint.h"

#include <algorithm>
#include <thread>

#include "async/timer.h"
#include "engines/limits.h"
#include "engines/members.h"
#include "engines/redis_config.h"
#include "engines/redis_failover.h"
#include "engines/redis_tls.h"
#include "engines/table.h"
#include "observe/log.h"
#include "os/file.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using model::EnginePart;
using wire::Json;

namespace {

std::string endpoint_socket(const Assignment& assignment) {
    return assignment.socket_directory + "/redis.redis";
}

}  // namespace

RedisEndpoint::RedisEndpoint(const ServerContext& context, Assignment assignment)
    : context_(context),
      assignment_(std::move(assignment)),
      ticket_keys_(std::make_shared<net::TlsTicketKeys>()),
      router_(context.loop, context.log, assignment_,
              [this](const RedisRoute& route) {
                  had_primary_ |= route.primary != 0 && !route.hold;
                  for (const auto& shard : shards_) {
                      shard->publish(route);
                  }
              }),
      ended_(context.loop),
      scope_(context.loop) {
}

RedisEndpoint::~RedisEndpoint() {
    for (const auto& shard : shards_) {
        shard->stop();
    }
}

RedisSessionOptions RedisEndpoint::session_options() const {
    return {.replicated = assignment_.spec.redis.replicated, .hold = assignment_.spec.redis.hold};
}

Result<void> RedisEndpoint::start_shards() {
    // Servers are reached by their sockets: a third faster than TCP on the loopback.
    std::vector<RedisShard::Address> servers(1);
    for (const Peer& peer : peers_of(assignment_, EnginePart::kRedis)) {
        SHORE_TRY(const net::Address address,
                  net::Address::unix_path(redis_socket(assignment_, peer.slot)));
        servers.resize(std::max<size_t>(servers.size(), peer.slot + 1));
        servers[peer.slot].length = address.to_socket(servers[peer.slot].raw);
    }
    // Half of the cores: the server and its clients want the others.
    const size_t loops =
        std::clamp<size_t>(std::thread::hardware_concurrency() / 2, 1, kRedisLoopsMax);
    for (size_t i = 0; i < loops; ++i) {
        SHORE_TRY(auto loop, async::Loop::open(clock_));
        auto shard =
            std::make_unique<RedisShard>(servers, session_options(), [this](uint64_t serial) {
                context_.loop.post([this, serial] { router_.suspect(serial); });
            });
        shard->start(std::move(loop));
        shards_.push_back(std::move(shard));
    }
    return {};
}

/// For handshakes from now on.
Result<void> RedisEndpoint::load_certificate(const Assignment& assignment) {
    if (!assignment.spec.redis.tls) {
        return {};
    }
    SHORE_CHECK(write_tls_files(assignment));
    const std::string path = redis_certificate_path(assignment);
    net::TlsServerOptions options{
        .certificates = {{.certificate = path, .key = path}}, .client_ca = {}, .alpn = {}};
    std::vector<std::string> warnings;
    SHORE_TRY(const std::shared_ptr<const net::TlsServer> server,
              net::TlsServer::open(options, ticket_keys_, {}, warnings));
    for (const auto& shard : shards_) {
        shard->set_tls(server);
    }
    return {};
}

/// Sockets never leave the machine: TLS is for the ports.
Result<void> RedisEndpoint::listen(const net::Address& address, RedisDoor door) {
    SHORE_TRY(auto listener,
              net::Listener::open(context_.loop, address, {.unix_mode = mode_t{0666}}));
    const bool is_secure = assignment_.spec.redis.tls && !address.is_unix();
    scope_.spawn(serve(std::move(listener), door, is_secure ? RedisWire::kTls : RedisWire::kPlain));
    return {};
}

Task<void> RedisEndpoint::serve(std::unique_ptr<net::Listener> listener, RedisDoor door,
                                RedisWire wire) {
    while (true) {
        auto accepted = co_await listener->accept();
        if (!accepted) {
            context_.log.error("connections are not accepted any more", accepted.error());
            ended_.set();
            co_return;
        }
        if (sum(&RedisCounters::sessions) >= kRedisSessionsMax) {
            continue;  // Closed at once, as the server does at its own limit.
        }
        const auto least = std::ranges::min_element(shards_, {}, [](const auto& shard) {
            return shard->counters().sessions.load(std::memory_order_relaxed);
        });
        (*least)->accept(std::move(accepted->socket), door, wire);
    }
}

Task<Result<void>> RedisEndpoint::start() {
    SHORE_CO_CHECK(start_shards());
    SHORE_CO_CHECK(load_certificate(assignment_));
    router_.start();
    const auto doors = peers_of(assignment_, EnginePart::kRedisEndpoint);
    const std::string& directory = assignment_.socket_directory;
    SHORE_CO_CHECK(listen(net::Address::loopback(assignment_.port), RedisDoor::kPrimary));
    SHORE_CO_TRY(const net::Address primary_path,
                 net::Address::unix_path(endpoint_socket(assignment_)));
    SHORE_CO_CHECK(listen(primary_path, RedisDoor::kPrimary));
    for (const Peer& peer : doors) {
        if (peer.slot == 2) {
            SHORE_CO_CHECK(listen(net::Address::loopback(peer.port), RedisDoor::kReads));
        }
    }
    SHORE_CO_TRY(const net::Address reads_path,
                 net::Address::unix_path(directory + "/redis-read.redis"));
    SHORE_CO_CHECK(listen(reads_path, RedisDoor::kReads));
    SHORE_CO_CHECK(
        os::write_file_atomically(endpoint_place(assignment_),
                                  Json::object().set("control", control_socket(assignment_)).dump(),
                                  0600, os::Durability::kVisible));
    co_return Result<void>();
}

Task<std::string> RedisEndpoint::ended() {
    co_await ended_.wait();
    co_return "the endpoint accepts no connections";
}

Task<Result<void>> RedisEndpoint::apply(Assignment assignment) {
    if (assignment.peers != assignment_.peers) {
        co_return fail(ErrorCode::kUnsupported, "the endpoint must be restarted for other servers");
    }
    SHORE_CO_CHECK(keeps_tls(assignment_, assignment));
    if (assignment.tls != assignment_.tls) {
        SHORE_CO_CHECK(load_certificate(assignment));
    }
    assignment_ = std::move(assignment);
    router_.set_lag_max(assignment_.spec.redis.lag_max);
    for (const auto& shard : shards_) {
        shard->set_options(session_options());
    }
    co_return Result<void>();
}

/// What was executed is answered: a client that is cut off asks itself whether it was.
Task<void> RedisEndpoint::stop() {
    scope_.stop();
    for (const auto& shard : shards_) {
        shard->dismiss();
    }
    const SteadyTime last = context_.loop.now() + kRedisFarewell;
    while (context_.loop.now() < last && sum(&RedisCounters::sessions) > 0) {
        co_await async::sleep_for(context_.loop, kHandOverLookInterval);
    }
    router_.stop();
    for (const auto& shard : shards_) {
        shard->stop();
    }
    (void)os::remove_file(endpoint_place(assignment_));
    ended_.set();
}

Health RedisEndpoint::health() const {
    const RedisRoute& route = router_.route();
    if (route.primary == 0) {
        return {.ready = false, .detail = "looking for the primary"};
    }
    // While a primary is looked for clients wait: to restart the endpoint would cut them off.
    return {.ready = had_primary_,
            .detail = route.hold ? "commands wait for a primary"
                                 : fmt::format("primary {}, {} for reads", route.primary,
                                               route.readers.size())};
}

Task<Result<void>> RedisEndpoint::user_ready(std::string service) {
    const auto& users = assignment_.spec.users;
    if (std::ranges::find(users, service, &model::EngineUser::service) == users.end()) {
        co_return fail(ErrorCode::kNotFound, "{} does not use {}", service,
                       assignment_.spec.service);
    }
    SHORE_CO_TRY(net::Address own, net::Address::unix_path(endpoint_socket(assignment_)));
    const auto client = co_await RedisClient::connect(
        context_.loop, std::move(own),
        {.user = role_name(service), .password = password_of(assignment_, service)},
        Deadline::in(context_.loop, kRedisAskTime));
    if (!client) {
        co_return fail(ErrorCode::kUnavailable, "{} cannot log in yet: {}", service,
                       client.error().message());
    }
    co_return Result<void>();
}

uint64_t RedisEndpoint::sum(std::atomic<uint64_t> RedisCounters::* counter) const {
    uint64_t total = 0;
    for (const auto& shard : shards_) {
        total += (shard->counters().*counter).load(std::memory_order_relaxed);
    }
    return total;
}

Task<Result<Json>> RedisEndpoint::status() {
    const RedisRoute& route = router_.route();
    Json readers = Json::array();
    for (const uint32_t slot : route.readers) {
        readers.push(slot);
    }
    Json status = Json::object();
    status.set("part", "redis-endpoint")
        .set("port", uint32_t{assignment_.port})
        .set("primary", route.primary)
        .set("taking_commands", !route.hold)
        .set("readers", std::move(readers))
        .set("durability", assignment_.spec.redis.replicated ? "replicated" : "fast")
        .set("sentinels_answering", router_.sentinels_answering())
        .set("loops", static_cast<uint64_t>(shards_.size()))
        .set("clients", sum(&RedisCounters::sessions))
        .set("commands", sum(&RedisCounters::commands))
        .set("held", sum(&RedisCounters::held))
        .set("unknown", sum(&RedisCounters::unknown))
        .set("not_replicated", sum(&RedisCounters::not_replicated))
        .set("failovers_on_purpose", failovers_);
    add_certificate(status, assignment_);
    co_return status;
}

Task<Result<Json>> RedisEndpoint::view(std::string name) {
    if (name != "servers") {
        co_return fail(ErrorCode::kNotFound, "the endpoint has no view {}: servers", name);
    }
    Table table{{"server"},
                {"role"},
                {"serves"},
                {"offset", ColumnKind::kNumber},
                {"heard", ColumnKind::kSeconds}};
    const RedisRoute& route = router_.route();
    for (const auto& [slot, server] : router_.servers()) {
        const bool reads = std::ranges::find(route.readers, slot) != route.readers.end();
        const bool primary = slot == route.primary;
        table.add({slot,
                   !server.answers        ? "does not answer"
                   : server.state.primary ? "primary"
                                          : "replica",
                   primary && !route.hold ? "everything"
                   : reads                ? "reads"
                                          : "nothing",
                   server.state.offset,
                   server.state.primary ? Json() : Json(server.state.silence_seconds)});
    }
    co_return std::move(table).json();
}

/// How many sessions wait for an answer, on all loops.
Task<size_t> RedisEndpoint::count_busy() {
    struct Count {
        size_t left = 0;
        size_t busy = 0;
    };
    const auto count = std::make_shared<Count>(shards_.size());
    async::Event done(context_.loop);
    const std::shared_ptr<async::Event*> place = std::make_shared<async::Event*>(&done);
    for (const auto& shard : shards_) {
        shard->count_busy([this, count, place](size_t busy) {
            context_.loop.post([count, place, busy] {
                count->busy += busy;
                if (--count->left == 0 && *place != nullptr) {
                    (*place)->set();
                }
            });
        });
    }
    (void)co_await async::pulsed(context_.loop, done, Deadline::in(context_.loop, kRedisAskTime));
    *place = nullptr;
    co_return count->busy;
}

/// Waits until what was sent before the hold is answered; not for commands that block.
Task<void> RedisEndpoint::drain() {
    const SteadyTime last = context_.loop.now() + kRedisMoveGrace;
    while (context_.loop.now() < last && co_await count_busy() > 0) {
        co_await async::sleep_for(context_.loop, kHandOverLookInterval);
    }
}

/// To the chosen server; to any when `chosen` has no slot.
Task<Result<HandedOver>> RedisEndpoint::change_primary(ChosenServer chosen) {
    // Before anybody is held up.
    (void)co_await idle_sentinels(context_.loop, assignment_);
    if (chosen.slot != 0) {
        SHORE_CO_CHECK(co_await prefer(context_.loop, assignment_, chosen));
    }
    const SteadyTime begun = context_.loop.now();
    router_.hold();
    co_await drain();
    auto handed = co_await hand_over(context_.loop, assignment_);
    if (handed) {
        router_.moved_to(handed->port, RedisMove::kOrderly);
        handed->held = context_.loop.now() - begun;
        ++failovers_;
    }
    router_.resume();
    if (chosen.slot != 0) {
        co_await prefer_nobody(context_.loop, assignment_);
    }
    co_return handed;
}

Task<Result<Json>> RedisEndpoint::failover(std::string to) {
    ChosenServer chosen;
    if (!to.empty()) {
        SHORE_CO_TRY(chosen, co_await find_server(context_.loop, assignment_, std::move(to)));
    }
    if (std::exchange(failing_over_, true)) {
        co_return fail(ErrorCode::kConflict, "a failover is under way");
    }
    const auto handed = co_await change_primary(chosen);
    const bool agreed =
        handed && co_await sentinels_agree(context_.loop, assignment_, handed->port);
    failing_over_ = false;
    if (!handed) {
        co_return fail(handed.error());
    }
    if (!agreed) {
        context_.log.warning("the sentinels do not name the new primary yet");
    }
    const double held = std::chrono::duration<double>(handed->held).count();
    context_.log.info("the primary was changed on purpose",
                      {{"from", handed->from}, {"to", handed->to}, {"held_s", held}});
    SHORE_CO_CHECK(is_as_chosen(*handed, chosen));
    co_return to_json(*handed, co_await redis_members(context_.loop, assignment_))
        .set("held_seconds", held);
}

/// A lost primary's agent has had another promoted: the sentinels say so only after their next
/// look.
Task<Result<Json>> RedisEndpoint::follow(uint16_t port) {
    if (slot_of_port(assignment_, port) == 0) {
        co_return fail(ErrorCode::kInvalid, "no server of {} listens on port {}",
                       assignment_.spec.service, port);
    }
    SHORE_CO_TRY(const ReplicationState state,
                 co_await ask_replication(context_.loop, server_address(assignment_, port),
                                          admin_login(assignment_)));
    if (!state.primary) {
        co_return fail(ErrorCode::kConflict, "the server on port {} is no primary", port);
    }
    router_.moved_to(port, RedisMove::kAfterLoss);
    co_return Json::object();
}

Task<Result<Json>> RedisEndpoint::act(std::string name, Json arguments) {
    if (name == "follow") {
        co_return co_await follow(static_cast<uint16_t>(arguments["port"].integer()));
    }
    if (name != "failover") {
        co_return fail(ErrorCode::kNotFound, "the endpoint has no action {}: failover", name);
    }
    co_return co_await failover(std::string(arguments["to"].text()));
}

Task<std::string> RedisEndpoint::metrics() {
    std::string out;
    const auto add = [&out](std::string_view name, std::string_view type, std::string_view help,
                            uint64_t value) {
        fmt::format_to(std::back_inserter(out),
                       "# HELP shore_redis_endpoint_{0} {2}\n# TYPE shore_redis_endpoint_{0} "
                       "{1}\nshore_redis_endpoint_{0} {3}\n",
                       name, type, help, value);
    };
    const RedisRoute& route = router_.route();
    add("primary", "gauge", "Slot of the primary; 0: none is known.", route.primary);
    add("taking_commands", "gauge", "1 while commands are passed on.", route.hold ? 0 : 1);
    add("readers", "gauge", "Replicas that serve reads.", route.readers.size());
    add("clients", "gauge", "Client connections.", sum(&RedisCounters::sessions));
    add("connections_total", "counter", "Client connections accepted.",
        sum(&RedisCounters::connections));
    add("commands_total", "counter", "Commands received.", sum(&RedisCounters::commands));
    add("lanes", "gauge", "Connections to servers that clients share.", sum(&RedisCounters::lanes));
    add("shared_total", "counter", "Commands that went over these.", sum(&RedisCounters::shared));
    add("held_total", "counter", "Times that a client waited for a primary.",
        sum(&RedisCounters::held));
    add("moved_total", "counter", "Times that a client was moved to another server connection.",
        sum(&RedisCounters::moved));
    add("unknown_total", "counter", "Commands whose outcome is unknown.",
        sum(&RedisCounters::unknown));
    add("unavailable_total", "counter", "Commands that no primary took in time.",
        sum(&RedisCounters::unavailable));
    add("not_replicated_total", "counter", "Writes that no replica had in time.",
        sum(&RedisCounters::not_replicated));
    add("waits_total", "counter", "Runs of writes that were confirmed by WAIT.",
        sum(&RedisCounters::waits));
    co_return out;
}

}  // namespace shore::engines
