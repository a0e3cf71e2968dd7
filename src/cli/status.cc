// shore status (ps): stacks, services and instances as they are now.
#include "async/timer.h"
#include "cli/context.h"
#include "cli/options.h"
#include "cli/status_view.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

using wire::Json;

constexpr std::chrono::seconds kWatchInterval{1};

/// The Status document; without a daemon that ended properly there is nothing up, and that is an
/// answer too.
async::Task<Result<Json>> read_status(Context& context, Arguments arguments) {
    auto connected = co_await context.connect(Context::Start::kNever);
    if (!connected && context.client.had_no_socket()) {
        co_return Json::object().set("stacks", Json::array());
    }
    if (!connected) {
        co_return fail(connected.error());
    }
    if (!arguments.has("project-name") && !arguments.has("env") && !arguments.has("file")) {
        co_return co_await context.client.get("/v1/stacks");
    }
    SHORE_CO_TRY(const std::string stack, co_await context.choose_stack(std::move(arguments)));
    SHORE_CO_TRY(Json one, co_await context.client.get(stack_target(stack)));
    co_return Json::object().set("stacks", Json::array({std::move(one)}));
}

async::Task<Result<int>> run_status(Context& context, Arguments arguments) {
    Output& output = context.output;
    const bool watches = arguments.has("watch");
    const Detail detail = arguments.has("detailed") ? Detail::kInstances : Detail::kServices;
    while (true) {
        SHORE_CO_TRY(const Json status, co_await read_status(context, arguments));
        std::string text = output.json()
                               ? (watches ? status.dump() + "\n" : status.dump_indented())
                               : status_text(output, status, detail, context.loop.wall_now());
        if (watches && !output.json() && output.stdout_is_terminal()) {
            text.insert(0, "\x1b[H\x1b[2J");
        }
        output.print(text);
        if (!watches || output.broken()) {
            co_return 0;
        }
        co_await async::sleep_for(context.loop, kWatchInterval);
    }
}

}  // namespace

Command status_command() {
    static constexpr Option kOptions[] = {{"detailed", 'd', "", "A line per instance"},
                                          {"watch", 'w', "", "Print it again every second"},
                                          kProjectOption,
                                          kEnvOption,
                                          kFileOption};
    static constexpr std::string_view kExamples[] = {"shore status", "shore ps --detailed",
                                                     "shore status --json"};
    return {.name = "status",
            .aliases = "ps",
            .group = "See",
            .summary = "Stacks, services and instances as they are now",
            .description =
                "All stacks of the state directory, or one with -p or --env. --json is stable and "
                "described in docs/reference/status-json.md.",
            .options = kOptions,
            .examples = kExamples,
            .run = run_status};
}

}  // namespace shore::cli
