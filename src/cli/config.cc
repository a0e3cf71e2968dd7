// shore config: the manifest as Shore reads it; needs no daemon.
#include "cli/context.h"
#include "cli/options.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_config(Context& context, Arguments arguments) {
    Output& output = context.output;
    SHORE_CO_TRY(const ManifestText manifest,
                 context.ports.manifests.read(manifest_query(arguments)));
    if (!manifest.notes.empty() && !output.quiet()) {
        output.print_error(manifest.notes);
    }
    if (arguments.has("services")) {
        std::string text;
        for (const std::string& service : manifest.services) {
            text += service + "\n";
        }
        output.print(output.json() ? wire::Json::strings(manifest.services).dump_indented() : text);
    } else if (!output.quiet()) {
        output.print(output.json() ? manifest.json : manifest.yaml);
    }
    co_return 0;
}

}  // namespace

Command config_command() {
    static constexpr Option kOptions[] = {
        kFileOption,    kEnvOption,     kProjectOption,
        kProfileOption, kEnvFileOption, {"services", 0, "", "Only the names of the services"}};
    static constexpr std::string_view kExamples[] = {
        "shore config", "shore config --quiet && echo fine", "shore config --json"};
    return {
        .name = "config",
        .group = "Manifest",
        .summary = "Check the manifest and print it as Shore reads it",
        .description =
            "Merged, interpolated, in long forms and sorted; content of secrets is hidden. Every "
            "mistake is told at once, as file:line:column. --quiet only checks. Works without a "
            "daemon.",
        .options = kOptions,
        .examples = kExamples,
        .run = run_config};
}

}  // namespace shore::cli
