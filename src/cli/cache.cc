// shore cache: what the gateway's response cache holds and answers; dropping stored answers.
#include "base/bytes.h"
#include "cli/context.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

using wire::Json;

std::string number(const Json& value) {
    return fmt::format("{}", value.integer());
}

std::string bytes(const Json& value) {
    return base::to_human(Bytes{static_cast<uint64_t>(value.integer())});
}

/// Hits, and what else needed no answer of the app, in 100 requests that the cache may answer.
std::string hit_rate(const Json& route) {
    const int64_t hits = route["memory_hits"].integer() + route["disk_hits"].integer() +
                         route["stale"].integer() + route["revalidated"].integer() +
                         route["collapsed"].integer();
    const int64_t all = hits + route["misses"].integer();
    return all == 0 ? "-"
                    : fmt::format("{:.1f}%",
                                  100.0 * static_cast<double>(hits) / static_cast<double>(all));
}

async::Task<Result<int>> stats(Context& context) {
    SHORE_CO_TRY(const Json answer, co_await context.client.get("/v1/cache"));
    Output& output = context.output;
    if (output.json()) {
        output.print(answer.dump_indented());
        co_return 0;
    }
    using enum Table::Align;
    Table tiers({{"TIER"},
                 {"ENTRIES", kRight},
                 {"OF", kRight},
                 {"BYTES", kRight},
                 {"OF", kRight},
                 {"STORED", kRight},
                 {"EVICTED", kRight},
                 {"PURGED", kRight},
                 {"DAMAGED", kRight}});
    for (const Json& tier : answer["tiers"].items()) {
        tiers.add({std::string(tier["tier"].text()), number(tier["entries"]),
                   number(tier["entries_max"]), bytes(tier["bytes"]), bytes(tier["bytes_max"]),
                   number(tier["stored"]), number(tier["evicted"]), number(tier["purged"]),
                   number(tier["damaged"])});
    }
    Table routes({{"ROUTE"},
                  {"HIT RATE", kRight},
                  {"MEMORY", kRight},
                  {"DISK", kRight},
                  {"STALE", kRight},
                  {"REVALIDATED", kRight},
                  {"COLLAPSED", kRight},
                  {"MISSES", kRight},
                  {"BYPASSED", kRight}});
    for (const Json& route : answer["routes"].items()) {
        routes.add(
            {std::string(route["route"].text()), hit_rate(route), number(route["memory_hits"]),
             number(route["disk_hits"]), number(route["stale"]), number(route["revalidated"]),
             number(route["collapsed"]), number(route["misses"]), number(route["bypassed"])});
    }
    output.print(tiers.text());
    output.print(routes.empty() ? "\nno cached route has had a request\n" : "\n" + routes.text());
    co_return 0;
}

async::Task<Result<int>> purge(Context& context, Arguments arguments) {
    Json body = Json::object();
    const auto take = [&](std::string_view argument, std::string_view key) {
        if (arguments.has(argument)) {
            body.set(key, arguments.value(argument));
        }
    };
    take("URL", "url");
    take("prefix", "prefix");
    take("tag", "tag");
    take("service", "service");
    if (arguments.has("all")) {
        body.set("all", true);
    }
    SHORE_CO_TRY(const Json answer, co_await context.client.post("/v1/cache/purge", body));
    if (context.output.json()) {
        context.output.print(answer.dump_indented());
        co_return 0;
    }
    const int64_t purged = answer["purged"].integer();
    context.output.note(fmt::format("dropped {} stored answer{}", purged, purged == 1 ? "" : "s"));
    co_return 0;
}

async::Task<Result<int>> run_cache(Context& context, Arguments arguments) {
    const std::string action = arguments.has("ACTION") ? arguments.value("ACTION") : "stats";
    const bool names = arguments.has("URL") || arguments.has("prefix") || arguments.has("tag") ||
                       arguments.has("service") || arguments.has("all");
    if (action != "stats" && action != "purge") {
        co_return context.wrong_usage(fmt::format("ACTION is stats or purge, got \"{}\"", action));
    }
    if (action == "stats" && names) {
        co_return context.wrong_usage("a URL and --prefix, --tag, --service, --all go with purge");
    }
    if (action == "purge" && !names) {
        co_return context.wrong_usage(
            "say what to drop: a URL, --prefix, --tag, --service, or --all");
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    if (action == "purge") {
        co_return co_await purge(context, std::move(arguments));
    }
    co_return co_await stats(context);
}

}  // namespace

Command cache_command() {
    static constexpr Option kOptions[] = {
        {"prefix", 0, "URL", "With purge: URLs that begin so"},
        {"tag", 0, "TAG", "With purge: a word of the answer's Surrogate-Key or Cache-Tag"},
        {"service", 0, "STACK/SERVICE", "With purge: of that service; STACK/ for a whole stack"},
        {"all", 0, "", "With purge: everything"}};
    static constexpr Positional kPositionals[] = {
        {"ACTION", Positional::Count::kOptional, "stats (the default), or purge: drop answers"},
        {"URL", Positional::Count::kOptional, "With purge: exactly this URL, all its variants"}};
    static constexpr std::string_view kExamples[] = {
        "shore cache stats", "shore cache purge http://localhost:8080/news",
        "shore cache purge --prefix http://localhost:8080/news/",
        "shore cache purge --tag article-7", "shore cache purge --service shop/web"};
    return {.name = "cache",
            .group = "See",
            .summary = "The response cache: hit rates, and dropping stored answers",
            .description =
                "Routes with x-shore.http.cache are answered from the gateway's memory and disk. "
                "`stats` shows how often, `purge` drops what fits all that is given.",
            .options = kOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_cache};
}

}  // namespace shore::cli
