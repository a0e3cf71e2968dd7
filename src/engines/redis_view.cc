#include "engines/redis_view.h"

#include <charconv>

#include "base/strings.h"
#include "engines/limits.h"
#include "engines/redis_config.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using model::EnginePart;
using wire::RespValue;

namespace {

uint64_t number_of(std::string_view text) {
    uint64_t value = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Task<Result<SentinelsWord>> ask_one(async::Loop& loop, net::Address address, RedisLogin login,
                                    std::string service) {
    const Deadline deadline = Deadline::in(loop, kRedisProbeTime);
    SHORE_CO_TRY(const auto client, co_await RedisClient::connect(loop, std::move(address),
                                                                  std::move(login), deadline));
    co_return co_await ask_sentinel(*client, std::move(service), deadline);
}

/// "ip=127.0.0.1,port=7002,state=online,offset=42,lag=0".
ReplicationState::Replica parse_replica(std::string_view line) {
    ReplicationState::Replica replica;
    while (!line.empty()) {
        const size_t end = std::min(line.find(','), line.size());
        const std::string_view pair = line.substr(0, end);
        const size_t equals = std::min(pair.find('='), pair.size());
        const std::string_view key = pair.substr(0, equals);
        const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
        if (key == "port") {
            replica.port = static_cast<uint16_t>(number_of(value));
        } else if (key == "offset") {
            replica.offset = number_of(value);
        } else if (key == "lag") {
            replica.lag_seconds = static_cast<int64_t>(number_of(value));
        } else if (key == "state") {
            replica.online = value == "online";
        }
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    return replica;
}

}  // namespace

RedisLogin admin_login(const Assignment& assignment) {
    return {.user = std::string(kAdminRole), .password = password_of(assignment, kAdminUser)};
}

RedisLogin monitor_login(const Assignment& assignment) {
    return {.user = std::string(kMonitorUser), .password = password_of(assignment, kMonitorUser)};
}

namespace {

/// The socket directory is short enough for any of its sockets (Assignment).
net::Address socket_address(const std::string& path, uint16_t port) {
    return net::Address::unix_path(path).value_or(net::Address::loopback(port));
}

}  // namespace

net::Address server_address(const Assignment& assignment, uint16_t port) {
    const uint32_t slot = slot_of_port(assignment, port);
    return slot == 0 ? net::Address::loopback(port)
                     : socket_address(redis_socket(assignment, slot), port);
}

net::Address sentinel_address(const Assignment& assignment, const Peer& sentinel) {
    return socket_address(sentinel_socket(assignment, sentinel.slot), sentinel.port);
}

Task<Result<SentinelsWord>> ask_sentinel(RedisClient& sentinel, std::string service,
                                         Deadline deadline) {
    // While it carries out a failover, the first names the new primary before the second does; the
    // epoch of both is the same.
    auto address =
        co_await sentinel.ask({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", service}, deadline);
    auto about = co_await sentinel.ask({"SENTINEL", "MASTER", service}, deadline);
    if (!address || !about) {
        co_return fail(address ? std::move(about).error() : std::move(address).error());
    }
    SentinelsWord word{.answered = 1};
    word.port = static_cast<uint16_t>(number_of(address->at(1).text));
    word.epoch = number_of(about->find("config-epoch").text);
    word.electing = about->find("flags").text.contains("failover_in_progress");
    if (word.port == 0) {
        co_return fail(ErrorCode::kNotFound, "the sentinel watches no {}", service);
    }
    co_return word;
}

bool is_candidate(const RespValue& row) {
    return row.find("flags").text == "slave" && row.find("master-link-status").text == "ok";
}

Task<std::vector<SentinelsWord>> ask_each_sentinel(async::Loop& loop, const Assignment& assignment,
                                                   uint32_t without) {
    std::vector<SentinelsWord> words;
    for (const Peer& peer : peers_of(assignment, EnginePart::kRedisSentinel)) {
        if (peer.slot == without) {
            continue;
        }
        auto said = co_await ask_one(loop, sentinel_address(assignment, peer),
                                     monitor_login(assignment), assignment.spec.service);
        if (said) {
            words.push_back(*said);
        }
    }
    co_return words;
}

Task<SentinelsWord> ask_sentinels(async::Loop& loop, const Assignment& assignment) {
    SentinelsWord word;
    for (const SentinelsWord& said : co_await ask_each_sentinel(loop, assignment, 0)) {
        ++word.answered;
        word.electing = word.electing || said.electing;
        if (word.port == 0 || said.epoch > word.epoch) {
            word.port = said.port;
            word.epoch = said.epoch;
        }
    }
    co_return word;
}

ReplicationState parse_replication(std::string_view info) {
    ReplicationState state;
    state.primary = info_field(info, "role") == "master";
    state.replication_id = info_field(info, "master_replid");
    if (!state.primary) {
        state.link_up = info_field(info, "master_link_status") == "up";
        state.primary_port = static_cast<uint16_t>(info_number(info, "master_port"));
        state.offset =
            static_cast<uint64_t>(std::max<int64_t>(info_number(info, "slave_repl_offset"), 0));
        state.silence_seconds =
            state.link_up ? info_number(info, "master_last_io_seconds_ago") : -1;
        return state;
    }
    state.offset = static_cast<uint64_t>(info_number(info, "master_repl_offset"));
    const int64_t count = info_number(info, "connected_slaves");
    for (int64_t i = 0; i < count; ++i) {
        state.replicas.push_back(parse_replica(info_field(info, fmt::format("slave{}", i))));
    }
    return state;
}

Task<Result<ReplicationState>> ask_replication(RedisClient& server, Deadline deadline) {
    auto info = co_await server.ask({"INFO", "replication"}, deadline);
    if (!info) {
        co_return fail(std::move(info).error());
    }
    co_return parse_replication(info->text);
}

Task<Result<ReplicationState>> ask_replication(async::Loop& loop, net::Address address,
                                               RedisLogin login) {
    const Deadline deadline = Deadline::in(loop, kRedisProbeTime);
    SHORE_CO_TRY(const auto client, co_await RedisClient::connect(loop, std::move(address),
                                                                  std::move(login), deadline));
    co_return co_await ask_replication(*client, deadline);
}

uint32_t slot_of_port(const Assignment& assignment, uint16_t port) {
    for (const Peer& peer : peers_of(assignment, EnginePart::kRedis)) {
        if (peer.port == port) {
            return peer.slot;
        }
    }
    return 0;
}

uint16_t port_of_slot(const Assignment& assignment, uint32_t slot) {
    for (const Peer& peer : peers_of(assignment, EnginePart::kRedis)) {
        if (peer.slot == slot) {
            return peer.port;
        }
    }
    return 0;
}

}  // namespace shore::engines
