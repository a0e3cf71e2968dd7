#include "cli/deploy_flow.h"

#include "base/strings.h"
#include "cli/progress.h"
#include "cli/status_view.h"

namespace shore::cli {
namespace {

using wire::Json;

std::string note_text(const Json& note) {
    std::string place(note["file"].text());
    if (note["line"].integer() != 0) {
        place += fmt::format(":{}:{}", note["line"].integer(), note["column"].integer());
    }
    place += place.empty() ? "" : ": ";
    if (!note["path"].text().empty()) {
        place += fmt::format("{}: ", note["path"].text());
    }
    return place + std::string(note["detail"].text());
}

/// The outcome as one JSON document: what was accepted, how it ended, and the stack as it is now.
Json outcome(Json accepted, const Json& settled, const Json& stack) {
    return std::move(accepted).set("settled", settled).set("status", stack);
}

}  // namespace

void print_notes(Context& context, const Json& notes) {
    for (const Json& note : notes.items()) {
        context.output.note(fmt::format(
            "{} {}", context.output.paint_error("note:", Color::kYellow), note_text(note)));
    }
}

async::Task<Result<int>> run_deploy(Context& context, Arguments arguments, std::string origin) {
    SHORE_CO_TRY(const auto timeout, wait_timeout(arguments));
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kAlways));
    SHORE_CO_TRY(Json accepted, co_await context.client.post(
                                    "/v1/stacks", deploy_body(context, arguments, origin)));
    Output& output = context.output;
    print_notes(context, accepted["notes"]);
    const std::string stack(accepted["stack"].text());
    const int64_t release = accepted["release"].integer();
    if (arguments.has("detach") || arguments.has("no-wait")) {
        output.note(accepted["changed"].truth()
                        ? fmt::format("release {} of {} is accepted", release, stack)
                        : fmt::format("{} is up to date: release {}", stack, release));
        output.print(output.json() ? accepted.dump_indented() : "");
        co_return 0;
    }
    Json settled = Json::object().set("ok", true).set("release", release);
    if (accepted["changed"].truth()) {
        output.note(fmt::format("{}: release {}", stack, release));
        SHORE_CO_TRY(settled, co_await follow_change(context, stack, release, timeout));
    } else {
        output.note(fmt::format("{} is up to date: release {}", stack, release));
    }
    SHORE_CO_TRY(const Json status, co_await context.client.get(stack_target(stack)));
    if (output.json()) {
        output.print(outcome(std::move(accepted), settled, status).dump_indented());
    } else {
        output.print(stack_text(output, status, Detail::kServices, context.loop.wall_now()));
    }
    if (!settled["ok"].truth()) {
        co_return fail(ErrorCode::kConflict, "{}", settled["message"].text());
    }
    co_return 0;
}

}  // namespace shore::cli
