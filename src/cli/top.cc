// shore top: what the gateway's routes do now: rate, errors, response times.
#include <algorithm>
#include <array>

#include "async/timer.h"
#include "base/strings.h"
#include "cli/context.h"
#include "cli/number_argument.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

using wire::Json;
using Align = Table::Align;

constexpr std::chrono::seconds kRefresh{2};
/// Title of a column, and the member of the answer that it sorts by.
struct Key {
    std::string_view name;
    std::string_view member;
};
constexpr std::array<Key, 7> kKeys = {
    Key{"rate", "rate"}, {"errors", "errors"},        {"p50", "p50_ms"}, {"p95", "p95_ms"},
    {"p99", "p99_ms"},   {"bytes", "bytes_out_rate"}, {"name", "name"}};

std::string bytes_per_second(double rate) {
    constexpr std::array<std::string_view, 4> kUnits = {"B/s", "KB/s", "MB/s", "GB/s"};
    size_t unit = 0;
    for (; rate >= 1000 && unit + 1 < kUnits.size(); ++unit) {
        rate /= 1000;
    }
    return unit == 0 ? fmt::format("{:.0f} {}", rate, kUnits[unit])
                     : fmt::format("{:.1f} {}", rate, kUnits[unit]);
}

std::string milliseconds(double value) {
    return value >= 100 ? fmt::format("{:.0f} ms", value) : fmt::format("{:.2f} ms", value);
}

std::vector<Json> sorted(const Json& answer, const Key& key) {
    std::vector<Json> routes(answer["routes"].items().begin(), answer["routes"].items().end());
    std::ranges::sort(routes, [&](const Json& a, const Json& b) {
        return key.name == "name" ? a["name"].text() < b["name"].text()
                                  : a[key.member].number() > b[key.member].number();
    });
    return routes;
}

std::string table_text(const Output& output, const Json& answer, const Key& key) {
    double rate = 0;
    int64_t errors = 0;
    Table table({{"ROUTE"},
                 {"RATE", Align::kRight},
                 {"ERRORS", Align::kRight},
                 {"P50", Align::kRight},
                 {"P95", Align::kRight},
                 {"P99", Align::kRight},
                 {"OUT", Align::kRight}});
    for (const Json& route : sorted(answer, key)) {
        const int64_t failed = route["errors"].integer();
        const double share = 100.0 * static_cast<double>(failed) /
                             static_cast<double>(std::max<int64_t>(1, route["requests"].integer()));
        rate += route["rate"].number();
        errors += failed;
        table.add({std::string(route["name"].text()),
                   fmt::format("{:.1f}/s", route["rate"].number()),
                   failed == 0 ? "0" : output.paint(fmt::format("{:.1f} %", share), Color::kRed),
                   milliseconds(route["p50_ms"].number()), milliseconds(route["p95_ms"].number()),
                   milliseconds(route["p99_ms"].number()),
                   bytes_per_second(route["bytes_out_rate"].number())});
    }
    std::string text = fmt::format("last {:.0f} s: {:.1f} requests/s, {} errors (5xx)\n",
                                   answer["seconds"].number(), rate, errors);
    return table.empty()
               ? text
               : text + table.text(output.stdout_is_terminal() ? output.size().columns : 0);
}

async::Task<Result<int>> run_top(Context& context, Arguments arguments) {
    const std::string wanted = arguments.has("sort") ? arguments.value("sort") : "rate";
    const auto* const key = std::ranges::find(kKeys, wanted, &Key::name);
    if (key == kKeys.end()) {
        co_return context.wrong_usage(fmt::format(
            "--sort is rate, errors, p50, p95, p99, bytes or name, got \"{}\"", wanted));
    }
    const std::string seconds = arguments.has("seconds") ? arguments.value("seconds") : "10";
    if (!positive_number(seconds)) {
        co_return context.wrong_usage(
            fmt::format("--seconds must be a number, 1..60, got \"{}\"", seconds));
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    Output& output = context.output;
    const bool refreshes = output.stdout_is_terminal() && !output.json() && !arguments.has("once");
    while (true) {
        SHORE_CO_TRY(const Json answer,
                     co_await context.client.get("/v1/traffic?seconds=" + seconds));
        if (output.json()) {
            output.print(answer.dump_indented());
        } else {
            output.print((refreshes ? "\x1b[H\x1b[2J" : "") + table_text(output, answer, *key));
        }
        if (!refreshes || output.broken()) {
            co_return 0;
        }
        co_await async::sleep_for(context.loop, kRefresh);
    }
}

}  // namespace

Command top_command() {
    static constexpr Option kOptions[] = {
        {"sort", 's', "KEY", "rate (the default), errors, p50, p95, p99, bytes or name"},
        {"seconds", 0, "N", "Over about the last N seconds, 1..60 (default 10)"},
        {"once", '1', "", "Print it once; without a terminal that is so anyway"}};
    static constexpr std::string_view kExamples[] = {"shore top", "shore top --sort p99",
                                                     "shore top --once --json"};
    return {.name = "top",
            .group = "See",
            .summary = "What the gateway's routes do now: rate, errors, response times",
            .description =
                "The routes that had requests lately, refreshed every two seconds on a terminal. "
                "ERRORS is the share of answers that were 5xx. A quantile is off by at most 3.2 % "
                "of itself.",
            .options = kOptions,
            .examples = kExamples,
            .run = run_top};
}

}  // namespace shore::cli
