// shore start: start stopped services.
#include "cli/options.h"
#include "cli/service_change.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_start(Context& context, Arguments arguments) {
    return change_services(context, std::move(arguments), "start", "started");
}

}  // namespace

Command start_command() {
    static constexpr std::string_view kExamples[] = {"shore start", "shore start api"};
    return {.name = "start",
            .group = "Services",
            .summary = "Start services that were stopped",
            .description = "Services that run are left alone.",
            .options = kChangeOptions,
            .positionals = kServicePositionals,
            .examples = kExamples,
            .run = run_start};
}

}  // namespace shore::cli
