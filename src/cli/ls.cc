// shore ls: the stacks, a line each.
#include "cli/context.h"
#include "cli/status_view.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

using wire::Json;

async::Task<Result<int>> run_ls(Context& context, Arguments) {
    Json status = Json::object().set("stacks", Json::array());
    const auto connected = co_await context.connect(Context::Start::kNever);
    if (!connected && !context.client.had_no_socket()) {
        co_return fail(connected.error());
    }
    if (connected) {
        SHORE_CO_TRY(status, co_await context.client.get("/v1/stacks"));
    }
    Output& output = context.output;
    if (output.json()) {
        output.print(status.dump_indented());
        co_return 0;
    }
    Table table({{"STACK"}, {"STATE"}, {"RELEASE", Table::Align::kRight}, {"DIRECTORY"}, {"URL"}});
    for (const Json& stack : status["stacks"].items()) {
        const std::string_view state = stack["state"].text();
        const auto urls = stack["urls"].items();
        table.add({std::string(stack["name"].text()), output.paint(state, state_color(state)),
                   std::to_string(stack["release"].integer()),
                   std::string(stack["directory"].text()),
                   urls.empty() ? "" : std::string(urls.front().text())});
    }
    output.print(table.empty()
                     ? "no stack is up\n"
                     : table.text(output.stdout_is_terminal() ? output.size().columns : 0));
    co_return 0;
}

}  // namespace

Command ls_command() {
    static constexpr std::string_view kExamples[] = {"shore ls", "shore ls --json"};
    return {.name = "ls",
            .group = "See",
            .summary = "The stacks of the state directory, a line each",
            .description = "With the directory that each was started from.",
            .examples = kExamples,
            .run = run_ls};
}

}  // namespace shore::cli
