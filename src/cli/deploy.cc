// shore deploy: the same as up, for pipelines.
#include "cli/deploy_flow.h"
#include "cli/options.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_deploy_verb(Context& context, Arguments arguments) {
    return run_deploy(context, std::move(arguments), "deploy");
}

}  // namespace

Command deploy_command() {
    static constexpr Option kOptions[] = {
        kFileOption,        kEnvOption,
        kProjectOption,     kNoWaitOption,
        kWaitTimeoutOption, {"force", 0, "", "Replace every instance, even when nothing changed"},
        kProfileOption,     kEnvFileOption};
    static constexpr std::string_view kExamples[] = {"shore deploy",
                                                     "shore deploy --wait-timeout 5m"};
    return {.name = "deploy",
            .group = "Deploy",
            .summary = "Make a release of the manifest and roll it out",
            .description =
                "New instances start and get healthy before old ones are drained and stopped. A "
                "release "
                "that does not get healthy is rolled back by itself, and the status is 1.",
            .options = kOptions,
            .examples = kExamples,
            .run = run_deploy_verb};
}

}  // namespace shore::cli
