// shore stop: stop services, keep the stack.
#include "cli/options.h"
#include "cli/service_change.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_stop(Context& context, Arguments arguments) {
    return change_services(context, std::move(arguments), "stop", "stopped");
}

}  // namespace

Command stop_command() {
    static constexpr std::string_view kExamples[] = {"shore stop", "shore stop api"};
    return {.name = "stop",
            .group = "Services",
            .summary = "Stop services; they stay stopped until start",
            .description =
                "Their routes answer 503 meanwhile. Volumes, logs and the stack itself are kept.",
            .options = kChangeOptions,
            .positionals = kServicePositionals,
            .examples = kExamples,
            .run = run_stop};
}

}  // namespace shore::cli
