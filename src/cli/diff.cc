// shore diff: differences between two releases.
#include "cli/change_view.h"
#include "cli/context.h"
#include "cli/number_argument.h"
#include "cli/options.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_diff(Context& context, Arguments arguments) {
    std::string query;
    for (const auto& [argument, name] : {std::pair("FROM", "from"), std::pair("TO", "to")}) {
        if (!arguments.has(argument)) {
            continue;
        }
        const auto release = positive_number(arguments.value(argument));
        if (!release) {
            co_return context.wrong_usage(
                fmt::format("{} is the number of a release; see `shore releases`", argument));
        }
        query += fmt::format("{}{}={}", query.empty() ? "?" : "&", name, *release);
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    SHORE_CO_TRY(const std::string stack, co_await context.choose_stack(std::move(arguments)));
    SHORE_CO_TRY(const wire::Json diff,
                 co_await context.client.get(stack_target(stack, "/diff" + query)));
    Output& output = context.output;
    if (output.json()) {
        output.print(diff.dump_indented());
    } else if (diff["changes"].items().empty()) {
        output.note(fmt::format("releases {} and {} have the same manifest", diff["from"].integer(),
                                diff["to"].integer()));
    } else {
        output.print(changes_text(output, diff["changes"]));
    }
    co_return 0;
}

}  // namespace

Command diff_command() {
    static constexpr Positional kPositionals[] = {
        {"FROM", Positional::Count::kOptional,
         "A release; without numbers the newest is compared with the one before"},
        {"TO", Positional::Count::kOptional, "A release; the newest when absent"}};
    static constexpr std::string_view kExamples[] = {"shore diff", "shore diff 3 5"};
    return {.name = "diff",
            .group = "Deploy",
            .summary = "Differences between two releases",
            .description = "By place in the manifest; content of secrets is hidden.",
            .options = kStackOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_diff};
}

}  // namespace shore::cli
