#include "engines/redis_promotion.h"

#include <algorithm>
#include <charconv>

#include "async/timer.h"
#include "base/strings.h"
#include "engines/limits.h"
#include "engines/members.h"
#include "engines/redis_config.h"
#include "engines/redis_failover.h"
#include "engines/redis_turn.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using model::EnginePart;
using wire::RespValue;

namespace {

Task<Result<void>> set_rule(RedisClient& server, bool may, Deadline deadline) {
    auto done = co_await server.ask({"ACL", "SETUSER", std::string(kMonitorUser),
                                     std::string(may ? kMayPromote : kMayNotPromote)},
                                    deadline);
    co_return done ? Result<void>() : fail(std::move(done).error());
}

Task<Contender> ask_contender(async::Loop& loop, const Assignment& assignment, Peer peer) {
    const auto state = co_await ask_replication(loop, server_address(assignment, peer.port),
                                                admin_login(assignment));
    if (state) {
        co_return contender_of(peer.slot, *state);
    }
    const ErrorCode code = state.error().code();
    const bool gone = code == ErrorCode::kUnavailable || code == ErrorCode::kNotFound;
    co_return Contender{.slot = peer.slot,
                        .state = gone ? Contender::State::kGone : Contender::State::kSilent};
}

uint16_t port_of(std::string_view text) {
    uint16_t port = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), port);
    return port;
}

}  // namespace

Task<Result<void>> set_priority(RedisClient& server, std::string_view priority, Deadline deadline) {
    auto done =
        co_await server.ask({"CONFIG", "SET", "replica-priority", std::string(priority)}, deadline);
    co_return done ? Result<void>() : fail(std::move(done).error());
}

Contender contender_of(uint32_t slot, const ReplicationState& state) {
    // Redis says 1 until the first byte has come from a primary.
    return {.slot = slot,
            .state = state.primary ? Contender::State::kPrimary : Contender::State::kReplica,
            .offset = state.offset > 1 ? state.offset : 0,
            .history = state.replication_id,
            .followers = state.replicas.size()};
}

Task<Result<void>> permit_promotion(RedisClient& server, Deadline deadline) {
    return set_rule(server, true, deadline);
}

Task<Result<void>> forbid_promotion(RedisClient& server, Deadline deadline) {
    return set_rule(server, false, deadline);
}

Task<std::vector<Contender>> ask_contenders(async::Loop& loop, const Assignment& assignment,
                                            uint32_t lost) {
    std::vector<Contender> contenders;
    for (const Peer& peer : peers_of(assignment, EnginePart::kRedis)) {
        if (peer.slot != lost) {
            contenders.push_back(co_await ask_contender(loop, assignment, peer));
        }
    }
    co_return contenders;
}

Task<Result<void>> follow_primary(async::Loop& loop, const Assignment& assignment, uint32_t slot,
                                  uint16_t port) {
    const Deadline deadline = Deadline::in(loop, kRedisProbeTime);
    SHORE_CO_TRY(const auto server,
                 co_await RedisClient::connect(
                     loop, server_address(assignment, port_of_slot(assignment, slot)),
                     admin_login(assignment), deadline));
    SHORE_CO_TRY(const ReplicationState state, co_await ask_replication(*server, deadline));
    if (state.primary) {
        co_return fail(ErrorCode::kConflict, "server {} is a primary", slot);
    }
    if (state.primary_port == port) {
        co_return Result<void>();
    }
    auto told = co_await server->ask({"REPLICAOF", "127.0.0.1", std::to_string(port)}, deadline);
    co_return told ? Result<void>() : fail(std::move(told).error());
}

Task<void> announce_primary(async::Loop& loop, const Assignment& assignment, uint32_t primary,
                            const std::vector<Contender>& others) {
    const uint16_t port = port_of_slot(assignment, primary);
    for (const Contender& other : others) {
        if (other.slot != primary && other.state == Contender::State::kReplica) {
            (void)co_await follow_primary(loop, assignment, other.slot, port);
        }
    }
    // No endpoint: clients hear it from the sentinels.
    (void)co_await call_endpoint(loop, assignment, "POST", "/actions/follow",
                                 wire::Json::object().set("port", uint32_t{port}), kRedisAskTime);
}

RedisPromotion::RedisPromotion(async::Loop& loop, observe::Log& log, const Assignment& assignment,
                               std::move_only_function<void()> primary_changed)
    : loop_(loop),
      log_(log),
      assignment_(assignment),
      primary_changed_(std::move(primary_changed)),
      event_(loop),
      scope_(loop) {
}

void RedisPromotion::start() {
    for (const Peer& peer : peers_of(assignment_, EnginePart::kRedisSentinel)) {
        scope_.spawn(listen_to(peer));
    }
    scope_.spawn(watch());
}

void RedisPromotion::note(const ReplicationState& state, const SentinelsWord& word) {
    if (std::exchange(is_primary_, state.primary) != state.primary) {
        event_.pulse();
    }
    if (state.primary) {
        // It begins another history when the first replica comes.
        reign_ = {.port = assignment_.port,
                  .history = state.replicas.empty() ? std::string() : state.replication_id};
    } else if (state.link_up) {
        reign_ = {.port = state.primary_port, .history = state.replication_id};
    }
    const bool is_astray = !state.primary && !word.electing && word.port != 0 &&
                           word.port != assignment_.port && word.port != state.primary_port;
    if (!is_astray) {
        astray_since_ = {};
    } else if (astray_since_ == SteadyTime{}) {
        astray_since_ = loop_.now();
    } else if (loop_.now() >= astray_since_ + kAstrayPatience) {
        astray_since_ = {};
        is_renamed_ = true;
        event_.pulse();
    }
}

std::string RedisPromotion::history_of(uint16_t port) const {
    return reign_.port == port ? reign_.history : std::string();
}

// -- What the sentinels say -----------------------------------------------------------------------

Task<void> RedisPromotion::listen_to(Peer sentinel) {
    while (true) {
        auto client = co_await RedisClient::connect(loop_, sentinel_address(assignment_, sentinel),
                                                    monitor_login(assignment_),
                                                    Deadline::in(loop_, kRedisAskTime));
        if (client) {
            co_await hear(**client, sentinel.slot);
        }
        set_lost(sentinel.slot, 0);
        co_await async::sleep_for(loop_, kRouteSentinelInterval);
    }
}

/// To the end of the connection.
Task<void> RedisPromotion::hear(RedisClient& sentinel, uint32_t slot) {
    const Deadline soon = Deadline::in(loop_, kRedisAskTime);
    const auto about =
        co_await sentinel.ask({"SENTINEL", "MASTER", assignment_.spec.service}, soon);
    if (!about ||
        !co_await sentinel.ask({"SUBSCRIBE", "+sdown", "-sdown", "+switch-master"}, soon)) {
        co_return;
    }
    const uint16_t port = port_of(about->find("port").text);
    set_lost(slot, about->find("flags").text.contains("s_down") ? port : 0);
    while (true) {
        const auto message = co_await sentinel.next(Deadline::never());
        if (!message) {
            co_return;
        }
        on_message(slot, message->at(1).text, message->at(2).text);
    }
}

/// "+sdown": "master store 127.0.0.1 7001"; "+switch-master": "store 127.0.0.1 7001 127.0.0.1
/// 7002".
void RedisPromotion::on_message(uint32_t sentinel, std::string_view channel,
                                std::string_view text) {
    const auto words = base::split(text, ' ');
    if (channel == "+switch-master" && words.size() > 4) {
        // That sentinel's word: it may be late, and another primary lost since.
        set_lost(sentinel, 0);
        succeeded_ = judged_ = 0;
        is_renamed_ = true;
        primary_changed_();
    } else if (words.size() > 3 && words[0] == "master") {
        set_lost(sentinel, channel == "+sdown" ? port_of(words[3]) : 0);
    }
}

void RedisPromotion::set_lost(uint32_t sentinel, uint16_t port) {
    const bool was_lost = lost_port() != 0;
    lost_[sentinel] = port;
    if (!was_lost && port != 0) {
        lost_since_ = loop_.now();
    }
    event_.pulse();
}

uint16_t RedisPromotion::lost_port() const {
    const auto found = std::ranges::find_if(lost_, [](const auto& one) { return one.second != 0; });
    return found == lost_.end() ? 0 : found->second;
}

// -- What follows from it -------------------------------------------------------------------------

Task<void> RedisPromotion::watch() {
    while (true) {
        const uint16_t lost = lost_port();
        const bool is_asked = lost != 0 && lost != assignment_.port;
        const Rule usual = is_primary_ ? Rule::kObey : Rule::kRefuse;
        co_await tell(is_asked ? co_await judge(lost) : usual);
        if (std::exchange(is_renamed_, false)) {
            co_await follow();
        }
        const auto pause = is_asked ? Duration(kSuccessionInterval) : Duration(kRedisLookInterval);
        (void)co_await async::pulsed(loop_, event_, Deadline::in(loop_, pause));
    }
}

/// A sentinel says that the primary on that port is down: what holds for this server.
Task<RedisPromotion::Rule> RedisPromotion::judge(uint16_t lost) {
    SuccessionQuestion question{.history = history_of(lost)};
    for (Contender& server :
         co_await ask_contenders(loop_, assignment_, slot_of_port(assignment_, lost))) {
        if (server.slot == assignment_.slot) {
            question.self = std::move(server);
        } else {
            question.others.push_back(std::move(server));
        }
    }
    question.waited = loop_.now() - lost_since_;
    const bool is_late = question.waited >= kSuccessionHurry && is_agreed(lost);
    if (question.self.state == Contender::State::kPrimary) {
        is_primary_ = true;
        const bool was_let = told_ == Rule::kSucceed;
        if (!was_let && question.self.followers == 0) {
            co_return Rule::kObey;  // A former primary: the sentinels see to it.
        }
        if (was_let && std::exchange(succeeded_, lost) != lost) {
            co_await announce_primary(loop_, assignment_, assignment_.slot, question.others);
        }
        // The sentinel that promoted it may be lost before the others know: they would look for a
        // successor for ever.
        if (is_late) {
            co_await hurry();
        }
        co_return Rule::kSucceed;
    }
    const SuccessionAnswer answer = may_succeed(question);
    const Rule rule = answer.may ? Rule::kSucceed : Rule::kPass;
    if (lost != judged_ || (told_ && told_ != rule)) {
        judged_ = lost;
        log_.info(answer.may ? "may become the primary" : "may not become the primary",
                  {{"lost", slot_of_port(assignment_, lost)}, {"reason", answer.reason}});
    }
    if (answer.may && is_late) {
        co_await hurry();
    }
    co_return rule;
}

/// Most sentinels say so: one that cannot reach it is no reason to replace a primary.
bool RedisPromotion::is_agreed(uint16_t lost) const {
    const auto agree = std::ranges::count_if(
        lost_, [lost](const auto& sentinel) { return sentinel.second == lost; });
    return agree >= std::ptrdiff_t{sentinel_quorum(assignment_)};
}

Task<void> RedisPromotion::hurry() {
    if (loop_.now() < hurried_ + kSentinelFailoverTimeout) {
        co_return;
    }
    hurried_ = loop_.now();
    log_.warning("the sentinels name no other primary: telling one to choose this server");
    if (const auto begun = co_await force_failover(loop_, assignment_); !begun) {
        log_.error("no sentinel begins a failover", begun.error());
    }
}

/// The one that may succeed is preferred, and the others are none to choose: what sentinels know of
/// their offsets may be older, and of one that is a primary already they know nothing.
Task<void> RedisPromotion::tell(Rule rule) {
    if (told_ == rule) {
        co_return;
    }
    // Not while a change of primary says it: the next look comes soon.
    const auto turn = try_promotion_turn(assignment_, assignment_.slot);
    if (!turn || !*turn) {
        co_return;
    }
    const Deadline deadline = Deadline::in(loop_, kRedisProbeTime);
    const auto server = co_await RedisClient::connect(
        loop_, server_address(assignment_, assignment_.port), admin_login(assignment_), deadline);
    if (!server) {
        co_return;
    }
    const bool may = rule == Rule::kSucceed || rule == Rule::kObey;
    auto told = co_await set_rule(**server, may, deadline);
    if (told) {
        told = co_await set_priority(**server,
                                     rule == Rule::kSucceed ? kPreferredPriority
                                     : rule == Rule::kPass  ? kNeverPriority
                                                            : kUsualPriority,
                                     deadline);
    }
    if (told) {
        told_ = rule;
    } else {
        log_.error("whether this server may become the primary cannot be set", told.error());
    }
}

/// A sentinel has named another primary; the newest word of all holds. Whose writes it counts is
/// asked at once: one that is lost in its first second would not be known by them otherwise.
Task<void> RedisPromotion::follow() {
    const SentinelsWord word = co_await ask_sentinels(loop_, assignment_);
    const auto state = co_await ask_replication(loop_, server_address(assignment_, word.port),
                                                admin_login(assignment_));
    if (state && state->primary) {
        reign_ = {.port = word.port, .history = state->replication_id};
        if (word.port != assignment_.port) {
            (void)co_await follow_primary(loop_, assignment_, assignment_.slot, word.port);
        }
    }
    // Somebody else may have set them for a change on purpose, or for a lost primary.
    told_.reset();
}

}  // namespace shore::engines
