#include "prove/database.h"

#include <charconv>

#include "wire/json.h"

namespace shore::prove {

using async::Task;

namespace {

// As docs/operating/engines.md describes them.
constexpr std::string_view kRecord = "state/volumes/proof/.engines/db.json";
constexpr std::string_view kPidFile = "state/volumes/proof/db.postgres-1/data/postmaster.pid";
constexpr std::string_view kServerPart = "postgres";
constexpr std::string_view kPoolPart = "pgbouncer";
constexpr std::chrono::seconds kAskLimit{60};

std::string manifest(const DatabaseOptions& options, std::string_view executable,
                     std::string_view gateway) {
    return fmt::format(
        "name: proof\n"
        "services:\n"
        "  db:\n"
        "    deploy: {{resources: {{limits: {{memory: 512M}}}}}}\n"
        "    x-shore: {{engine: postgres, database: proof, pool: {{size: {}, clients: {}}}}}\n"
        "  app:\n"
        "    command: [\"{}\", \"prove\", \"--app\"]\n"
        "    depends_on: [db]\n"
        "    healthcheck: {{interval: 500ms, timeout: 2s, retries: 3, start_period: 20s, "
        "start_interval: 50ms}}\n"
        "    x-shore: {{http: {{route: /, health: /healthz}}}}\n"
        "x-shore:\n  gateway: {{listen: [\"http://{}\"]}}\n",
        options.pool_size, options.pool_clients, executable, gateway);
}

net::Address address_of(const wire::Json& record, std::string_view part) {
    for (const wire::Json& peer : record["addresses"].items()) {
        if (peer["part"].text() == part && peer["slot"].integer() == 1) {
            return net::Address::loopback(static_cast<uint16_t>(peer["port"].integer()));
        }
    }
    return {};
}

}  // namespace

Task<Result<std::unique_ptr<Database>>> Database::deploy(Laboratory& laboratory,
                                                         DatabaseOptions options) {
    SHORE_CO_CHECK(co_await laboratory.deploy_manifest(
        manifest(options, laboratory.machine().executable(), laboratory.gateway().to_text())));
    SHORE_CO_TRY(const std::string text, laboratory.machine().read_file(kRecord));
    SHORE_CO_TRY(const wire::Json record, wire::Json::parse(text));
    const wire::Json& passwords = record["passwords"];
    std::unique_ptr<Database> database(new Database(laboratory, options.table,
                                                    std::string(passwords["app"].text()),
                                                    std::string(passwords["@admin"].text())));
    database->server_ = address_of(record, kServerPart);
    database->pool_ = address_of(record, kPoolPart);
    SHORE_CO_CHECK(co_await database->ask_directly(
        fmt::format("CREATE TABLE {} (id bigserial)", database->table_)));
    co_return database;
}

Task<Result<std::vector<std::string>>> Database::ask_directly(std::string sql) {
    async::Loop& loop = laboratory_.loop();
    const async::Deadline deadline = async::Deadline::in(loop, kAskLimit);
    SHORE_CO_TRY(const auto client, co_await PostgresClient::connect(loop, direct(), deadline));
    co_return co_await client->query(std::move(sql), deadline);
}

Task<Result<uint64_t>> Database::count_rows() {
    SHORE_CO_TRY(const std::vector<std::string> rows,
                 co_await ask_directly("SELECT count(*) FROM " + table_));
    uint64_t count = 0;
    for (const std::string& text : rows) {
        std::from_chars(text.data(), text.data() + text.size(), count);
    }
    co_return count;
}

Result<int> Database::server_pid() const {
    SHORE_TRY(const std::string text, laboratory_.machine().read_file(kPidFile));
    int pid = 0;
    std::from_chars(text.data(), text.data() + text.size(), pid);
    if (pid <= 0) {
        return fail(ErrorCode::kUnavailable, "{} names no process", kPidFile);
    }
    return pid;
}

}  // namespace shore::prove
