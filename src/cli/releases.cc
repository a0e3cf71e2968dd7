// shore releases: what was deployed.
#include "cli/context.h"
#include "cli/options.h"
#include "cli/status_view.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

using wire::Json;

async::Task<Result<int>> run_releases(Context& context, Arguments arguments) {
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    SHORE_CO_TRY(const std::string stack, co_await context.choose_stack(std::move(arguments)));
    SHORE_CO_TRY(const Json page, co_await context.client.get(stack_target(stack, "/releases")));
    Output& output = context.output;
    if (output.json()) {
        output.print(page.dump_indented());
        co_return 0;
    }
    Table table({{"RELEASE", Table::Align::kRight},
                 {"STATUS"},
                 {"AGE"},
                 {"ORIGIN"},
                 {"DIGEST"},
                 {"REASON"}});
    for (const Json& release : page["releases"].items()) {
        const std::string_view status = release["status"].text();
        table.add({std::to_string(release["number"].integer()),
                   output.paint(status, state_color(status)),
                   age_text(release["created_at"].text(), context.loop.wall_now()),
                   std::string(release["origin"].text()),
                   std::string(release["digest"].text().substr(0, 12)),
                   std::string(release["reason"].text())});
    }
    output.print(table.text(output.stdout_is_terminal() ? output.size().columns : 0));
    co_return 0;
}

}  // namespace

Command releases_command() {
    static constexpr std::string_view kExamples[] = {"shore releases",
                                                     "shore releases -p shop --json"};
    return {.name = "releases",
            .group = "Deploy",
            .summary = "What was deployed, newest first",
            .description = "The last 100 releases of a stack and what became of them.",
            .options = kStackOptions,
            .examples = kExamples,
            .run = run_releases};
}

}  // namespace shore::cli
