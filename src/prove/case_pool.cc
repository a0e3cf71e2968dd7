// pool-1000: a thousand clients at once on the pool's few server connections.
#include <algorithm>

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

constexpr uint32_t kClients = 1000;
constexpr uint32_t kPoolSize = 25;
constexpr uint32_t kTransactions = 10;
// So many log in at a time: the listening socket's queue holds 128.
constexpr uint32_t kConnecting = 50;
constexpr uint32_t kTimed = 100;
constexpr double kFaster = 5;
constexpr seconds kStepLimit{60};
constexpr milliseconds kLookEvery{10};

struct Crowd {
    explicit Crowd(async::Loop& loop) : changed(loop) {}
    uint32_t connected = 0;
    uint32_t done = 0;
    uint64_t transactions = 0;
    uint64_t rows = 0;
    std::vector<std::string> failures;
    bool may_begin = false;
    async::Event changed;
};

Task<Result<void>> transact(PostgresClient& client, Crowd& crowd, const Deadline deadline) {
    for (uint32_t i = 0; i < kTransactions; ++i) {
        SHORE_CO_CHECK(co_await client.query("BEGIN", deadline));
        SHORE_CO_CHECK(co_await client.query("INSERT INTO visits DEFAULT VALUES", deadline));
        SHORE_CO_CHECK(co_await client.query("COMMIT", deadline));
        ++crowd.transactions;
    }
    co_return Result<void>();
}

Task<Result<void>> be_one(async::Loop& loop, Crowd& crowd, PostgresLogin login) {
    const Deadline deadline = Deadline::in(loop, 2 * kStepLimit);
    SHORE_CO_TRY(const auto client,
                 co_await PostgresClient::connect(loop, std::move(login), deadline));
    SHORE_CO_CHECK(co_await client->query("SELECT 1", deadline));
    ++crowd.connected;
    crowd.changed.pulse();
    while (!crowd.may_begin) {
        co_await crowd.changed.wait();
    }
    auto outcome = co_await transact(*client, crowd, deadline);
    // All stay until the last has finished: a thousand connections to the end.
    ++crowd.done;
    crowd.changed.pulse();
    while (crowd.done < kClients) {
        co_await crowd.changed.wait();
    }
    co_return outcome;
}

Task<void> be_one_of(async::Loop& loop, Crowd& crowd, PostgresLogin login) {
    const auto outcome = co_await be_one(loop, crowd, std::move(login));
    if (!outcome) {
        crowd.failures.push_back(outcome.error().text());
        // One that has failed holds up nobody.
        ++crowd.connected;
        ++crowd.done;
        crowd.changed.pulse();
    }
}

/// The most connections that the services' roles have had at one look.
struct Watcher {
    uint32_t most = 0;
    uint32_t looks = 0;
    bool ends = false;
};

Task<void> watch(async::Loop& loop, Watcher& watcher, PostgresClient& admin) {
    while (!watcher.ends) {
        const auto count = co_await admin.query(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND "
            "usename NOT IN ('shore_admin', 'shore_monitor')",
            Deadline::in(loop, kStepLimit));
        if (count && !count->empty()) {
            watcher.most =
                std::max(watcher.most, static_cast<uint32_t>(std::stoul(count->front())));
            ++watcher.looks;
        }
        co_await async::sleep_for(loop, kLookEvery);
    }
}

/// Connecting, one query and its answer.
Task<Result<Duration>> time_connecting(async::Loop& loop, PostgresLogin login) {
    const Deadline deadline = Deadline::in(loop, kStepLimit);
    const auto began = std::chrono::steady_clock::now();
    SHORE_CO_TRY(const auto client, co_await PostgresClient::connect(loop, login, deadline));
    SHORE_CO_CHECK(co_await client->query("SELECT 1", deadline));
    co_return std::chrono::steady_clock::now() - began;
}

/// The lower quartile: on a machine that others use, the rest is waiting for a processor.
Duration quartile(std::vector<Duration> times) {
    std::ranges::sort(times);
    return times[times.size() / 4];
}

double as_milliseconds(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

Task<Result<void>> compare_connecting(async::Loop& loop, Database& database, Finding& finding) {
    std::vector<Duration> pooled;
    std::vector<Duration> direct;
    // In turns, so that a busy moment of the machine is both one's.
    for (uint32_t i = 0; i < kTimed; ++i) {
        SHORE_CO_TRY(pooled.emplace_back(), co_await time_connecting(loop, database.pooled()));
        SHORE_CO_TRY(direct.emplace_back(), co_await time_connecting(loop, database.direct()));
    }
    const double with = as_milliseconds(quartile(std::move(pooled)));
    const double without = as_milliseconds(quartile(std::move(direct)));
    const double faster = without / with;
    finding.measured.push_back(
        fmt::format("connect and first answer, lower quartile of {} in turns: {:.2f} ms through "
                    "the pool, {:.2f} ms directly: {:.1f} times faster",
                    kTimed, with, without, faster));
    if (faster < kFaster) {
        finding.missed.push_back(fmt::format("less than {} times faster", kFaster));
    }
    co_return Result<void>();
}

Task<Result<void>> gather(async::Loop& loop, Crowd& crowd, Database& database,
                          async::Scope& scope) {
    const Deadline deadline = Deadline::in(loop, kStepLimit);
    for (uint32_t started = 0; started < kClients;) {
        while (started < kClients && started - crowd.connected < kConnecting) {
            scope.spawn(be_one_of(loop, crowd, database.pooled()));
            ++started;
        }
        if (!co_await async::pulsed(loop, crowd.changed, deadline)) {
            co_return fail(ErrorCode::kTimeout, "only {} of {} clients could connect",
                           crowd.connected, kClients);
        }
    }
    while (crowd.connected < kClients) {
        if (!co_await async::pulsed(loop, crowd.changed, deadline)) {
            co_return fail(ErrorCode::kTimeout, "only {} of {} clients could connect",
                           crowd.connected, kClients);
        }
    }
    co_return Result<void>();
}

}  // namespace

Task<Result<Finding>> prove_pool(Laboratory& laboratory) {
    async::Loop& loop = laboratory.loop();
    SHORE_CO_TRY(const auto database, co_await Database::deploy(
                                          laboratory, {.pool_size = kPoolSize, .table = "visits"}));
    Finding finding;
    SHORE_CO_CHECK(co_await compare_connecting(loop, *database, finding));
    Watcher watcher;
    Crowd crowd(loop);
    SHORE_CO_TRY(const auto admin, co_await PostgresClient::connect(
                                       loop, database->admin(), Deadline::in(loop, kStepLimit)));
    async::Scope scope(loop);
    SHORE_CO_CHECK(co_await gather(loop, crowd, *database, scope));
    scope.spawn(watch(loop, watcher, *admin));
    const SteadyTime began = loop.now();
    crowd.may_begin = true;
    crowd.changed.pulse();
    while (crowd.done < kClients) {
        if (!co_await async::pulsed(loop, crowd.changed, Deadline::in(loop, kStepLimit))) {
            finding.missed.push_back(
                fmt::format("{} clients did not finish", kClients - crowd.done));
            break;
        }
    }
    const std::chrono::duration<double> took = loop.now() - began;
    watcher.ends = true;
    co_await scope.join();
    SHORE_CO_TRY(const uint64_t rows, co_await database->count_rows());
    finding.measured.push_back(fmt::format(
        "{} clients at once, {} transactions in {:.1f} s, {} rows, {} errors; at most {} server "
        "connections in {} looks",
        kClients, crowd.transactions, took.count(), rows, crowd.failures.size(), watcher.most,
        watcher.looks));
    if (watcher.most > kPoolSize) {
        finding.missed.push_back(fmt::format("more than {} server connections", kPoolSize));
    }
    if (!crowd.failures.empty()) {
        finding.missed.push_back(
            fmt::format("{} clients failed: {}", crowd.failures.size(), crowd.failures.front()));
    }
    if (rows != uint64_t{kClients} * kTransactions) {
        finding.missed.emplace_back("a committed row is missing");
    }
    co_return finding;
}

}  // namespace shore::prove
