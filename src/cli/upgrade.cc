// shore upgrade: daemon and gateway by the program on disk, while everything serves on.
#include "async/timer.h"
#include "cli/context.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

constexpr std::chrono::seconds kAnewTimeout{30};
constexpr std::chrono::milliseconds kAnewInterval{25};

/// Waits until a daemon answers that started after `before`.
async::Task<Result<wire::Json>> next_daemon(Context& context, std::string before) {
    const SteadyTime last = context.loop.now() + kAnewTimeout;
    while (context.loop.now() < last) {
        auto version = co_await context.client.get("/v1/version");
        if (version && (*version)["started_at"].text() != before) {
            co_return version;
        }
        co_await async::sleep_for(context.loop, kAnewInterval);
    }
    co_return fail(ErrorCode::kTimeout,
                   "the daemon did not come back within {} s; apps and gateway run on. Its log is "
                   "{}; `shore status` starts another one",
                   kAnewTimeout.count(), context.ports.starter.log_path());
}

async::Task<Result<int>> run_upgrade(Context& context, Arguments) {
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kIfState));
    SHORE_CO_TRY(const wire::Json old, co_await context.client.get("/v1/version"));
    SHORE_CO_CHECK(co_await context.client.post("/v1/daemon/upgrade", {}));
    SHORE_CO_TRY(const wire::Json daemon,
                 co_await next_daemon(context, std::string(old["started_at"].text())));
    context.output.note(
        fmt::format("daemon: {} -> {}", old["version"].text(), daemon["version"].text()));
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kIfState));
    const auto gateway = co_await context.client.post("/v1/gateway/upgrade", {});
    if (!gateway && gateway.error().code() != ErrorCode::kConflict) {
        co_return fail(std::move(gateway).error());
    }
    context.output.note(gateway ? fmt::format("gateway: replaced by process {}; the old one ends "
                                              "when its last connection has",
                                              (*gateway)["pid"].integer())
                                : gateway.error().text());
    co_return 0;
}

}  // namespace

Command upgrade_command() {
    static constexpr std::string_view kExamples[] = {"shore upgrade"};
    return {.name = "upgrade",
            .group = "Processes",
            .summary = "Go on with the program on disk, without closing a connection",
            .description =
                "For after a newer Shore was installed. The daemon begins anew and takes over what "
                "runs; then the gateway is replaced as by `shore gateway upgrade`. Apps are not "
                "touched.",
            .examples = kExamples,
            .run = run_upgrade};
}

}  // namespace shore::cli
