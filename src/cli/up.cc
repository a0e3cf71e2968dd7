// shore up: deploy the manifest here and wait until everything is healthy.
#include "cli/deploy_flow.h"
#include "cli/log_printer.h"
#include "cli/options.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_up(Context& context, Arguments arguments) {
    SHORE_CO_TRY(const int status, co_await run_deploy(context, arguments, "up"));
    if (status != 0 || !arguments.has("follow") || arguments.has("detach")) {
        co_return status;
    }
    SHORE_CO_TRY(std::string stack, co_await context.choose_stack(std::move(arguments)));
    co_return co_await print_logs(context,
                                  {.stack = std::move(stack), .tail = "0", .follow = true});
}

}  // namespace

Command up_command() {
    static constexpr Option kOptions[] = {
        kFileOption,
        kEnvOption,
        kProjectOption,
        {"detach", 'd', "", "Return as soon as the release is accepted"},
        {"wait", 0, "", "Wait until everything is healthy (the default)"},
        kNoWaitOption,
        kWaitTimeoutOption,
        {"follow", 0, "", "Then follow the logs"},
        {"force", 0, "", "Replace every instance, even when nothing changed"},
        kProfileOption,
        kEnvFileOption};
    static constexpr std::string_view kExamples[] = {
        "shore up", "shore up -d", "shore up -f compose.yaml -f compose.prod.yaml",
        "shore up --env testing"};
    return {
        .name = "up",
        .group = "Deploy",
        .summary = "Start the stack of the manifest here, or bring it up to date",
        .description =
            "Loads shore.yaml or compose.yaml of this directory, makes a release of it, and waits "
            "until every service is healthy; then prints the services and where they are. Starts "
            "the daemon if none runs. When nothing changed it does nothing. A release that does "
            "not "
            "get healthy is rolled back, and the status is 1. Interrupting the wait does not stop "
            "the release.",
        .options = kOptions,
        .examples = kExamples,
        .run = run_up};
}

}  // namespace shore::cli
