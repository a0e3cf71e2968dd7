#include "engines/redis_views.h"

#include <array>
#include <charconv>

#include "base/strings.h"
#include "engines/table.h"

namespace shore::engines {

using wire::Json;
using wire::RespValue;

namespace {

/// Of "a=1,b=2" or "a=1 b=2".
std::string_view pair_value(std::string_view line, std::string_view key, char separator) {
    for (const std::string_view pair : base::split(line, separator)) {
        if (pair.size() > key.size() && pair.starts_with(key) && pair[key.size()] == '=') {
            return pair.substr(key.size() + 1);
        }
    }
    return {};
}

int64_t number(std::string_view text) {
    int64_t value = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

/// The lines "db0:keys=1,expires=0,avg_ttl=0" of INFO.
std::vector<std::pair<std::string_view, std::string_view>> databases(std::string_view info) {
    std::vector<std::pair<std::string_view, std::string_view>> found;
    for (const std::string_view line : base::split(info, '\n')) {
        const auto parts = base::split_once(base::trim(line), ':');
        if (parts && parts->first.starts_with("db") && parts->second.starts_with("keys=")) {
            found.emplace_back(*parts);
        }
    }
    return found;
}

}  // namespace

Json replicas_table(const ReplicationState& state, const std::vector<Member>& members) {
    Table table{{"instance"},
                {"port", ColumnKind::kNumber},
                {"state"},
                {"behind", ColumnKind::kBytes},
                {"heard", ColumnKind::kSeconds}};
    for (const ReplicationState::Replica& replica : state.replicas) {
        const uint64_t behind = state.offset - std::min(state.offset, replica.offset);
        table.add({redis_name(members, replica.port), uint32_t{replica.port},
                   replica.online ? "online" : "copying", behind, replica.lag_seconds});
    }
    if (!state.primary) {
        table.note(fmt::format("This server is a replica itself, of {}.",
                               redis_name(members, state.primary_port)));
    } else if (state.replicas.empty()) {
        table.note("No replica is connected.");
    }
    return std::move(table).json();
}

Json slowlog_table(const RespValue& answer) {
    Table table{{"took", ColumnKind::kSeconds}, {"at"}, {"client"}, {"command"}};
    for (const RespValue& entry : answer.items) {
        std::string command;
        for (const RespValue& part : entry.at(3).items) {
            command += command.empty() ? "" : " ";
            command += base::printable(part.text, 60);
        }
        const auto at = WallTime(std::chrono::seconds(entry.at(1).integer));
        table.add({static_cast<double>(entry.at(2).integer) / 1e6, base::to_rfc3339(at),
                   entry.at(4).text, base::printable(command, 200)});
    }
    table.note("Commands that took 10 ms and more, the newest first (slowlog-log-slower-than).");
    return std::move(table).json();
}

Json clients_table(std::string_view list) {
    Table table{{"id", ColumnKind::kNumber},
                {"name"},
                {"user"},
                {"address"},
                {"connected", ColumnKind::kSeconds},
                {"idle", ColumnKind::kSeconds},
                {"memory", ColumnKind::kBytes},
                {"last command"}};
    for (const std::string_view line : base::split(list, '\n')) {
        const auto value = [line](std::string_view key) { return pair_value(line, key, ' '); };
        if (value("id").empty()) {
            continue;
        }
        table.add({number(value("id")), base::printable(value("name")), value("user"),
                   value("addr"), number(value("age")), number(value("idle")),
                   number(value("tot-mem")), value("cmd")});
    }
    return std::move(table).json();
}

Json keyspace_table(std::string_view info) {
    Table table{{"database"},
                {"keys", ColumnKind::kNumber},
                {"expiring", ColumnKind::kNumber},
                {"mean time to live", ColumnKind::kSeconds}};
    for (const auto& [name, line] : databases(info)) {
        table.add({name, number(pair_value(line, "keys", ',')),
                   number(pair_value(line, "expires", ',')),
                   static_cast<double>(number(pair_value(line, "avg_ttl", ','))) / 1e3});
    }
    return std::move(table).json();
}

uint64_t keys_of(std::string_view info) {
    uint64_t keys = 0;
    for (const auto& [name, line] : databases(info)) {
        keys += static_cast<uint64_t>(number(pair_value(line, "keys", ',')));
    }
    return keys;
}

void add_status(Json& status, std::string_view info) {
    status.set("version", info_field(info, "redis_version"));
    status.set("memory_bytes", info_number(info, "used_memory"));
    status.set("memory_max_bytes", info_number(info, "maxmemory"));
    status.set("keys", keys_of(info));
    status.set("clients", info_number(info, "connected_clients"));
    status.set("commands_per_second", info_number(info, "instantaneous_ops_per_sec"));
    status.set("evicted", info_number(info, "evicted_keys"));
    status.set("uptime_seconds", info_number(info, "uptime_in_seconds"));
}

std::string server_metrics(const ReplicationState& state, std::string_view info) {
    struct Family {
        std::string_view name;
        std::string_view type;
        std::string_view help;
        std::string_view field;
    };
    static constexpr std::array kFamilies = {
        Family{"connected_clients", "gauge", "Client connections.", "connected_clients"},
        Family{"blocked_clients", "gauge", "Clients in a blocking command.", "blocked_clients"},
        Family{"memory_used_bytes", "gauge", "Memory of the data.", "used_memory"},
        Family{"memory_max_bytes", "gauge", "maxmemory.", "maxmemory"},
        Family{"memory_rss_bytes", "gauge", "Memory of the process.", "used_memory_rss"},
        Family{"commands_total", "counter", "Commands processed.", "total_commands_processed"},
        Family{"connections_total", "counter", "Connections accepted.",
               "total_connections_received"},
        Family{"keyspace_hits_total", "counter", "Reads that found a key.", "keyspace_hits"},
        Family{"keyspace_misses_total", "counter", "Reads that found none.", "keyspace_misses"},
        Family{"keys_evicted_total", "counter", "Keys evicted at maxmemory.", "evicted_keys"},
        Family{"keys_expired_total", "counter", "Keys whose time was over.", "expired_keys"},
        Family{"net_input_bytes_total", "counter", "Bytes received.", "total_net_input_bytes"},
        Family{"net_output_bytes_total", "counter", "Bytes sent.", "total_net_output_bytes"},
        Family{"full_syncs_total", "counter", "Full copies to replicas.", "sync_full"},
    };
    std::string out;
    const auto add = [&out](std::string_view name, std::string_view type, std::string_view help,
                            int64_t value) {
        fmt::format_to(std::back_inserter(out),
                       "# HELP shore_redis_{0} {2}\n# TYPE shore_redis_{0} {1}\nshore_redis_{0} "
                       "{3}\n",
                       name, type, help, value);
    };
    add("primary", "gauge", "1 on the primary.", state.primary ? 1 : 0);
    add("replication_offset_bytes", "gauge", "Offset of replication.",
        static_cast<int64_t>(state.offset));
    add("replicas_connected", "gauge", "Replicas of this primary.",
        static_cast<int64_t>(state.replicas.size()));
    add("replica_link_up", "gauge", "1 on a replica that is connected to its primary.",
        state.link_up ? 1 : 0);
    add("replica_silence_seconds", "gauge", "Since a replica heard from its primary; -1 unlinked.",
        state.silence_seconds);
    add("keys", "gauge", "Keys in all databases.", static_cast<int64_t>(keys_of(info)));
    for (const Family& family : kFamilies) {
        add(family.name, family.type, family.help, info_number(info, family.field));
    }
    return out;
}

}  // namespace shore::engines
