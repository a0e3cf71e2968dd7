// shore help: from the command table.
#include "cli/help.h"

#include "base/strings.h"
#include "cli/context.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_help(Context& context, Arguments arguments) {
    if (arguments.has("man")) {
        context.output.print(manual_page(context.surroundings.version));
        co_return 0;
    }
    if (!arguments.has("VERB")) {
        context.output.print(overview_text());
        co_return 0;
    }
    const std::string verb = arguments.value("VERB");
    const Command* command = find_command(verb);
    if (command == nullptr) {
        std::vector<std::string> names;
        for (const Command& row : commands()) {
            names.emplace_back(row.name);
        }
        co_return context.wrong_usage(fmt::format(
            "there is no verb \"{}\"{}", base::printable(verb), base::did_you_mean(verb, names)));
    }
    context.output.print(help_text(*command));
    co_return 0;
}

}  // namespace

Command help_command() {
    static constexpr Option kOptions[] = {{"man", 0, "", "Print the manual page (roff)"}};
    static constexpr Positional kPositionals[] = {
        {"VERB", Positional::Count::kOptional, "The verb to explain", Completes::kVerb}};
    static constexpr std::string_view kExamples[] = {"shore help up",
                                                     "shore help --man | man -l -"};
    return {.name = "help",
            .group = "About",
            .summary = "Explain the program, or one verb",
            .description = "The same as --help.",
            .options = kOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_help};
}

}  // namespace shore::cli
