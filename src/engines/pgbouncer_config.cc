#include "engines/pgbouncer_config.h"

#include <algorithm>

#include "base/strings.h"
#include "engines/postgres_config.h"

namespace shore::engines {

namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

std::string word(std::string_view text) {
    return fmt::format("\"{}\"", base::replace_all(std::string(text), "\"", "\"\""));
}

std::string whole_seconds(Duration duration) {
    return std::to_string(std::max<int64_t>(0, duration_cast<seconds>(duration).count()));
}

std::string database_line(const model::PoolShare& share, const PgBouncerConfigInput& input) {
    const PoolServers& servers = input.servers;
    const bool to_replicas = share.reads && !servers.readers.empty();
    std::string line =
        fmt::format("{} = host={} port={} dbname={} pool_size={} max_db_connections={}",
                    share.entry, to_replicas ? base::join(servers.readers, ",") : servers.primary,
                    kLinkedPort, share.database, share.connections_per_role, share.connections);
    const Duration timeout = input.assignment.spec.pool.statement_timeout;
    if (timeout.count() > 0) {
        line += fmt::format(" connect_query='SET statement_timeout = {}'",
                            duration_cast<std::chrono::milliseconds>(timeout).count());
    }
    return line + "\n";
}

}  // namespace

std::string pgbouncer_ini(const PgBouncerConfigInput& input) {
    const Assignment& assignment = input.assignment;
    const model::PoolOptions& pool = assignment.spec.pool;
    std::string text =
        "; Written by Shore at every start and at every change; what is changed here is lost.\n\n"
        "[databases]\n";
    for (const model::PoolShare& share : input.shares) {
        text += database_line(share, input);
    }
    const auto set = [&text](std::string_view name, std::string_view value,
                             std::string_view reason) {
        text += fmt::format("; {}\n{} = {}\n", reason, name, value);
    };
    text += "\n[pgbouncer]\n";
    set("listen_addr", "127.0.0.1", "Loopback only: services run on this machine.");
    set("listen_port", std::to_string(assignment.port), "Given out once for this engine.");
    set("unix_socket_dir", assignment.socket_directory, "For local clients and the console.");
    set("unix_socket_mode", "0777", "Roles have passwords; the directory decides who gets here.");
    set("auth_type", "scram-sha-256", "The pool never learns the passwords.");
    set("auth_file", input.users_file,
        "What the server stores for the services' roles: they log "
        "in while the server restarts.");
    set("auth_user", kPoolRole, "Asks the server for roles that the file does not know.");
    set("auth_query", "SELECT uname, phash FROM shore.user_lookup($1)", "Its question.");
    set("admin_users", kConsoleRole, "The agent.");
    set("pool_mode", "transaction", "A server connection is a client's for one transaction.");
    set("max_client_conn", std::to_string(pool.clients), "pool.clients");
    set("default_pool_size", std::to_string(pool.size), "Each database has its own above.");
    set("min_pool_size", "0", "Idle connections are worth nothing to others.");
    set("server_lifetime", whole_seconds(pool.recycle),
        "pool.recycle: caches of server processes do not grow for ever.");
    set("server_idle_timeout", "600", "A burst's connections are given back.");
    set("server_login_retry", "0.2", "A server that is back is found soon.");
    set("server_connect_timeout", "3600",
        "A login waits while there is no primary: one that fails would fail clients.");
    set("query_wait_timeout", whole_seconds(pool.wait), "pool.wait");
    set("client_login_timeout", whole_seconds(pool.wait + seconds(15)),
        "One who logs in while the server restarts waits too.");
    set("ignore_startup_parameters", "extra_float_digits",
        "JDBC sends it and does not need it; others would be lost silently.");
    set("log_connections", "0", "A thousand clients would drown the rest.");
    set("log_disconnections", "0", "Likewise.");
    set("log_stats", "0", "shore pool stats");
    set("tcp_keepalive", "1", "Clients that vanished give their place back.");
    return text;
}

std::string users_file_text(const std::map<std::string, std::string>& passwords) {
    std::string text;
    for (const auto& [role, password] : passwords) {
        text += fmt::format("{} {}\n", word(role), word(password));
    }
    return text;
}

}  // namespace shore::engines
