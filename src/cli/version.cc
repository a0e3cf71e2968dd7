// shore version: of the program, and of the daemon if one answers.
#include "cli/context.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_version(Context& context, Arguments) {
    const std::string& own = context.surroundings.version;
    const auto daemon = co_await context.client.get("/v1/version");
    Output& output = context.output;
    if (output.json()) {
        wire::Json json = wire::Json::object().set("version", own);
        json.set("daemon", daemon ? *daemon : wire::Json());
        output.print(json.dump_indented());
        co_return 0;
    }
    output.print(fmt::format("shore {}\n", own));
    if (daemon && (*daemon)["version"].text() != own) {
        output.note(fmt::format("the daemon runs version {}; restart it to use this one",
                                (*daemon)["version"].text()));
    }
    co_return 0;
}

}  // namespace

Command version_command() {
    return {.name = "version",
            .group = "About",
            .summary = "Version of the program, and of the daemon if it differs",
            .description = "With --json both are printed.",
            .run = run_version};
}

}  // namespace shore::cli
