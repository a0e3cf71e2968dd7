// deploy-zero-downtime: two releases after each other while requests and streams go on.
#include "prove/cases.h"
#include "prove/load.h"

namespace shore::prove {

using async::Task;

namespace {

constexpr uint32_t kStreams = 50;

}  // namespace

Task<Result<Finding>> prove_deploy(Laboratory& laboratory) {
    SHORE_CO_CHECK(co_await laboratory.deploy("v1"));
    SHORE_CO_TRY(const auto others, co_await laboratory.instances("events"));
    HttpLoad load(laboratory.loop(), {.address = laboratory.gateway(), .target = "/api/"});
    OpenStreams streams(laboratory.loop(), laboratory.gateway(), "/events/stream", kStreams);
    streams.start();
    load.start();
    SteadyTime before = laboratory.loop().now();
    Finding finding;
    for (const char* version : {"v2", "v3"}) {
        SHORE_CO_CHECK(co_await laboratory.deploy(version));
        const std::chrono::duration<double> length = laboratory.loop().now() - before;
        finding.measured.push_back(
            fmt::format("2 replicas replaced by {} in {:.1f} s", version, length.count()));
        before = laboratory.loop().now();
    }
    co_await load.reach(kRequestsMin);
    co_await load.stop();
    streams.stop();
    finding.measured.push_back(load.summary());
    finding.measured.push_back(streams.summary());
    judge(load, finding.missed);
    judge(streams, finding.missed);
    std::set<std::string> versions;
    for (const auto& [body, count] : load.bodies()) {
        versions.insert(body.substr(0, body.find(' ')));
    }
    if (versions != std::set<std::string>{"v1", "v2", "v3"}) {
        finding.missed.emplace_back("not every release was seen to answer");
    }
    SHORE_CO_TRY(const auto others_now, co_await laboratory.instances("events"));
    if (others != others_now) {
        finding.missed.emplace_back("the service that did not change was touched");
    }
    co_return finding;
}

}  // namespace shore::prove
