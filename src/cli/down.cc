// shore down: stop a stack and forget it.
#include "async/scope.h"
#include "cli/context.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

using wire::Json;

/// Shows what goes away while the daemon works; ends by itself when the stack is gone.
async::Task<void> show_progress(Context& context, std::string stack, ProgressView& view) {
    auto stream = co_await context.client.follow(stack_target(stack, "/progress"));
    while (stream) {
        const auto event = co_await (*stream)->next();
        if (!event || !*event) {
            co_return;
        }
        const auto data = Json::parse((*event)->data);
        if (data && (*event)->event == "progress") {
            view.show(*data);
        }
    }
}

async::Task<Result<void>> take_down(Context& context, std::string stack, bool with_volumes) {
    ProgressView view(context.output);
    async::Scope showing(context.loop);
    showing.spawn(show_progress(context, stack, view));
    Client client(context.loop, context.surroundings.state_directory);
    const auto answer =
        co_await client.remove(stack_target(stack, with_volumes ? "?volumes=true" : ""));
    showing.stop();
    view.finish();
    if (!answer) {
        co_return fail(answer.error());
    }
    context.output.note((*answer)["message"].text());
    co_return Result<void>();
}

async::Task<Result<int>> run_down(Context& context, Arguments arguments) {
    SHORE_CO_TRY(const bool connected, co_await context.connect(Context::Start::kIfState));
    if (!connected) {
        context.output.note("nothing is up");
        co_return 0;
    }
    SHORE_CO_TRY(const Json status, co_await context.client.get("/v1/stacks"));
    if (status["stacks"].items().empty()) {
        context.output.note("nothing is up");
        co_return 0;
    }
    std::vector<std::string> stacks;
    if (arguments.has("all")) {
        for (const Json& stack : status["stacks"].items()) {
            stacks.emplace_back(stack["name"].text());
        }
    } else {
        SHORE_CO_TRY(std::string stack, co_await context.choose_stack(arguments));
        stacks.push_back(std::move(stack));
    }
    for (const std::string& stack : stacks) {
        SHORE_CO_CHECK(co_await take_down(context, stack, arguments.has("volumes")));
    }
    co_return 0;
}

}  // namespace

Command down_command() {
    static constexpr Option kOptions[] = {
        kProjectOption,
        kEnvOption,
        kFileOption,
        {"volumes", 'v', "", "Remove the stack's named volumes too"},
        {"all", 'a', "", "Every stack of this state directory"}};
    static constexpr std::string_view kExamples[] = {"shore down", "shore down --env testing -v",
                                                     "shore down --all"};
    return {.name = "down",
            .group = "Deploy",
            .summary = "Stop a stack; no process, route or port of it is left",
            .description =
                "Services stop in the reverse order of their dependencies, each with its stop "
                "signal and "
                "grace period. Volumes and logs are kept unless asked otherwise.",
            .options = kOptions,
            .examples = kExamples,
            .run = run_down};
}

}  // namespace shore::cli
