#include "engines/redis_config.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "engines/limits.h"
#include "engines/redis_promotion.h"
#include "engines/redis_tls.h"

namespace shore::engines {

namespace {

/// Settings that would take the server out of Shore's hands.
constexpr auto kReserved = std::to_array<std::string_view>({
    "aclfile",          "bind",
    "daemonize",        "dir",
    "include",          "logfile",
    "masterauth",       "masteruser",
    "pidfile",          "port",
    "rename-command",   "replica-announce-ip",
    "replicaof",        "requirepass",
    "sentinel",         "replica-announce-port",
    "slaveof",          "supervised",
    "syslog-enabled",   "unixsocket",
    "unixsocketperm",   "user",
    "protected-mode",   "appenddirname",
    "appendfilename",   "dbfilename",
    "cluster-enabled",  "cluster-config-file",
    "replica-priority", "slave-priority",
    "tls-port",         "tls-cert-file",
    "tls-key-file",     "tls-ca-cert-file",
    "tls-ca-cert-dir",  "tls-auth-clients",
    "tls-replication",  "tls-cluster",
});

class ConfWriter final {
 public:
    explicit ConfWriter(const std::map<std::string, std::string>& overriding)
        : overriding_(overriding) {}

    void comment(std::string_view text) { out_ += fmt::format("\n# {}\n", text); }
    /// Left out when the manifest sets it.
    void set(std::string_view name, std::string_view value) {
        if (!overriding_.contains(std::string(name))) {
            out_ += fmt::format("{} {}\n", name, value);
        }
    }
    void fixed(std::string_view name, std::string_view value) {
        out_ += fmt::format("{} {}\n", name, value);
    }
    void text(std::string_view lines) { out_ += lines; }
    std::string take() { return std::move(out_); }

 private:
    const std::map<std::string, std::string>& overriding_;
    std::string out_;
};

std::string policy_of(const model::RedisOptions& options) {
    if (!options.evictable) {
        return "noeviction";
    }
    return options.policy.empty() ? "allkeys-lru" : options.policy;
}

/// What a replica may miss and still go on without copying everything: a sixteenth of the memory.
uint64_t backlog_of(const model::RedisOptions& options) {
    return std::clamp<uint64_t>(options.memory.count / 16, Bytes::mib(4).count,
                                Bytes::mib(256).count);
}

void write_place(ConfWriter& conf, const Assignment& assignment) {
    conf.comment("Where it answers and where its data is: Shore's own choice.");
    conf.text(redis_port_lines(assignment));
    conf.fixed("dir", assignment.data_directory);
    conf.fixed("aclfile", redis_users_path(assignment));
    conf.fixed("daemonize", "no");
    conf.fixed("logfile", R"("")");
    conf.set("always-show-logo", "no");
    conf.comment("Clients that vanished are noticed after some 60 s + 3 probes.");
    conf.set("tcp-keepalive", "60");
    conf.set("tcp-backlog", "511");
}

void write_data(ConfWriter& conf, const Assignment& assignment) {
    const model::RedisOptions& options = assignment.spec.redis;
    conf.comment(
        "The log of writes loses a second at most when the machine fails, and nothing when "
        "only the server does; snapshots are what backups copy.");
    conf.set("appendonly", "yes");
    conf.set("appendfsync", "everysec");
    conf.set("aof-use-rdb-preamble", "yes");
    conf.set("save", "3600 1 300 100 60 10000");
    conf.set("stop-writes-on-bgsave-error", "yes");
    conf.comment("An orderly end saves, and waits for replicas to have everything.");
    conf.set("shutdown-on-sigterm", "save");
    conf.set("shutdown-timeout", "5");
    conf.comment(fmt::format("limits.memory or x-shore.memory: {}. {}", to_text(options.memory),
                             options.evictable
                                 ? "evictable: true, so keys make room for newer ones there."
                                 : "evictable: false, so writes are refused there instead."));
    conf.set("maxmemory", std::to_string(options.memory.count));
    conf.set("maxmemory-policy", policy_of(options));
    conf.comment("Freeing large keys never stops the server.");
    conf.set("lazyfree-lazy-eviction", "yes");
    conf.set("lazyfree-lazy-expire", "yes");
    conf.set("lazyfree-lazy-server-del", "yes");
    conf.set("replica-lazy-flush", "yes");
    conf.comment("For `shore redis slowlog`: commands of 10 ms and more.");
    conf.set("slowlog-log-slower-than", "10000");
    conf.set("slowlog-max-len", "256");
    conf.set("latency-monitor-threshold", "100");
}

void write_replication(ConfWriter& conf, const Assignment& assignment, uint16_t primary_port) {
    const model::RedisOptions& options = assignment.spec.redis;
    conf.comment("Replication: any server can become the primary.");
    if (primary_port != 0) {
        conf.fixed("replicaof", fmt::format("127.0.0.1 {}", primary_port));
    }
    conf.fixed("masteruser", kReplicationUser);
    conf.fixed("masterauth", password_of(assignment, kReplicationUser));
    conf.fixed("replica-announce-ip", "127.0.0.1");
    conf.fixed("replica-announce-port", std::to_string(assignment.port));
    conf.set("replica-read-only", "yes");
    conf.comment("A replica hears from its primary each second: lag is known to the second.");
    conf.set("repl-ping-replica-period", "1");
    conf.set("repl-timeout", "20");
    conf.comment("A replica that was away for a moment catches up from this, without a full copy.");
    conf.set("repl-backlog-size", std::to_string(backlog_of(options)));
    conf.set("repl-backlog-ttl", "0");
    conf.set("repl-diskless-sync", "yes");
    conf.set("repl-diskless-sync-delay", "0");
    if (options.replicated) {
        conf.comment(
            "durability: replicated. A primary that is cut off from its replicas stops "
            "taking writes.");
        conf.set("min-replicas-to-write", "1");
        conf.set("min-replicas-max-lag", "10");
    }
}

/// Everything that runs in an app, without what runs the server. @dangerous has these besides,
/// which apps and their libraries do use (INFO: ioredis asks it when it connects; CLIENT LIST: job
/// queues find their workers by it).
constexpr std::string_view kWriterRules =
    "~* &* +@all -@admin -@dangerous +info +keys +flushdb +flushall +sort +sort_ro +role "
    "+client|list";
constexpr std::string_view kReaderRules =
    "~* &* +@read +@connection -@admin -@dangerous +info +keys +sort_ro +role";

std::string user_line(std::string_view name, std::string_view password, std::string_view rules) {
    return fmt::format("user {} on >{} {}\n", name, password, rules);
}

std::string disabled_rules(const model::RedisOptions& options) {
    std::string rules;
    for (const std::string& command : options.commands_disabled) {
        rules += fmt::format(" -{}", base::to_lower(command));
    }
    return rules;
}

}  // namespace

bool is_replicated(const Assignment& assignment) {
    return assignment.spec.redis.replicas > 0;
}

std::string redis_conf_path(const Assignment& assignment) {
    return fmt::format(
        "{}/{}", assignment.data_directory,
        assignment.part == model::EnginePart::kRedisSentinel ? "sentinel.conf" : "redis.conf");
}

std::string redis_users_path(const Assignment& assignment) {
    return assignment.data_directory + "/users.acl";
}

std::string redis_socket(const Assignment& assignment, uint32_t slot) {
    return fmt::format("{}/redis-{}.redis", assignment.socket_directory, slot);
}

std::string sentinel_socket(const Assignment& assignment, uint32_t slot) {
    return fmt::format("{}/sentinel-{}.redis", assignment.socket_directory, slot);
}

Result<std::string> redis_conf(const Assignment& assignment, uint16_t primary_port) {
    const model::RedisOptions& options = assignment.spec.redis;
    for (const auto& [name, value] : options.settings) {
        if (std::ranges::find(kReserved, base::to_lower(name)) != kReserved.end()) {
            return fail(ErrorCode::kInvalid,
                        "settings.{} of {} is Shore's own: leave it out of the manifest", name,
                        assignment.spec.service);
        }
        if (name.find_first_of(" \r\n") != std::string::npos ||
            value.find_first_of("\r\n") != std::string::npos) {
            return fail(ErrorCode::kInvalid, "settings.{} of {} has a line end", name,
                        assignment.spec.service);
        }
    }
    ConfWriter conf(options.settings);
    conf.comment(
        fmt::format("Written by Shore for {} at each start; change it in the manifest "
                    "(x-shore.settings).",
                    assignment.instance));
    write_place(conf, assignment);
    write_data(conf, assignment);
    if (is_replicated(assignment)) {
        write_replication(conf, assignment, primary_port);
    }
    if (!options.settings.empty()) {
        conf.comment("From the manifest (x-shore.settings).");
        for (const auto& [name, value] : options.settings) {
            conf.fixed(name, value.empty() ? R"("")" : value);
        }
    }
    return conf.take();
}

std::vector<std::pair<std::string, std::string>> redis_live_settings(const Assignment& assignment) {
    const model::RedisOptions& options = assignment.spec.redis;
    std::vector<std::pair<std::string, std::string>> settings;
    const auto set = [&](std::string_view name, std::string value) {
        if (!options.settings.contains(std::string(name))) {
            settings.emplace_back(name, std::move(value));
        }
    };
    set("maxmemory", std::to_string(options.memory.count));
    set("maxmemory-policy", policy_of(options));
    if (is_replicated(assignment)) {
        set("repl-backlog-size", std::to_string(backlog_of(options)));
        set("min-replicas-to-write", options.replicated ? "1" : "0");
    }
    for (const auto& [name, value] : options.settings) {
        settings.emplace_back(name, value);
    }
    return settings;
}

std::string redis_users(const Assignment& assignment) {
    const auto password = [&](std::string_view user) { return password_of(assignment, user); };
    std::string out = "user default off -@all\n";
    out += user_line(kAdminRole, password(kAdminUser), "~* &* +@all");
    out += user_line(kReplicationUser, password(kReplicationUser), "+psync +replconf +ping");
    // What sentinels do (redis.io/docs/management/sentinel), and what the endpoint asks. They
    // promote a server only when its agent lets them.
    out +=
        user_line(kMonitorUser, password(kMonitorUser),
                  fmt::format("allchannels +multi +ping +exec +subscribe +publish +config|rewrite "
                              "+role +info +client|setname +client|kill +script|kill {}",
                              kMayNotPromote));
    const std::string disabled = disabled_rules(assignment.spec.redis);
    for (const model::EngineUser& user : assignment.spec.users) {
        const bool reads = user.access == model::EngineAccess::kRead;
        out += user_line(role_name(user.service), password(user.service),
                         fmt::format("{}{}", reads ? kReaderRules : kWriterRules, disabled));
    }
    return out;
}

std::vector<std::vector<std::string>> user_changes(std::string_view before,
                                                   std::string_view after) {
    // By name: the words behind it.
    const auto parse = [](std::string_view text) {
        std::map<std::string, std::vector<std::string>> users;
        for (const std::string_view line : base::split(text, '\n')) {
            const auto words = base::split(line, ' ');
            if (words.size() > 2) {
                users.emplace(words[1], std::vector<std::string>(words.begin() + 2, words.end()));
            }
        }
        return users;
    };
    const auto old_users = parse(before);
    const auto new_users = parse(after);
    std::vector<std::vector<std::string>> commands;
    for (const auto& [name, words] : new_users) {
        const auto found = old_users.find(name);
        if (found == old_users.end() || found->second != words) {
            std::vector<std::string> command = {"ACL", "SETUSER", name, "reset"};
            command.insert(command.end(), words.begin(), words.end());
            commands.push_back(std::move(command));
        }
    }
    for (const auto& [name, words] : old_users) {
        if (!new_users.contains(name)) {
            commands.push_back({"ACL", "DELUSER", name});
        }
    }
    return commands;
}

uint32_t sentinel_quorum(const Assignment& assignment) {
    return assignment.spec.redis.sentinels / 2 + 1;
}

std::string sentinel_id(const Assignment& assignment, uint32_t slot) {
    return fmt::format("{}{:08x}", assignment.identity, slot);
}

std::string sentinel_conf(const Assignment& assignment, uint16_t primary_port,
                          const std::map<uint32_t, std::string>& ids) {
    const std::string& name = assignment.spec.service;
    std::string out =
        "# Written by Shore once; from then on the sentinel keeps it: what it knows of the others\n"
        "# and of elections stands here.\n";
    const auto line = [&out]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
        out += fmt::format(format, std::forward<Args>(args)...);
        out += '\n';
    };
    line("daemonize no");
    line("logfile \"\"");
    line("dir {}", assignment.data_directory);
    line("aclfile {}", redis_users_path(assignment));
    line("sentinel announce-ip 127.0.0.1");
    line("sentinel announce-port {}", assignment.port);
    line("sentinel myid {}", sentinel_id(assignment, assignment.slot));
    line("sentinel sentinel-user {}", kMonitorUser);
    line("sentinel sentinel-pass {}", password_of(assignment, kMonitorUser));
    line("sentinel monitor {} 127.0.0.1 {} {}", name, primary_port, sentinel_quorum(assignment));
    line("sentinel auth-user {} {}", name, kMonitorUser);
    line("sentinel auth-pass {} {}", name, password_of(assignment, kMonitorUser));
    // One second without an answer. Less was tried: with 300 ms elections failed for 19 s, because
    // the sentinels did not agree in time.
    const auto down_after = kSentinelDownAfter + (assignment.slot - 1) * kSentinelStagger;
    line("sentinel down-after-milliseconds {} {}", name, down_after.count());
    // An election that failed is tried again after twice this.
    line("sentinel failover-timeout {} {}", name, kSentinelFailoverTimeout.count());
    // All replicas follow the new primary at once: the address that works does not depend on them.
    line("sentinel parallel-syncs {} 16", name);
    for (const Peer& peer : peers_of(assignment, model::EnginePart::kRedis)) {
        if (peer.port != primary_port) {
            line("sentinel known-replica {} 127.0.0.1 {}", name, peer.port);
        }
    }
    for (const Peer& peer : peers_of(assignment, model::EnginePart::kRedisSentinel)) {
        if (peer.slot != assignment.slot) {
            const auto known = ids.find(peer.slot);
            line("sentinel known-sentinel {} 127.0.0.1 {} {}", name, peer.port,
                 known == ids.end() ? sentinel_id(assignment, peer.slot) : known->second);
        }
    }
    line("sentinel deny-scripts-reconfig yes");
    return out;
}

std::string sentinel_users(const Assignment& assignment) {
    std::string out = "user default off -@all\n";
    out += user_line(kAdminRole, password_of(assignment, kAdminUser), "~* &* +@all");
    out += user_line(kMonitorUser, password_of(assignment, kMonitorUser), "~* &* +@all");
    for (const model::EngineUser& user : assignment.spec.users) {
        // What clients that know sentinels send (redis.io/docs/reference/sentinel-clients).
        out += user_line(role_name(user.service), password_of(assignment, user.service),
                         "allchannels +auth +hello +ping +role +client|getname +client|id "
                         "+client|setname +command +subscribe +psubscribe "
                         "+unsubscribe +punsubscribe +sentinel|get-master-addr-by-name "
                         "+sentinel|master +sentinel|masters +sentinel|myid +sentinel|replicas "
                         "+sentinel|slaves +sentinel|sentinels +info");
    }
    return out;
}

}  // namespace shore::engines
