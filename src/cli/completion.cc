// shore completion: scripts for shells, from the command table.
#include "cli/completion.h"

#include "base/strings.h"
#include "cli/context.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_completion(Context& context, Arguments arguments) {
    const std::string shell = arguments.value("SHELL");
    const auto script = completion_script(shell);
    if (!script) {
        co_return context.wrong_usage(fmt::format(
            "there are scripts for bash, zsh and fish, not for \"{}\"", base::printable(shell)));
    }
    context.output.print(*script);
    co_return 0;
}

}  // namespace

Command completion_command() {
    static constexpr Positional kPositionals[] = {
        {"SHELL", Positional::Count::kOne, "bash, zsh or fish", Completes::kShell}};
    static constexpr std::string_view kExamples[] = {"source <(shore completion bash)",
                                                     "shore completion fish | source"};
    return {
        .name = "completion",
        .group = "About",
        .summary = "Print the completion script of a shell",
        .description = "Verbs, options, files, services of the manifest here, stacks that are up.",
        .positionals = kPositionals,
        .examples = kExamples,
        .run = run_completion};
}

}  // namespace shore::cli
