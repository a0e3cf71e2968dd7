// crash-zero-downtime: instances are killed one after another while GET requests go on.
#include "prove/cases.h"
#include "prove/load.h"

namespace shore::prove {

using async::Task;

namespace {
constexpr int kKills = 3;
constexpr std::chrono::seconds kBackWithin{10};
}  // namespace

Task<Result<Finding>> prove_crash(Laboratory& laboratory) {
    SHORE_CO_CHECK(co_await laboratory.deploy("v1"));
    HttpLoad load(laboratory.loop(), {.address = laboratory.gateway(), .target = "/api/"});
    load.start();
    Finding finding;
    for (int i = 0; i < kKills; ++i) {
        SHORE_CO_TRY(const auto running,
                     co_await laboratory.wait_until_running("api", 2, 0, kBackWithin));
        const int victim = running.front().pid;
        const SteadyTime killed = laboratory.loop().now();
        SHORE_CO_CHECK(laboratory.machine().kill(victim));
        const auto back = co_await laboratory.wait_until_running("api", 2, victim, kBackWithin);
        if (!back) {
            finding.missed.push_back(back.error().text());
            break;
        }
        const std::chrono::duration<double> gap = laboratory.loop().now() - killed;
        finding.measured.push_back(
            fmt::format("killed instance replaced after {:.2f} s", gap.count()));
    }
    co_await load.reach(kRequestsMin);
    co_await load.stop();
    finding.measured.push_back(load.summary());
    judge(load, finding.missed);
    co_return finding;
}

}  // namespace shore::prove
