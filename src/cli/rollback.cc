// shore rollback: back to an earlier release.
#include "cli/context.h"
#include "cli/number_argument.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_rollback(Context& context, Arguments arguments) {
    wire::Json body = wire::Json::object();
    if (arguments.has("RELEASE")) {
        const auto number = positive_number(arguments.value("RELEASE"));
        if (!number) {
            co_return context.wrong_usage(
                "RELEASE is the number of a release; see `shore releases`");
        }
        body.set("release", *number);
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kIfState));
    SHORE_CO_TRY(const std::string stack, co_await context.choose_stack(arguments));
    SHORE_CO_TRY(wire::Json accepted,
                 co_await context.client.post(stack_target(stack, "/rollback"), std::move(body)));
    if (!accepted["changed"].truth()) {
        context.output.note(fmt::format("{} is up to date: release {} has that manifest", stack,
                                        accepted["release"].integer()));
        context.output.print(context.output.json() ? accepted.dump_indented() : "");
        co_return 0;
    }
    co_return co_await finish_change(context, std::move(accepted), std::move(arguments), {});
}

}  // namespace

Command rollback_command() {
    static constexpr Positional kPositionals[] = {
        {"RELEASE", Positional::Count::kOptional,
         "Its number; without it the newest one before the current that was ever active"}};
    static constexpr std::string_view kExamples[] = {"shore rollback", "shore rollback 3"};
    return {.name = "rollback",
            .group = "Deploy",
            .summary = "Go back to an earlier release",
            .description =
                "Makes a new release with the manifest of the earlier one and rolls it out as any "
                "other.",
            .options = kChangeOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_rollback};
}

}  // namespace shore::cli
