// shore plan: what a deploy would do, without doing it.
#include "cli/change_view.h"
#include "cli/deploy_flow.h"
#include "cli/options.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

using wire::Json;

async::Task<Result<int>> run_plan(Context& context, Arguments arguments) {
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kAlways));
    SHORE_CO_TRY(const Json plan, co_await context.client.post(
                                      "/v1/plan", deploy_body(context, arguments, "deploy")));
    Output& output = context.output;
    print_notes(context, plan["notes"]);
    if (output.json()) {
        output.print(plan.dump_indented());
        co_return 0;
    }
    for (const Json& warning : plan["warnings"].items()) {
        output.note(
            fmt::format("{} {}", output.paint_error("warning:", Color::kYellow), warning.text()));
    }
    if (!plan["changed"].truth()) {
        output.print(
            fmt::format("{} is up to date; a deploy would do nothing\n", plan["stack"].text()));
        co_return 0;
    }
    std::string text =
        fmt::format("{} would become release {}\n",
                    output.paint(plan["stack"].text(), Color::kBold), plan["release"].integer());
    if (!plan["changes"].items().empty()) {
        text += "\nChanges\n" + changes_text(output, plan["changes"]);
    }
    if (!plan["steps"].items().empty()) {
        text += "\nSteps\n";
        size_t number = 0;
        for (const Json& step : plan["steps"].items()) {
            text += fmt::format("{:3}. {}\n", ++number, step["text"].text());
        }
    }
    output.print(text);
    co_return 0;
}

}  // namespace

Command plan_command() {
    static constexpr Option kOptions[] = {kFileOption, kEnvOption, kProjectOption, kProfileOption,
                                          kEnvFileOption};
    static constexpr std::string_view kExamples[] = {"shore plan",
                                                     "shore plan -f compose.yaml --json"};
    return {.name = "plan",
            .group = "Deploy",
            .summary = "What a deploy would change, and in which order",
            .description = "Nothing is started, stopped or stored.",
            .options = kOptions,
            .examples = kExamples,
            .run = run_plan};
}

}  // namespace shore::cli
