// shore restart: replace instances without a gap.
#include "cli/options.h"
#include "cli/service_change.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_restart(Context& context, Arguments arguments) {
    return change_services(context, std::move(arguments), "restart", "restarted");
}

}  // namespace

Command restart_command() {
    static constexpr std::string_view kExamples[] = {"shore restart", "shore restart api"};
    return {.name = "restart",
            .group = "Services",
            .summary = "Restart services without a gap",
            .description = "New instances are healthy before old ones go, as in a rolling update.",
            .options = kChangeOptions,
            .positionals = kServicePositionals,
            .examples = kExamples,
            .run = run_restart};
}

}  // namespace shore::cli
