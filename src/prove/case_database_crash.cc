// db-crash: PostgreSQL is killed under load through the pool.
#include <algorithm>
#include <optional>

#include "async/scope.h"
#include "async/timer.h"
#include "prove/cases.h"
#include "prove/database.h"

namespace shore::prove {

using async::Deadline;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr uint32_t kClients = 200;
constexpr uint32_t kPoolSize = 10;
constexpr uint32_t kKills = 3;
constexpr seconds kLoadBefore{1};
constexpr seconds kReadyWithin{10};
constexpr seconds kStepLimit{60};
constexpr milliseconds kLookEvery{20};
constexpr milliseconds kThink{5};

struct Load {
    uint64_t acknowledged = 0;
    uint64_t broken = 0;  // Clients that had to connect anew.
    SteadyTime last_answer{};
    SteadyTime killed{};
    std::optional<Duration> gap;  // From the kill to the first commit after it.
    std::string words;
    bool ends = false;
};

void note_answer(async::Loop& loop, Load& load) {
    ++load.acknowledged;
    load.last_answer = loop.now();
}

/// Inserts numbered rows until told to end; counts those that were acknowledged.
Task<void> insert_rows(async::Loop& loop, Load& load, PostgresLogin login) {
    std::unique_ptr<PostgresClient> client;
    while (!load.ends) {
        const Deadline deadline = Deadline::in(loop, kStepLimit);
        if (!client) {
            auto connected = co_await PostgresClient::connect(loop, login, deadline);
            if (!connected) {
                load.words = connected.error().text();
                co_await async::sleep_for(loop, kLookEvery);
                continue;
            }
            client = std::move(*connected);
        }
        const SteadyTime asked = loop.now();
        const auto inserted = co_await client->query("INSERT INTO paid DEFAULT VALUES", deadline);
        if (!inserted) {
            load.words = inserted.error().text();
            ++load.broken;
            client.reset();
            continue;
        }
        note_answer(loop, load);
        // A commit that was asked for after the kill: the server is back.
        if (load.killed != SteadyTime{} && asked > load.killed && !load.gap) {
            load.gap = loop.now() - load.killed;
        }
        co_await async::sleep_for(loop, kThink);
    }
}

Task<Result<void>> kill_once(Laboratory& laboratory, Database& database, Load& load,
                             Finding& finding) {
    async::Loop& loop = laboratory.loop();
    co_await async::sleep_for(loop, kLoadBefore);
    SHORE_CO_TRY(const int pid, database.server_pid());
    const uint64_t broken_before = load.broken;
    load.gap.reset();
    load.killed = loop.now();
    SHORE_CO_CHECK(laboratory.machine().kill(pid));
    const Deadline deadline = Deadline::in(loop, kStepLimit);
    while (!load.gap && loop.now() < deadline.at) {
        co_await async::sleep_for(loop, kLookEvery);
    }
    if (!load.gap) {
        finding.missed.push_back("no commit after the kill: " + load.words);
        co_return Result<void>();
    }
    const std::chrono::duration<double> gap = *load.gap;
    const uint64_t broken = load.broken - broken_before;
    finding.measured.push_back(
        fmt::format("killed: {} of {} clients had to connect anew, the "
                    "others waited; commits again after {:.2f} s",
                    broken, kClients, gap.count()));
    if (gap > kReadyWithin) {
        finding.missed.push_back(fmt::format("not ready within {} s", kReadyWithin.count()));
    }
    // Those with a server connection, and as many that ask before the pool holds its clients.
    if (broken > 2 * kPoolSize) {
        finding.missed.push_back(
            fmt::format("{} clients that waited were failed: {}", broken - kPoolSize, load.words));
    }
    co_return Result<void>();
}

}  // namespace

Task<Result<Finding>> prove_database_crash(Laboratory& laboratory) {
    async::Loop& loop = laboratory.loop();
    SHORE_CO_TRY(const auto database,
                 co_await Database::deploy(laboratory, {.pool_size = kPoolSize}));
    {
        const Deadline deadline = Deadline::in(loop, kStepLimit);
        SHORE_CO_TRY(const auto owner,
                     co_await PostgresClient::connect(loop, database->direct(), deadline));
        SHORE_CO_CHECK(co_await owner->query("CREATE TABLE paid (id bigserial)", deadline));
    }
    Finding finding;
    Load load;
    async::Scope scope(loop);
    for (uint32_t i = 0; i < kClients; ++i) {
        scope.spawn(insert_rows(loop, load, database->pooled()));
    }
    for (uint32_t i = 0; i < kKills; ++i) {
        SHORE_CO_CHECK(co_await kill_once(laboratory, *database, load, finding));
    }
    load.ends = true;
    co_await scope.join();
    const Deadline deadline = Deadline::in(loop, kStepLimit);
    SHORE_CO_TRY(const auto owner,
                 co_await PostgresClient::connect(loop, database->direct(), deadline));
    SHORE_CO_TRY(const auto rows, co_await owner->query("SELECT count(*) FROM paid", deadline));
    const uint64_t kept = rows.empty() ? 0 : std::stoull(rows.front());
    finding.measured.push_back(
        fmt::format("{} commits acknowledged, {} rows kept", load.acknowledged, kept));
    if (kept < load.acknowledged) {
        finding.missed.push_back(
            fmt::format("{} committed rows are lost", load.acknowledged - kept));
    }
    co_return finding;
}

}  // namespace shore::prove
