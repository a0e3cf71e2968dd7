// shore exec: a command beside an instance.
#include "cli/context.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "wire/base64.h"

namespace shore::cli {
namespace {

using wire::Json;

async::Task<Result<int>> run_exec(Context& context, Arguments arguments) {
    const std::vector<std::string> command = arguments.values("COMMAND");
    if (command.empty()) {
        co_return context.wrong_usage("name a command: shore exec api -- ls -l");
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    SHORE_CO_TRY(const std::string stack, co_await context.choose_stack(arguments));
    Json body = Json::object();
    body.set("target", arguments.value("TARGET")).set("command", Json::strings(command));
    SHORE_CO_TRY(const auto lines, co_await context.client.lines(
                                       "POST", stack_target(stack, "/exec"), std::move(body)));
    while (true) {
        SHORE_CO_TRY(const auto line, co_await lines->next());
        if (!line) {
            co_return fail(ErrorCode::kUnavailable, "the daemon ended while the command ran");
        }
        SHORE_CO_TRY(const Json output, Json::parse(*line));
        const std::string_view kind = output["kind"].text();
        const std::string bytes = wire::base64_decode(output["bytes"].text()).value_or("");
        if (kind == "exit") {
            co_return static_cast<int>(output["exit_code"].integer());
        }
        if (kind == "error") {
            co_return fail(ErrorCode::kUnavailable, "{}", output["detail"].text());
        }
        if (kind == "stderr") {
            context.output.print_error(bytes);
        } else {
            context.output.print(bytes);
        }
        if (context.output.broken()) {
            co_return 1;
        }
    }
}

}  // namespace

Command exec_command() {
    static constexpr Positional kPositionals[] = {
        {"TARGET", Positional::Count::kOne,
         "An instance (api-7), or a service (its first running instance)", Completes::kService},
        {"COMMAND", Positional::Count::kRest, "Program and arguments; after -- to be safe"}};
    static constexpr std::string_view kExamples[] = {"shore exec api -- python3 manage.py migrate",
                                                     "shore exec api-7 env"};
    return {.name = "exec",
            .group = "Services",
            .summary = "Run a command beside an instance",
            .description =
                "With the instance's environment, directory and user; its input is empty. The "
                "status is "
                "the command's. Interrupting it ends the command.",
            .options = kStackOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_exec};
}

}  // namespace shore::cli
