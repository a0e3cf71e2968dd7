// shore events: what happened.
#include "cli/context.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "wire/uri.h"

namespace shore::cli {
namespace {

using wire::Json;

void print_event(Output& output, const Json& event) {
    if (output.json()) {
        output.print(event.dump() + "\n");
        return;
    }
    std::string subject(event["stack"].text());
    const std::string_view part =
        event["instance"].text().empty() ? event["service"].text() : event["instance"].text();
    if (!part.empty()) {
        subject += fmt::format("/{}", part);
    }
    const std::string_view kind = event["kind"].text();
    const bool is_bad = kind.find("fail") != kind.npos || kind.find("killed") != kind.npos ||
                        kind.find("unhealthy") != kind.npos || kind.find("crash") != kind.npos;
    output.print(fmt::format("{}  {}  {}  {}\n", output.paint(event["at"].text(), Color::kDim),
                             output.paint(kind, is_bad ? Color::kRed : Color::kGreen),
                             output.paint(subject, Color::kBold), event["message"].text()));
}

async::Task<Result<int>> run_events(Context& context, Arguments arguments) {
    const std::string tail = arguments.has("tail") ? arguments.value("tail") : "50";
    if (tail.empty() || tail.size() > 4 || tail.find_first_not_of("0123456789") != tail.npos ||
        tail.find_first_not_of('0') == tail.npos) {
        co_return context.wrong_usage(
            fmt::format("--tail is a number from 1 to 1000, got \"{}\"", tail));
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    std::string target = fmt::format("/v1/events?newest=true&limit={}", tail);
    if (arguments.has("project-name") || arguments.has("env") || arguments.has("file")) {
        SHORE_CO_TRY(const std::string stack, co_await context.choose_stack(arguments));
        target += fmt::format("&stack={}", wire::percent_encode(stack));
    }
    if (!arguments.has("follow")) {
        SHORE_CO_TRY(const Json page, co_await context.client.get(std::move(target)));
        for (const Json& event : page["events"].items()) {
            print_event(context.output, event);
        }
        co_return 0;
    }
    SHORE_CO_TRY(const auto events, co_await context.client.follow(target + "&follow=true"));
    while (!context.output.broken()) {
        SHORE_CO_TRY(const auto event, co_await events->next());
        if (!event) {
            break;
        }
        SHORE_CO_TRY(const Json data, Json::parse(event->data));
        print_event(context.output, data);
    }
    co_return 0;
}

}  // namespace

Command events_command() {
    static constexpr Option kOptions[] = {{"follow", 'f', "", "Go on with new events"},
                                          {"tail", 'n', "N", "The last N events (default 50)"},
                                          kProjectOption,
                                          kEnvOption,
                                          kLongFileOption};
    static constexpr std::string_view kExamples[] = {"shore events", "shore events -f --json"};
    return {.name = "events",
            .group = "See",
            .summary = "What happened: deploys, restarts, failures",
            .description = "Of all stacks, or of one with -p or --env; oldest first.",
            .options = kOptions,
            .examples = kExamples,
            .run = run_events};
}

}  // namespace shore::cli
