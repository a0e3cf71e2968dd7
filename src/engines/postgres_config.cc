#include "engines/postgres_config.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/strings.h"

namespace shore::engines {

namespace {

std::string quoted(std::string_view value) {
    return fmt::format("'{}'", base::replace_all(std::string(value), "'", "''"));
}

std::string kilobytes(Bytes bytes) {
    return bytes.count % (uint64_t{1} << 20) == 0 ? fmt::format("{}MB", bytes.count >> 20)
                                                  : fmt::format("{}kB", bytes.count >> 10);
}

struct Owned {
    std::string_view name;
    std::string_view instead;
};

// Settings that Shore decides, and where the wish behind them goes.
constexpr std::array<Owned, 13> kOwned = {{
    {"port", "the port is given out once and stays the same"},
    {"listen_addresses", "to reach the server from other machines, use x-shore.tcp"},
    {"unix_socket_directories", "the socket is in the engine's directory"},
    {"data_directory", "the data is in the stack's volumes"},
    {"hba_file", "roles and their rights come from the services that use the engine"},
    {"ident_file", "roles and their rights come from the services that use the engine"},
    {"config_file", "put the settings here"},
    {"external_pid_file", "the agent knows its server"},
    {"primary_conninfo", "use replicas"},
    {"primary_slot_name", "use replicas"},
    {"hot_standby", "replicas always answer reads"},
    {"password_encryption", "passwords are always stored as scram-sha-256"},
    {"superuser_reserved_connections", "use connections"},
}};

// A file of settings in groups, where the manifest's own win.
class SettingsFile final {
 public:
    explicit SettingsFile(const std::map<std::string, std::string>& own) : left_(own) {
        text_ =
            "# Written by Shore at every start and at every change of the manifest; what is "
            "changed "
            "here is lost.\n# Use x-shore.settings for any setting.\n";
    }

    void group(std::string_view title) { text_ += fmt::format("\n# {}\n", title); }

    void set(const std::string& name, std::string_view value, std::string_view reason) {
        if (const auto own = left_.find(name); own != left_.end()) {
            text_ += fmt::format("# From settings (Shore's choice would be {}).\n", value);
            text_ += fmt::format("{} = {}\n", name, quoted(own->second));
            left_.erase(own);
            return;
        }
        text_ += fmt::format("# {}\n{} = {}\n", reason, name, quoted(value));
    }

    std::string finish() && {
        if (!left_.empty()) {
            group("From settings");
            for (const auto& [name, value] : left_) {
                text_ += fmt::format("{} = {}\n", name, quoted(value));
            }
        }
        return std::move(text_);
    }

 private:
    std::map<std::string, std::string> left_;
    std::string text_;
};

void add_connections(SettingsFile& file, const PostgresConfigInput& input) {
    const Assignment& assignment = input.assignment;
    const model::EngineSpec& spec = assignment.spec;
    file.group("Connections");
    file.set("listen_addresses", "127.0.0.1", "Loopback only: services run on this machine.");
    file.set("port", std::to_string(assignment.port), "Given out once for this engine.");
    file.set("unix_socket_directories", assignment.socket_directory,
             "The pool and local clients save TCP's share of each round trip.");
    file.set("max_connections",
             std::to_string(std::max(input.budget.connections_max, input.connections_at_least)),
             fmt::format("{} of the pool, {} direct, {} for replicas, {} reserved.",
                         spec.pool.enabled ? spec.pool.size : 0, spec.postgres.connections_direct,
                         spec.postgres.replicas, model::kConnectionsReserved));
    file.set("superuser_reserved_connections", std::to_string(model::kConnectionsReserved),
             "Shore's agents and a person who repairs get in when services have taken the rest.");
    file.set("restart_after_crash", "off",
             "When one of its processes crashes the server ends as a whole and is started again, "
             "with the pool's clients held meanwhile.");
    file.set("password_encryption", "scram-sha-256", "The server never learns the passwords.");
}

void add_memory(SettingsFile& file, const PostgresConfigInput& input) {
    const model::PostgresBudget& budget = input.budget;
    const Bytes memory = input.assignment.spec.postgres.memory;
    file.group(fmt::format("Memory: {} (deploy.resources.limits.memory)", base::to_text(memory)));
    file.set("shared_buffers", kilobytes(budget.shared_buffers),
             "A quarter: more only copies what the kernel's cache holds too.");
    file.set("effective_cache_size", kilobytes(budget.cache),
             "What the planner may expect in memory: shared_buffers and the kernel's cache.");
    file.set("work_mem", kilobytes(budget.work_mem),
             fmt::format("For each sort and hash: what is left, shared by {} connections of which "
                         "each has {} for itself.",
                         budget.connections_max, base::to_text(model::kConnectionBytes)));
    file.set("maintenance_work_mem", kilobytes(budget.maintenance_work_mem),
             "A sixteenth: CREATE INDEX and VACUUM; few run at once.");
    file.set("autovacuum_work_mem", kilobytes({budget.maintenance_work_mem.count / 2}),
             "Up to three workers share what one CREATE INDEX may take.");
    file.set("jit", "off", "Compiling costs short queries more than it saves.");
    file.set("random_page_cost", "1.1", "Solid state disks: a random read costs about a next one.");
    file.set("effective_io_concurrency", "200", "Likewise: many reads at once.");
}

void add_wal(SettingsFile& file, const PostgresConfigInput& input) {
    file.group("Write-ahead log");
    file.set("wal_level", "replica", "Replicas and backups can be added without a restart.");
    file.set("archive_mode", "on",
             "A restart would be needed to switch it on; archive_command takes a reload.");
    file.set("archive_command", "/bin/true",
             "Nothing archives yet. An empty command would keep every segment until the disk is "
             "full.");
    file.set("max_wal_size", kilobytes(input.budget.wal_size_max),
             "As the memory: bounds the disk it takes and the time that recovery takes.");
    file.set("min_wal_size", kilobytes({input.budget.wal_size_max.count / 4}),
             "Segments that are reused instead of made anew.");
    file.set("checkpoint_completion_target", "0.9", "Checkpoints are spread over their interval.");
    file.set("wal_compression", "lz4", "Full pages after a checkpoint shrink for little CPU.");
    file.set("max_wal_senders", "10", "Replicas, their copies and backups.");
    file.set("max_replication_slots", "10", "One for each replica, and some for other readers.");
    file.set("max_slot_wal_keep_size", kilobytes({input.budget.wal_size_max.count * 4}),
             "A replica that is gone must not fill the disk: one behind by more is made anew.");
    file.set("wal_receiver_timeout", "10s", "A replica notices a silent primary.");
    file.set("wal_sender_timeout", "10s", "And the primary a silent replica.");
    if (input.primary_port != 0) {
        file.set(
            "primary_conninfo",
            fmt::format("host={} port={} user={} passfile={} application_name={} "
                        "sslmode=disable gssencmode=disable connect_timeout=5",
                        input.assignment.socket_directory, input.primary_port, kReplicationRole,
                        input.passfile, replication_slot(input.assignment.slot)),
            "The primary that this replica follows.");
        file.set("primary_slot_name", replication_slot(input.assignment.slot),
                 "The primary keeps what this replica has not read.");
        file.set("wal_retrieve_retry_interval", "500ms",
                 "After a restart of the primary the replica is fed again at once.");
        file.set("hot_standby_feedback", "on",
                 "Queries on the replica are not cancelled by VACUUM on the primary.");
    }
}

void add_statistics(SettingsFile& file, const PostgresConfigInput& input) {
    file.group("Statistics and log");
    std::string libraries = input.has_statements ? "pg_stat_statements" : "";
    const auto& settings = input.assignment.spec.postgres.settings;
    if (const auto own = settings.find("shared_preload_libraries"); own != settings.end()) {
        libraries = own->second;
        if (input.has_statements && !libraries.contains("pg_stat_statements")) {
            libraries += libraries.empty() ? "pg_stat_statements" : ", pg_stat_statements";
        }
    }
    if (!libraries.empty()) {
        file.set("shared_preload_libraries", libraries, "Statistics of queries: shore db queries.");
    }
    file.set("track_io_timing", "on", "Which queries wait for the disk.");
    file.set("log_destination", "stderr", "The instance's log: shore logs.");
    file.set("logging_collector", "off", "Likewise.");
    file.set("log_line_prefix", "%q%u@%d ", "Time and instance are in the log already.");
    file.set("log_checkpoints", "off", "shore db status shows them.");
    file.set("log_lock_waits", "on", "Waits of more than a second for a lock are worth a line.");
    file.set("lc_messages", "C", "Messages in one language, for who searches them.");
    file.set("timezone", "UTC", "Times mean the same on every machine.");
    file.set("log_timezone", "UTC", "Likewise.");
}

}  // namespace

std::string replication_slot(uint32_t slot) {
    return fmt::format("shore_{}", slot);
}

Result<void> check_postgres_settings(const model::EngineSpec& spec) {
    for (const auto& [name, value] : spec.postgres.settings) {
        const std::string lower = base::to_lower(name);
        const auto owned = std::ranges::find(kOwned, std::string_view(lower), &Owned::name);
        if (owned != kOwned.end()) {
            return fail(ErrorCode::kInvalid, "settings.{} is Shore's own: {}", name,
                        owned->instead);
        }
        if (value.contains('\n') || lower != name) {
            return fail(ErrorCode::kInvalid, "settings.{}: {}", base::printable(name),
                        lower != name ? "write the name in lower case" : "a value is one line");
        }
    }
    for (const model::EngineUser& user : spec.users) {
        const std::string role = role_name(user.service);
        if (role.starts_with("shore_") || role.starts_with("pg_") || role == "postgres" ||
            role == "public" || role == "none") {
            return fail(ErrorCode::kInvalid,
                        "service {} cannot use PostgreSQL under this name: the role {} is "
                        "reserved",
                        user.service, role);
        }
    }
    return {};
}

std::string postgresql_conf(const PostgresConfigInput& input) {
    std::map<std::string, std::string> own = input.assignment.spec.postgres.settings;
    // Merged with Shore's own in add_statistics; never less than the primary's in add_connections.
    own.erase("shared_preload_libraries");
    own.erase("max_connections");
    SettingsFile file(own);
    file.group("Files");
    file.set("hba_file", input.hba_file, "Beside this file.");
    file.set("ident_file", input.ident_file, "Beside this file.");
    add_connections(file, input);
    add_memory(file, input);
    add_wal(file, input);
    add_statistics(file, input);
    return std::move(file).finish();
}

std::string pg_hba_conf() {
    return fmt::format(
        "# Written by Shore. Who may connect: this machine, with a password.\n"
        "# TYPE DATABASE USER ADDRESS METHOD\n"
        "local all all scram-sha-256\n"
        "host all all 127.0.0.1/32 scram-sha-256\n"
        "local replication {0} scram-sha-256\n"
        "host replication {0} 127.0.0.1/32 scram-sha-256\n",
        kReplicationRole);
}

std::string passfile_line(std::string_view role, std::string_view password) {
    return fmt::format("*:*:*:{}:{}\n", role, password);
}

std::string extension_package(std::string_view extension) {
    struct Known {
        std::string_view extension;
        std::string_view package;
    };
    static constexpr std::array<Known, 16> kKnown = {{
        {"vector", "postgresql-15-pgvector"},
        {"postgis", "postgresql-15-postgis-3"},
        {"postgis_topology", "postgresql-15-postgis-3"},
        {"postgis_raster", "postgresql-15-postgis-3"},
        {"postgis_tiger_geocoder", "postgresql-15-postgis-3"},
        {"pgrouting", "postgresql-15-pgrouting"},
        {"pg_cron", "postgresql-15-cron"},
        {"pg_partman", "postgresql-15-partman"},
        {"pg_repack", "postgresql-15-repack"},
        {"pgaudit", "postgresql-15-pgaudit"},
        {"hypopg", "postgresql-15-hypopg"},
        {"ip4r", "postgresql-15-ip4r"},
        {"hll", "postgresql-15-hll"},
        {"rum", "postgresql-15-rum"},
        {"plpython3u", "postgresql-plpython3-15"},
        {"plperl", "postgresql-plperl-15"},
    }};
    const auto known = std::ranges::find(kKnown, extension, &Known::extension);
    if (known != kKnown.end()) {
        return fmt::format("apt-get install {}", known->package);
    }
    return fmt::format(
        "install the package that has {}.control for PostgreSQL {} (apt-cache search "
        "postgresql-{})",
        extension, kPostgresVersion, kPostgresVersion);
}

std::string words_about_settings(std::string_view output) {
    constexpr std::string_view kFile = " in file ";
    std::string words;
    for (const std::string_view line : base::split(output, '\n')) {
        // Each finding is a LOG line (a HINT may follow); FATAL only says that there were some.
        for (const std::string_view level : {"LOG:  ", "HINT:  "}) {
            const size_t at = line.find(level);
            if (at != std::string_view::npos) {
                const std::string_view text = line.substr(at + level.size());
                words += fmt::format("{}{}", words.empty() ? "" : "; ",
                                     text.substr(0, text.find(kFile)));
            }
        }
    }
    return words.empty() ? std::string(output) : words;
}

std::string unknown_setting(std::string_view words) {
    constexpr std::string_view kWords = "unrecognized configuration parameter \"";
    const size_t at = words.find(kWords);
    if (at == std::string_view::npos) {
        return {};
    }
    const std::string_view name = words.substr(at + kWords.size());
    return std::string(name.substr(0, name.find('"')));
}

}  // namespace shore::engines
