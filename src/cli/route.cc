// shore route: the gateway's routes in the order in which they are looked at, and why a request
// goes where it goes.
#include "cli/context.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "wire/uri.h"

namespace shore::cli {
namespace {

using wire::Json;
using Align = Table::Align;

std::string text_of(const Json& json, std::string_view key) {
    return std::string(json[key].text());
}

std::string joined(const Json& list) {
    std::string text;
    for (const Json& each : list.items()) {
        text += fmt::format("{}{}", text.empty() ? "" : ", ", each.text());
    }
    return text;
}

/// "2/3": instances that are ready, of all; "-" where no instance is asked.
std::string ready_of(const Json& route) {
    size_t all = 0;
    size_t ready = 0;
    for (const Json& target : route["targets"].items()) {
        for (const Json& endpoint : target["endpoints"].items()) {
            ++all;
            ready += endpoint["state"].text() == "ready" ? 1 : 0;
        }
    }
    return route["targets"].items().empty() ? "-" : fmt::format("{}/{}", ready, all);
}

size_t width_of(const Output& output) {
    return output.stdout_is_terminal() ? output.size().columns : 0;
}

async::Task<Result<int>> list(Context& context) {
    SHORE_CO_TRY(const Json answer, co_await context.client.get("/v1/routes"));
    Output& output = context.output;
    if (output.json()) {
        output.print(answer.dump_indented());
        co_return 0;
    }
    Table table({{"ROUTE"}, {"LISTEN"}, {"READY", Align::kRight}, {"MATCH"}, {"TO"}});
    for (const Json& route : answer["routes"].items()) {
        table.add({text_of(route, "name"), joined(route["listeners"]), ready_of(route),
                   text_of(route, "match"), text_of(route, "to")});
    }
    output.print(table.empty() ? "the gateway has no routes\n" : table.text(width_of(output)));
    co_return 0;
}

void print_endpoints(Output& output, const Json& route) {
    Table table({{"INSTANCE"},
                 {"ADDRESS"},
                 {"STATE"},
                 {"WEIGHT", Align::kRight},
                 {"REQUESTS", Align::kRight}});
    for (const Json& target : route["targets"].items()) {
        for (const Json& endpoint : target["endpoints"].items()) {
            const std::string_view state = endpoint["state"].text();
            table.add({text_of(endpoint, "instance"), text_of(endpoint, "address"),
                       output.paint(state, state == "ready"     ? Color::kGreen
                                           : state == "ejected" ? Color::kRed
                                                                : Color::kYellow),
                       fmt::format("{} %", endpoint["weight"].integer()),
                       fmt::format("{}", endpoint["outstanding"].integer())});
        }
    }
    if (!table.empty()) {
        output.print("\n" + table.text(width_of(output)));
    }
}

void print_explanation(Output& output, const Json& answer) {
    const int64_t status = answer["status"].integer();
    const Json* const route = answer.find("route");
    output.print(fmt::format("{} {} from {}, at {}\n", answer["method"].text(),
                             answer["url"].text(), answer["client"].text(),
                             answer["listener"].text()));
    output.print(fmt::format(
        "goes to {}{}{}\n",
        route == nullptr ? std::string("no route")
                         : fmt::format("route {}", text_of(*route, "name")),
        status == 0 ? "" : fmt::format(", which answers {}", status),
        answer["outcome"].text().empty() ? "" : fmt::format(": {}", answer["outcome"].text())));
    Table table({{"", Align::kRight}, {"ROUTE"}, {"MATCH"}, {"WHY"}});
    int place = 0;
    for (const Json& candidate : answer["candidates"].items()) {
        const bool takes = candidate["takes"].truth();
        table.add({fmt::format("{}", ++place), text_of(candidate, "name"),
                   text_of(candidate, "match"),
                   takes ? output.paint(candidate["reason"].text(), Color::kGreen)
                         : text_of(candidate, "reason")});
    }
    if (!table.empty()) {
        output.print("\n" + table.text(width_of(output)));
    }
    if (route != nullptr) {
        print_endpoints(output, *route);
    }
}

/// `route explain [METHOD] URL`.
async::Task<Result<int>> explain(Context& context, Arguments arguments) {
    std::vector<std::string> words = arguments.values("WORD");
    if (words.empty() || words.size() > 2) {
        co_return context.wrong_usage("say `shore route explain [METHOD] URL`");
    }
    std::string target =
        fmt::format("/v1/routes/explain?url={}", wire::percent_encode(words.back()));
    if (words.size() == 2) {
        target += fmt::format("&method={}", wire::percent_encode(words.front()));
    }
    for (const std::string& header : arguments.values("header")) {
        target += fmt::format("&header={}", wire::percent_encode(header));
    }
    if (arguments.has("from")) {
        target += fmt::format("&from={}", wire::percent_encode(arguments.value("from")));
    }
    SHORE_CO_TRY(const Json answer, co_await context.client.get(std::move(target)));
    if (context.output.json()) {
        context.output.print(answer.dump_indented());
    } else {
        print_explanation(context.output, answer);
    }
    co_return 0;
}

async::Task<Result<int>> run_route(Context& context, Arguments arguments) {
    const std::string action = arguments.has("ACTION") ? arguments.value("ACTION") : "ls";
    if (action != "ls" && action != "explain") {
        co_return context.wrong_usage(fmt::format("ACTION is ls or explain, got \"{}\"", action));
    }
    if (action == "ls" && (arguments.has("WORD") || arguments.has("header"))) {
        co_return context.wrong_usage("ls takes nothing else; a URL goes with explain");
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    if (action == "explain") {
        co_return co_await explain(context, std::move(arguments));
    }
    co_return co_await list(context);
}

}  // namespace

Command route_command() {
    static constexpr Option kOptions[] = {
        {"header", 'H', "LINE", "With explain: a header, \"Name: value\"", Completes::kNothing,
         true},
        {"from", 0, "ADDRESS", "With explain: the client's IP address (default 127.0.0.1)"}};
    static constexpr Positional kPositionals[] = {
        {"ACTION", Positional::Count::kOptional,
         "ls (the default): all routes; explain: why a request goes where it goes"},
        {"WORD", Positional::Count::kAny, "With explain: a method (default GET) and a URL"}};
    static constexpr std::string_view kExamples[] = {
        "shore route ls", "shore route explain GET http://localhost:8080/api/products",
        "shore route explain https://shop.example.com/ -H 'X-Beta: 1' --from 10.0.0.7"};
    return {.name = "route",
            .group = "See",
            .summary = "The gateway's routes, and why a request goes where it goes",
            .description =
                "`ls` lists every route in the order in which it is looked at. `explain` sends "
                "nothing: it says which route takes the request, why each other one does not, and "
                "which instances stand behind it, with their state, their share and the requests "
                "they have under way.",
            .options = kOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_route};
}

}  // namespace shore::cli
