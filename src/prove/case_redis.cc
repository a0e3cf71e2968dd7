// redis-kill, redis-manual, redis-partition: what clients of a store with replicas notice when its
// primary goes, and that nothing acknowledged is lost.
#include <charconv>
#include <set>

#include "async/timer.h"
#include "prove/cases.h"
#include "prove/store_load.h"

namespace shore::prove {

using async::Task;
using std::chrono::duration;
using std::chrono::seconds;

namespace {

constexpr int kKills = 10;
/// From this one on the agent, which would see to a successor at once, is killed with the server.
constexpr int kKillsWithAgent = 6;
constexpr uint64_t kWritesMin = 300;
constexpr seconds kKillGap{3};
constexpr seconds kManualGap{1};
constexpr seconds kPartitionGap{5};
constexpr seconds kWholeWithin{60};
constexpr std::chrono::milliseconds kLookAgain{50};
constexpr int64_t kReplicas = 2;
constexpr int64_t kSentinels = 3;

std::string manifest(const Laboratory& laboratory, std::string_view executable) {
    return fmt::format(
        "name: proof\n"
        "services:\n"
        "  store: {{x-shore: {{engine: redis, ha: {{replicas: {}, sentinels: {}}}}}}}\n"
        "  client:\n"
        "    command: [\"{}\", \"prove\", \"--app\"]\n"
        "    depends_on: [store]\n"
        "    environment: {{VERSION: \"${{REDIS_URL}}\"}}\n"
        "    x-shore: {{http: {{route: /client, health: /healthz}}}}\n"
        "x-shore:\n  gateway: {{listen: [\"http://{}\"]}}\n",
        kReplicas, kSentinels, executable, laboratory.gateway().to_text());
}

int64_t field(const wire::RespValue& info, std::string_view name) {
    const std::string key = fmt::format("\n{}:", name);
    const size_t at = info.text.find(key);
    int64_t value = 0;
    if (at != std::string::npos) {
        const char* const begin = info.text.data() + at + key.size();
        (void)std::from_chars(begin, info.text.data() + info.text.size(), value);
    }
    return value;
}

struct Primary {
    int pid = 0;
    uint16_t port = 0;
};

/// The store under proof, its clients, and who is primary.
class Store final {
 public:
    Store(Laboratory& laboratory, StoreUrl url)
        : laboratory_(laboratory), url_(std::move(url)), load_(laboratory.loop(), url_) {}

    StoreLoad& load() { return load_; }

    /// The primary, once all replicas follow it.
    Task<Result<Primary>> wait_until_whole() {
        const SteadyTime last = laboratory_.loop().now() + kWholeWithin;
        while (laboratory_.loop().now() < last) {
            const auto client = co_await StoreClient::connect(laboratory_.loop(), url_);
            if (client) {
                const auto info = co_await (*client)->ask({"INFO"});
                if (info && field(*info, "connected_slaves") == kReplicas &&
                    field(*info, "min_slaves_good_slaves") == kReplicas) {
                    co_return Primary{.pid = static_cast<int>(field(*info, "process_id")),
                                      .port = static_cast<uint16_t>(field(*info, "tcp_port"))};
                }
            }
            co_await async::sleep_for(laboratory_.loop(), kLookAgain);
        }
        co_return fail(ErrorCode::kTimeout, "the replicas did not follow one primary within {} s",
                       kWholeWithin.count());
    }

    /// Waits until every sentinel could replace the primary at once: one failure after another is
    /// promised, not one into the middle of the last.
    Task<Result<void>> wait_until_settled() {
        const SteadyTime last = laboratory_.loop().now() + kWholeWithin;
        while (laboratory_.loop().now() < last) {
            SHORE_CO_TRY(const auto processes, co_await laboratory_.processes("store"));
            int64_t ready = 0;
            std::set<int64_t> named;
            for (const wire::Json& process : processes) {
                const wire::Json& status = process["status"];
                if (status["ready_to_elect"].truth()) {
                    ++ready;
                    named.insert(status["primary_port"].integer());
                }
            }
            if (ready == kSentinels && named.size() == 1) {
                co_return Result<void>();
            }
            co_await async::sleep_for(laboratory_.loop(), kLookAgain);
        }
        co_return fail(ErrorCode::kTimeout, "the sentinels were not ready to elect within {} s",
                       kWholeWithin.count());
    }

    /// Judges a round against its gap, and says what was measured.
    void judge_gap(std::string_view what, Duration limit, Finding& finding) {
        const double gap = duration<double>(load_.worst_gap()).count();
        finding.measured.push_back(
            fmt::format("{}: {:.2f} s without an acknowledged write", what, gap));
        if (load_.worst_gap() >= limit) {
            finding.missed.push_back(
                fmt::format("{}: {:.2f} s without an acknowledged write", what, gap));
        }
    }

    Task<Result<void>> judge_lost(Finding& finding) {
        SHORE_CO_TRY(const uint64_t lost, co_await load_.count_lost());
        finding.measured.push_back(load_.summary());
        finding.measured.push_back(fmt::format("{} acknowledged writes lost", lost));
        if (lost > 0) {
            finding.missed.push_back(fmt::format("{} acknowledged writes lost", lost));
        }
        for (const std::string& error : load_.errors()) {
            finding.missed.push_back(error);
        }
        co_return Result<void>();
    }

 private:
    Laboratory& laboratory_;
    StoreUrl url_;
    StoreLoad load_;
};

Task<Result<std::unique_ptr<Store>>> open_store(Laboratory& laboratory) {
    SHORE_CO_CHECK(co_await laboratory.deploy_manifest(
        manifest(laboratory, laboratory.machine().executable())));
    SHORE_CO_TRY(
        const net::HttpResponse answer,
        co_await net::http_fetch(laboratory.loop(), laboratory.gateway(), {.target = "/client/"},
                                 async::Deadline::in(laboratory.loop(), kWholeWithin)));
    SHORE_CO_TRY(StoreUrl url, parse_store_url(answer.body.substr(0, answer.body.find(' '))));
    auto store = std::make_unique<Store>(laboratory, std::move(url));
    SHORE_CO_TRY([[maybe_unused]] const Primary primary, co_await store->wait_until_whole());
    store->load().start();
    co_return store;
}

Result<void> went_on(bool more) {
    if (!more) {
        return fail(ErrorCode::kTimeout, "no writes are acknowledged");
    }
    return {};
}

}  // namespace

Task<Result<Finding>> prove_redis_kill(Laboratory& laboratory) {
    SHORE_CO_TRY(const auto store, co_await open_store(laboratory));
    Finding finding;
    for (int i = 1; i <= kKills; ++i) {
        // The first comes as soon as the store has started.
        if (i > 1) {
            SHORE_CO_CHECK(co_await store->wait_until_settled());
        }
        SHORE_CO_TRY(const Primary primary, co_await store->wait_until_whole());
        store->load().begin_round();
        SHORE_CO_CHECK(went_on(co_await store->load().more(kWritesMin)));
        const bool with_agent = i >= kKillsWithAgent;
        SHORE_CO_CHECK(with_agent ? laboratory.machine().kill_with_parent(primary.pid)
                                  : laboratory.machine().kill(primary.pid));
        SHORE_CO_CHECK(went_on(co_await store->load().more(kWritesMin)));
        store->judge_gap(fmt::format("kill {}{}", i, with_agent ? ", with its agent" : ""),
                         kKillGap, finding);
    }
    SHORE_CO_CHECK(co_await store->judge_lost(finding));
    co_return finding;
}

Task<Result<Finding>> prove_redis_manual(Laboratory& laboratory) {
    SHORE_CO_TRY(const auto store, co_await open_store(laboratory));
    Finding finding;
    SHORE_CO_TRY(const Primary before, co_await store->wait_until_whole());
    store->load().begin_round();
    SHORE_CO_CHECK(went_on(co_await store->load().more(kWritesMin)));
    SHORE_CO_CHECK(co_await laboratory.act("store", "failover"));
    SHORE_CO_CHECK(went_on(co_await store->load().more(kWritesMin)));
    store->judge_gap("failover on purpose", kManualGap, finding);
    SHORE_CO_TRY(const Primary after, co_await store->wait_until_whole());
    if (before.pid == after.pid) {
        finding.missed.push_back("the primary is still the same");
    }
    if (store->load().unknown() > 0) {
        finding.missed.push_back("commands had an unknown outcome");
    }
    SHORE_CO_CHECK(co_await store->judge_lost(finding));
    co_return finding;
}

Task<Result<Finding>> prove_redis_partition(Laboratory& laboratory) {
    SHORE_CO_TRY(const auto store, co_await open_store(laboratory));
    Finding finding;
    SHORE_CO_TRY(const Primary primary, co_await store->wait_until_whole());
    store->load().begin_round();
    SHORE_CO_CHECK(went_on(co_await store->load().more(kWritesMin)));
    SHORE_CO_TRY(const std::string how, laboratory.machine().cut_off(primary.pid, primary.port));
    finding.measured.push_back("the primary was cut off: " + how);
    const bool more = co_await store->load().more(kWritesMin);
    store->judge_gap("primary cut off", kPartitionGap, finding);
    SHORE_CO_CHECK(laboratory.machine().heal(primary.pid, primary.port));
    SHORE_CO_CHECK(went_on(more));
    SHORE_CO_TRY(const Primary after, co_await store->wait_until_whole());
    if (primary.pid == after.pid) {
        finding.missed.push_back("the primary that was cut off is still primary");
    }
    SHORE_CO_CHECK(co_await store->judge_lost(finding));
    co_return finding;
}

}  // namespace shore::prove
