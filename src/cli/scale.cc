// shore scale: the number of replicas.
#include "base/strings.h"
#include "cli/context.h"
#include "cli/number_argument.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_scale(Context& context, Arguments arguments) {
    wire::Json services = wire::Json::object();
    for (const std::string& word : arguments.values("SERVICE=N")) {
        const auto parts = base::split_once(word, '=');
        const auto replicas = parts ? number(parts->second) : std::nullopt;
        if (!parts || parts->first.empty() || !replicas) {
            co_return context.wrong_usage(
                fmt::format("say SERVICE=N, such as api=5; got \"{}\"", base::printable(word)));
        }
        services.set(parts->first, *replicas);
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kIfState));
    SHORE_CO_TRY(const std::string stack, co_await context.choose_stack(arguments));
    SHORE_CO_TRY(
        wire::Json accepted,
        co_await context.client.post(stack_target(stack, "/scale"),
                                     wire::Json::object().set("services", std::move(services))));
    std::string done =
        fmt::format("{}: {}", stack, base::join(arguments.values("SERVICE=N"), ", "));
    co_return co_await finish_change(context, std::move(accepted), std::move(arguments),
                                     std::move(done));
}

}  // namespace

Command scale_command() {
    static constexpr Positional kPositionals[] = {{"SERVICE=N", Positional::Count::kAtLeastOne,
                                                   "A service and its number of replicas",
                                                   Completes::kService}};
    static constexpr std::string_view kExamples[] = {"shore scale api=5",
                                                     "shore scale api=3 worker=0"};
    return {.name = "scale",
            .group = "Services",
            .summary = "Change the number of replicas",
            .description =
                "Acts at once and stays until the next `scale` of that service or `down`; it makes "
                "no release.",
            .options = kChangeOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_scale};
}

}  // namespace shore::cli
