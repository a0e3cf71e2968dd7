// shore logs: what the apps wrote.
#include "cli/log_printer.h"
#include "cli/options.h"
#include "cli/time_argument.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_logs(Context& context, Arguments arguments) {
    LogRequest request{.services = arguments.values("SERVICE"),
                       .tail = arguments.value("tail"),
                       .follow = arguments.has("follow"),
                       .timestamps = arguments.has("timestamps")};
    if (request.tail.find_first_not_of("0123456789") != std::string::npos) {
        if (request.tail != "all") {
            co_return context.wrong_usage(
                fmt::format("--tail is a number or all, got \"{}\"", request.tail));
        }
        request.tail.clear();
    }
    if (arguments.has("since")) {
        auto since = moment(arguments.value("since"), context.loop.wall_now());
        if (!since) {
            co_return context.wrong_usage("--since: " + since.error().text());
        }
        request.since = std::move(*since);
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    SHORE_CO_TRY(request.stack, co_await context.choose_stack(std::move(arguments)));
    co_return co_await print_logs(context, std::move(request));
}

}  // namespace

Command logs_command() {
    static constexpr Option kOptions[] = {
        {"follow", 'f', "", "Go on with new lines"},
        {"since", 0, "TIME", "Only lines since then: 10m, 1h30m, 2026-06-01T12:00:00Z"},
        {"tail", 'n', "N", "Only the last N lines"},
        {"timestamps", 't', "", "Show when each line was written"},
        kProjectOption,
        kEnvOption,
        kLongFileOption};
    static constexpr Positional kPositionals[] = {{"SERVICE", Positional::Count::kAny,
                                                   "Services or instances; all when none is named",
                                                   Completes::kService}};
    static constexpr std::string_view kExamples[] = {"shore logs -f", "shore logs api --tail 100",
                                                     "shore logs api-7 --since 10m --json"};
    return {
        .name = "logs",
        .group = "See",
        .summary = "What the apps wrote",
        .description =
            "Lines of all instances in the order of time, each with its instance in front. --json "
            "prints them as they are stored: one JSON object a line.",
        .options = kOptions,
        .positionals = kPositionals,
        .examples = kExamples,
        .run = run_logs};
}

}  // namespace shore::cli
