#include "engines/redis_route.h"

#include <algorithm>

#include "async/timer.h"
#include "engines/limits.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using model::EnginePart;

RedisRouter::RedisRouter(async::Loop& loop, observe::Log& log, const Assignment& assignment,
                         std::move_only_function<void(const RedisRoute&)> publish)
    : loop_(loop),
      log_(log),
      assignment_(assignment),
      publish_(std::move(publish)),
      lag_max_(assignment.spec.redis.lag_max),
      sentinels_event_(loop),
      primary_event_(loop),
      scope_(loop) {
}

void RedisRouter::start() {
    for (const Peer& peer : peers_of(assignment_, EnginePart::kRedis)) {
        servers_[peer.slot].slot = peer.slot;
    }
    for (const Peer& peer : peers_of(assignment_, EnginePart::kRedisSentinel)) {
        words_[peer.slot];
        scope_.spawn(poll(peer));
        scope_.spawn(listen_to(peer));
    }
    scope_.spawn(watch_primary());
    scope_.spawn(watch_replicas());
}

void RedisRouter::stop() {
    scope_.stop();
}

uint32_t RedisRouter::sentinels_answering() const {
    return static_cast<uint32_t>(
        std::ranges::count_if(words_, [](const auto& entry) { return entry.second.answers; }));
}

// -- Sentinels ------------------------------------------------------------------------------------

/// A sentinel says at once when a replica was promoted; then all are asked.
Task<void> RedisRouter::listen_to(Peer sentinel) {
    while (true) {
        auto client = co_await RedisClient::connect(loop_, sentinel_address(assignment_, sentinel),
                                                    monitor_login(assignment_),
                                                    Deadline::in(loop_, kRedisAskTime));
        if (client) {
            const auto subscribed =
                co_await (*client)->ask({"SUBSCRIBE", "+promoted-slave", "+switch-master"},
                                        Deadline::in(loop_, kRedisAskTime));
            while (subscribed) {
                const auto message = co_await (*client)->next(Deadline::never());
                sentinels_event_.pulse();
                if (!message) {
                    break;
                }
            }
        }
        co_await async::sleep_for(loop_, kRouteSentinelInterval);
    }
}

Task<void> RedisRouter::poll(Peer sentinel) {
    std::unique_ptr<RedisClient> client;
    while (true) {
        const Deadline deadline = Deadline::in(loop_, kRedisProbeTime);
        if (!client) {
            auto connected =
                co_await RedisClient::connect(loop_, sentinel_address(assignment_, sentinel),
                                              monitor_login(assignment_), deadline);
            client = connected ? std::move(*connected) : nullptr;
        }
        Word& word = words_[sentinel.slot];
        word.answers = false;
        if (client) {
            const auto said = co_await ask_sentinel(*client, assignment_.spec.service, deadline);
            word.answers = said.has_value();
            if (said) {
                word.said = *said;
                if (said->epoch > epoch_ || port_ == 0) {
                    epoch_ = said->epoch;
                    port_ = said->port;
                    primary_event_.pulse();
                }
            } else {
                client.reset();
            }
        }
        (void)co_await async::pulsed(loop_, sentinels_event_,
                                     Deadline::in(loop_, kRouteSentinelInterval));
    }
}

uint16_t RedisRouter::named_port() const {
    return port_;
}

// -- Servers --------------------------------------------------------------------------------------

/// Asks a server how it is; true when it answered.
Task<bool> RedisRouter::look_at(uint32_t slot) {
    RoutedServer& server = servers_[slot];
    const Deadline deadline = Deadline::in(loop_, kRedisProbeTime);
    // Taken out while it is in use: two tasks may look at the same server.
    std::unique_ptr<RedisClient> client = std::move(clients_[slot]);
    if (!client) {
        const auto peers = peers_of(assignment_, EnginePart::kRedis);
        const auto peer = std::ranges::find(peers, slot, &Peer::slot);
        if (peer == peers.end()) {
            co_return false;
        }
        auto connected = co_await RedisClient::connect(
            loop_, server_address(assignment_, peer->port), monitor_login(assignment_), deadline);
        if (!connected) {
            server.answers = false;
            co_return false;
        }
        client = std::move(*connected);
    }
    auto state = co_await ask_replication(*client, deadline);
    server.answers = state.has_value();
    if (state) {
        server.state = std::move(*state);
        clients_[slot] = std::move(client);
    }
    co_return server.answers;
}

Task<void> RedisRouter::watch_primary() {
    while (true) {
        const bool wanted = std::exchange(suspected_, false);
        const uint32_t slot = slot_of_port(assignment_, named_port());
        bool good = false;
        if (slot != 0) {
            good = co_await look_at(slot) && servers_[slot].state.primary;
        }
        if (slot != slot_of_port(assignment_, named_port())) {
            continue;  // Meanwhile another was named.
        }
        if (good) {
            set_route(slot, held_, wanted);
        } else {
            set_route(route_.primary, true, wanted);
        }
        const auto interval = good ? kRouteInterval : kRouteIntervalLost;
        if (!suspected_) {
            (void)co_await async::pulsed(loop_, primary_event_, Deadline::in(loop_, interval));
        }
    }
}

Task<void> RedisRouter::watch_replicas() {
    while (true) {
        for (const Peer& peer : peers_of(assignment_, EnginePart::kRedis)) {
            if (peer.slot != route_.primary || route_.hold) {
                (void)co_await look_at(peer.slot);
            }
        }
        choose_readers();
        co_await async::sleep_for(loop_, kRedisLookInterval);
    }
}

/// Replicas that are linked to the primary and have heard from it lately.
void RedisRouter::choose_readers() {
    std::vector<uint32_t> readers;
    const auto lag_max = std::chrono::duration_cast<std::chrono::seconds>(lag_max_).count();
    for (const auto& [slot, server] : servers_) {
        const bool in_step = server.answers && !server.state.primary && server.state.link_up &&
                             server.state.silence_seconds >= 0 &&
                             server.state.silence_seconds <= lag_max;
        if (slot != route_.primary && in_step) {
            readers.push_back(slot);
        }
    }
    if (readers != route_.readers) {
        route_.readers = std::move(readers);
        ++route_.serial;
        publish_(route_);
    }
}

void RedisRouter::set_route(uint32_t primary, bool hold, bool force) {
    if (primary == route_.primary && hold == route_.hold && !force) {
        return;
    }
    const bool changed = primary != route_.primary;
    if (changed) {
        log_.info("commands go to another primary",
                  {{"slot", primary}, {"former", route_.primary}});
    } else if (hold != route_.hold) {
        log_.info(hold ? "commands wait for a primary" : "the primary takes commands",
                  {{"slot", primary}});
    }
    route_.primary = primary;
    route_.hold = hold;
    if (changed) {
        route_.orderly = std::exchange(moving_, false);
        std::erase(route_.readers, primary);
    }
    ++route_.serial;
    publish_(route_);
}

void RedisRouter::suspect(uint64_t serial) {
    if (serial == route_.serial) {
        suspected_ = true;
        primary_event_.pulse();
    }
}

void RedisRouter::hold() {
    held_ = true;
    set_route(route_.primary, true, false);
}

void RedisRouter::resume() {
    held_ = false;
    primary_event_.pulse();
}

void RedisRouter::moved_to(uint16_t port, RedisMove move) {
    // Whatever a sentinel says with a higher epoch is newer than this.
    port_ = port;
    moving_ = move == RedisMove::kOrderly;
    primary_event_.pulse();
}

}  // namespace shore::engines
