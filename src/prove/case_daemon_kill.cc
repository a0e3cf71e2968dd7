// daemon-kill: the daemon is killed and started again while requests and streams go on.
#include "async/timer.h"
#include "prove/cases.h"
#include "prove/load.h"

namespace shore::prove {

using async::Task;

namespace {
constexpr int kKills = 3;
constexpr uint32_t kStreams = 50;
// Apps and gateway serve alone for this long.
constexpr std::chrono::milliseconds kAlone{1000};
}  // namespace

Task<Result<Finding>> prove_daemon_kill(Laboratory& laboratory) {
    SHORE_CO_CHECK(co_await laboratory.deploy("v1"));
    SHORE_CO_TRY(const auto before, co_await laboratory.instances("api"));
    HttpLoad load(laboratory.loop(), {.address = laboratory.gateway(), .target = "/api/"});
    OpenStreams streams(laboratory.loop(), laboratory.gateway(), "/events/stream", kStreams);
    load.start();
    streams.start();
    Finding finding;
    for (int i = 0; i < kKills; ++i) {
        SHORE_CO_CHECK(laboratory.machine().kill(laboratory.daemon_pid()));
        co_await async::sleep_for(laboratory.loop(), kAlone);
        const SteadyTime started = laboratory.loop().now();
        SHORE_CO_CHECK(co_await laboratory.start_daemon());
        const std::chrono::duration<double> gap = laboratory.loop().now() - started;
        finding.measured.push_back(
            fmt::format("a new daemon had adopted everything after {:.2f} s", gap.count()));
        SHORE_CO_TRY(const auto now, co_await laboratory.instances("api"));
        if (now != before) {
            finding.missed.emplace_back("an instance was restarted or forgotten");
        }
    }
    co_await load.reach(kRequestsMin);
    co_await load.stop();
    streams.stop();
    finding.measured.push_back(load.summary());
    finding.measured.push_back(streams.summary());
    judge(load, finding.missed);
    judge(streams, finding.missed);
    co_return finding;
}

}  // namespace shore::prove
