#include "cli/run.h"

#include "async/block_on.h"
#include "cli/context.h"
#include "cli/parse.h"

namespace shore::cli {
namespace {

OutputOptions output_options(const Arguments& arguments, const Surroundings& surroundings) {
    const auto variable = [&](const std::string& name) {
        const auto found = surroundings.variables.find(name);
        return found == surroundings.variables.end() ? std::string() : found->second;
    };
    return {.json = arguments.has("json"),
            .quiet = arguments.has("quiet"),
            .color_allowed = !arguments.has("no-color") && variable("NO_COLOR").empty() &&
                             variable("TERM") != "dumb"};
}

}  // namespace

int run(const std::vector<std::string>& words, const Surroundings& surroundings, Ports ports) {
    const auto parsed = parse(words);
    if (!parsed) {
        Output output(ports.terminal, output_options({}, surroundings));
        output.error(parsed.error());
        const auto verb = std::ranges::find_if(
            words, [](const std::string& word) { return find_command(word) != nullptr; });
        output.note(fmt::format("Try `shore help{}`.", verb == words.end() ? "" : " " + *verb));
        return 2;
    }
    auto loop = async::Loop::open(ports.clock);
    if (!loop) {
        ports.terminal.write_stderr(fmt::format("shore: {}\n", loop.error().text()));
        return 1;
    }
    const Command& command = *parsed->command;
    Context context(**loop, surroundings, ports, output_options(parsed->arguments, surroundings),
                    command);
    if (command.run == nullptr) {
        return context.wrong_usage("it is a process of its own: give it as the first word");
    }
    const auto status = async::block_on(**loop, command.run(context, parsed->arguments));
    if (!status) {
        context.output.error(status.error().text());
        return 1;
    }
    return *status;
}

}  // namespace shore::cli
