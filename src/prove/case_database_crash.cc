// db-crash: PostgreSQL is killed under load through the pool.
#include <algorithm>
#include <optional>

#include "async/event.h"
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
// Clients that have nothing under way when the server is killed and begin a transaction afterwards:
// many in the first milliseconds, the others one after another until the server is long back.
constexpr uint32_t kIdle = 500;
constexpr uint32_t kIdleEarly = 100;
constexpr std::chrono::microseconds kEarlyEvery{200};
constexpr milliseconds kLaterEvery{4};

struct Load {
    uint64_t acknowledged = 0;
    uint64_t broken = 0;  // Clients that had to connect anew.
    SteadyTime last_answer{};
    SteadyTime killed{};
    std::optional<Duration> gap;  // From the kill to the first commit after it.
    std::string words;
    bool ends = false;
};

struct Idle {
    explicit Idle(async::Loop& loop) : killed(loop), changed(loop) {}
    uint32_t connected = 0;
    uint64_t asked = 0;
    uint64_t answered = 0;
    std::vector<std::string> failures;
    bool ends = false;
    async::Event killed;
    async::Event changed;
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

Duration begins_after(uint32_t number) {
    return number < kIdleEarly ? number * Duration(kEarlyEvery)
                               : (number - kIdleEarly) * Duration(kLaterEvery);
}

/// One transaction after each kill.
Task<void> ask_after_kills(async::Loop& loop, Idle& idle, PostgresLogin login, uint32_t number) {
    std::unique_ptr<PostgresClient> client;
    while (!idle.ends) {
        if (!client) {
            const Deadline deadline = Deadline::in(loop, kStepLimit);
            auto connected = co_await PostgresClient::connect(loop, login, deadline);
            if (!connected) {
                idle.failures.push_back(connected.error().text());
                co_return;
            }
            client = std::move(*connected);
            ++idle.connected;
            idle.changed.pulse();
        }
        co_await idle.killed.wait();
        if (idle.ends) {
            co_return;
        }
        co_await async::sleep_for(loop, begins_after(number));
        ++idle.asked;
        const auto inserted = co_await client->query("INSERT INTO paid DEFAULT VALUES",
                                                     Deadline::in(loop, kStepLimit));
        if (inserted) {
            ++idle.answered;
        } else {
            idle.failures.push_back(inserted.error().text());
            --idle.connected;
            client.reset();
        }
        idle.changed.pulse();
    }
}

/// They log in a few at a time: the listening socket's queue holds 128.
Task<Result<void>> gather_idle(async::Loop& loop, Idle& idle, Database& database,
                               async::Scope& scope) {
    const Deadline deadline = Deadline::in(loop, kStepLimit);
    for (uint32_t i = 0; i < kIdle; ++i) {
        scope.spawn(ask_after_kills(loop, idle, database.pooled(), i));
        while (i + 1 - idle.connected > kIdleEarly / 2 && idle.failures.empty()) {
            if (!co_await async::pulsed(loop, idle.changed, deadline)) {
                co_return fail(ErrorCode::kTimeout, "only {} idle clients could connect",
                               idle.connected);
            }
        }
    }
    co_return Result<void>();
}

Task<Result<void>> kill_once(Laboratory& laboratory, Database& database, Load& load, Idle& idle,
                             Finding& finding) {
    async::Loop& loop = laboratory.loop();
    co_await async::sleep_for(loop, kLoadBefore);
    SHORE_CO_TRY(const int pid, database.server_pid());
    const uint64_t broken_before = load.broken;
    const uint64_t asked_before = idle.asked;
    const size_t failed_before = idle.failures.size();
    load.gap.reset();
    load.killed = loop.now();
    SHORE_CO_CHECK(laboratory.machine().kill(pid));
    idle.killed.pulse();
    const Deadline deadline = Deadline::in(loop, kStepLimit);
    while (!load.gap && loop.now() < deadline.at) {
        co_await async::sleep_for(loop, kLookEvery);
    }
    if (!load.gap) {
        finding.missed.push_back("no commit after the kill: " + load.words);
        co_return Result<void>();
    }
    while (idle.asked < asked_before + kIdle || idle.answered + idle.failures.size() < idle.asked) {
        if (!co_await async::pulsed(loop, idle.changed, deadline)) {
            finding.missed.emplace_back("idle clients got no answer");
            break;
        }
    }
    const std::chrono::duration<double> gap = *load.gap;
    const uint64_t broken = load.broken - broken_before;
    const size_t failed = idle.failures.size() - failed_before;
    finding.measured.push_back(
        fmt::format("killed: {} of {} clients had to connect anew, the others waited; of {} idle "
                    "ones that began afterwards {} failed; commits again after {:.2f} s",
                    broken, kClients, kIdle, failed, gap.count()));
    if (failed > 0) {
        finding.missed.push_back(
            fmt::format("{} clients that had nothing under way were failed: "
                        "{}",
                        failed, idle.failures.back()));
    }
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
                 co_await Database::deploy(laboratory, {.pool_size = kPoolSize, .table = "paid"}));
    Finding finding;
    Load load;
    Idle idle(loop);
    async::Scope scope(loop);
    SHORE_CO_CHECK(co_await gather_idle(loop, idle, *database, scope));
    for (uint32_t i = 0; i < kClients; ++i) {
        scope.spawn(insert_rows(loop, load, database->pooled()));
    }
    for (uint32_t i = 0; i < kKills; ++i) {
        SHORE_CO_CHECK(co_await kill_once(laboratory, *database, load, idle, finding));
    }
    load.ends = true;
    idle.ends = true;
    idle.killed.pulse();
    co_await scope.join();
    const uint64_t acknowledged = load.acknowledged + idle.answered;
    SHORE_CO_TRY(const uint64_t kept, co_await database->count_rows());
    finding.measured.push_back(
        fmt::format("{} commits acknowledged, {} rows kept", acknowledged, kept));
    if (kept < acknowledged) {
        finding.missed.push_back(fmt::format("{} committed rows are lost", acknowledged - kept));
    }
    co_return finding;
}

}  // namespace shore::prove
