// shore shutdown: end the daemon, leave the apps.
#include "async/timer.h"
#include "cli/context.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

constexpr std::chrono::seconds kEndTimeout{15};
constexpr std::chrono::milliseconds kEndInterval{25};

async::Task<Result<int>> run_shutdown(Context& context, Arguments) {
    auto asked = co_await context.client.post("/v1/daemon/shutdown", {});
    if (!asked && context.client.was_absent()) {
        context.output.note("no daemon runs");
        co_return 0;
    }
    SHORE_CO_CHECK(std::move(asked));
    const SteadyTime until = context.loop.now() + kEndTimeout;
    while (context.loop.now() < until) {
        const auto alive = co_await context.client.ready();
        if (!alive && context.client.was_absent()) {
            context.output.note("the daemon has ended; apps and gateway keep running");
            co_return 0;
        }
        co_await async::sleep_for(context.loop, kEndInterval);
    }
    co_return fail(ErrorCode::kTimeout, "the daemon still answers; its log is {}",
                   context.ports.starter.log_path());
}

}  // namespace

Command shutdown_command() {
    return {
        .name = "shutdown",
        .group = "Processes",
        .summary = "End the daemon; apps and gateway keep running",
        .description =
            "The next daemon adopts what runs, without a restart. To stop the apps: `shore down`.",
        .run = run_shutdown};
}

}  // namespace shore::cli
