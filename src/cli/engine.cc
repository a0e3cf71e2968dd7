// shore db, shore pool, shore redis: engines of a stack: status, rows about them, things to do, and
// the server's own client.
#include <algorithm>

#include "cli/context.h"
#include "cli/engine_view.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "wire/uri.h"

namespace shore::cli {
namespace {

using wire::Json;

/// What the three verbs differ in.
struct Kind {
    std::string_view engine;  ///< "postgres", "redis".
    std::string_view part;    ///< Whose status is shown; empty: every part's.
    std::span<const std::string_view> views;
    std::span<const std::string_view> actions;
    std::string_view client;  ///< Action that starts the server's own client.
    std::string_view usual;   ///< Action when none is given.
};

constexpr std::string_view kDbViews[] = {"queries", "indexes", "activity", "replicas", "settings"};
constexpr std::string_view kDbActions[] = {"promote", "restart", "reload"};
constexpr Kind kDb{"postgres", "postgres", kDbViews, kDbActions, "psql", "status"};
constexpr std::string_view kPoolViews[] = {"pools", "stats", "clients", "servers", "databases"};
constexpr std::string_view kPoolActions[] = {"pause", "resume", "reload"};
constexpr Kind kPool{"postgres", "pgbouncer", kPoolViews, kPoolActions, "", "pools"};
constexpr std::string_view kRedisViews[] = {"replicas", "sentinel", "slowlog", "clients",
                                            "keyspace"};
constexpr std::string_view kRedisActions[] = {"failover", "save"};
constexpr Kind kRedis{"redis", "", kRedisViews, kRedisActions, "cli", "status"};

bool is_of(const Kind& kind, const Json& process) {
    const std::string_view part = process["part"].text();
    const bool is_redis = part.starts_with("redis");
    return is_redis == (kind.engine == "redis") && (kind.part.empty() || kind.part == part);
}

/// The processes of the kind, of the engine that is meant: the named one, or the only one.
async::Task<Result<std::vector<Json>>> processes(Context& context, Kind kind, std::string stack,
                                                 std::string engine) {
    SHORE_CO_TRY(const Json answer, co_await context.client.get(stack_target(stack, "/engines")));
    std::vector<Json> found;
    std::vector<std::string> names;
    for (const Json& process : answer["processes"].items()) {
        const std::string name(process["engine"].text());
        if (is_of(kind, process) && (engine.empty() || engine == name)) {
            found.push_back(process);
            if (std::ranges::find(names, name) == names.end()) {
                names.push_back(name);
            }
        }
    }
    if (found.empty()) {
        co_return fail(ErrorCode::kNotFound, "stack {} runs no {}{}", stack,
                       kind.part.empty() ? kind.engine : kind.part,
                       engine.empty() ? "" : fmt::format(" named {}", engine));
    }
    if (names.size() > 1) {
        std::string list;
        for (const std::string& name : names) {
            list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
        }
        co_return fail(ErrorCode::kInvalid, "there are several, say which: --engine one of {}",
                       list);
    }
    co_return found;
}

/// Those of the instance that the caller has named; all when none is.
Result<std::vector<Json>> chosen(std::span<const Json> all, std::string_view instance) {
    std::vector<Json> found;
    std::vector<std::string_view> names;
    for (const Json& each : all) {
        names.push_back(each["instance"].text());
        if (instance.empty() || names.back() == instance) {
            found.push_back(each);
        }
    }
    if (found.empty() && !instance.empty()) {
        return fail(ErrorCode::kNotFound, "no instance {}, there {} {}", instance,
                    names.size() == 1 ? "is" : "are", fmt::join(names, ", "));
    }
    return found;
}

async::Task<Result<int>> show_status(Context& context, std::vector<Json> all,
                                     std::string instance) {
    SHORE_CO_TRY(const std::vector<Json> shown, chosen(all, instance));
    Output& output = context.output;
    output.print(output.json() ? Json::object().set("processes", Json::array(shown)).dump_indented()
                 : instance.empty() ? engine_status_text(output, shown)
                                    : engine_process_text(shown.front()));
    co_return 0;
}

async::Task<Result<int>> show_view(Context& context, std::string target, std::string instance) {
    SHORE_CO_TRY(const Json answer, co_await context.client.get(std::move(target)));
    SHORE_CO_TRY(const std::vector<Json> shown, chosen(answer["tables"].items(), instance));
    Output& output = context.output;
    output.print(output.json() ? Json::object().set("tables", Json::array(shown)).dump_indented()
                               : engine_tables_text(output, shown));
    co_return 0;
}

async::Task<Result<int>> act(Context& context, std::string target, Arguments arguments,
                             std::string action) {
    Json body = Json::object();
    if (std::string instance = arguments.value("instance"); !instance.empty()) {
        body.set("instance", std::move(instance));
    }
    if (arguments.has("to")) {
        body.set("arguments", Json::object().set("to", arguments.value("to")));
    }
    SHORE_CO_TRY(const Json answer, co_await context.client.post(std::move(target), body));
    if (context.output.json()) {
        context.output.print(answer.dump_indented());
        co_return 0;
    }
    context.output.note(fmt::format("{}: {} is done", answer["instance"].text(), action));
    context.output.print(object_text(answer["result"], "  "));
    co_return 0;
}

async::Task<Result<int>> run_client(Context& context, Kind kind, std::string stack,
                                    std::vector<Json> all, std::vector<std::string> arguments) {
    // The address that applications use, where there is one; else the server that takes writes.
    const auto found = std::ranges::find_if(all, [&kind](const Json& process) {
        return kind.engine == "redis" ? process["part"].text() == "redis-endpoint"
                                      : process["status"]["role"].text() == "primary";
    });
    const Json& process = found == all.end() ? all.front() : *found;
    co_return context.ports.shells.run({.stack = std::move(stack),
                                        .engine = std::string(process["engine"].text()),
                                        .is_redis = kind.engine == "redis",
                                        .database = std::string(process["database"].text()),
                                        .port = static_cast<uint16_t>(process["port"].integer()),
                                        .arguments = std::move(arguments)});
}

async::Task<Result<int>> run_engine(Context& context, Kind kind, Arguments arguments) {
    const std::string action(arguments.has("ACTION") ? arguments.value("ACTION") : kind.usual);
    const auto is_in = [&action](std::span<const std::string_view> names) {
        return std::ranges::find(names, action) != names.end();
    };
    const bool is_client = !kind.client.empty() && action == kind.client;
    const std::vector<std::string> rest = arguments.values("ARGUMENT");
    if (action != "status" && !is_client && !is_in(kind.views) && !is_in(kind.actions)) {
        co_return context.wrong_usage(fmt::format(
            "ACTION is status, {}, {}{}{}, got \"{}\"", fmt::join(kind.views, ", "),
            fmt::join(kind.actions, ", "), kind.client.empty() ? "" : ", ", kind.client, action));
    }
    if (!rest.empty() && !is_client) {
        co_return context.wrong_usage(fmt::format("{} takes no further argument", action));
    }
    if (arguments.has("to") && action != "failover") {
        co_return context.wrong_usage(fmt::format("--to is for failover, not for {}", action));
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    SHORE_CO_TRY(const std::string stack, co_await context.choose_stack(arguments));
    SHORE_CO_TRY(std::vector<Json> all,
                 co_await processes(context, kind, stack, arguments.value("engine")));
    const std::string engine =
        wire::percent_encode(all.front()["engine"].text(), wire::Slash::kEncode);
    const auto target = [&](std::string_view what) {
        return stack_target(stack, fmt::format("/engines/{}/{}/{}", engine, what, action));
    };
    if (action == "status") {
        co_return co_await show_status(context, std::move(all), arguments.value("instance"));
    }
    if (is_client) {
        co_return co_await run_client(context, kind, stack, std::move(all), rest);
    }
    if (is_in(kind.views)) {
        co_return co_await show_view(context, target("views"), arguments.value("instance"));
    }
    co_return co_await act(context, target("actions"), arguments, action);
}

async::Task<Result<int>> run_db(Context& context, Arguments arguments) {
    return run_engine(context, kDb, std::move(arguments));
}
async::Task<Result<int>> run_pool(Context& context, Arguments arguments) {
    return run_engine(context, kPool, std::move(arguments));
}
async::Task<Result<int>> run_redis(Context& context, Arguments arguments) {
    return run_engine(context, kRedis, std::move(arguments));
}

constexpr Option kEngineOption{"engine", 0, "SERVICE", "Which engine, when the stack has several",
                               Completes::kService};
constexpr Option kInstanceOption{"instance", 0, "INSTANCE",
                                 "Which process: all about it, its rows, or what to act upon"};
constexpr Option kOptions[] = {kProjectOption, kEnvOption, kFileOption, kEngineOption,
                               kInstanceOption};
constexpr Option kRedisOptions[] = {
    kProjectOption,
    kEnvOption,
    kFileOption,
    kEngineOption,
    kInstanceOption,
    Option{"to", 0, "INSTANCE", "For failover: the server that becomes the primary"}};

}  // namespace

Command db_command() {
    static constexpr Positional kPositionals[] = {
        {"ACTION", Positional::Count::kOptional,
         "status (the default), queries, indexes, activity, replicas, settings; promote, restart, "
         "reload; psql"},
        {"ARGUMENT", Positional::Count::kBehind, "For psql, behind --"}};
    static constexpr std::string_view kExamples[] = {
        "shore db", "shore db --instance db-1", "shore db queries",
        "shore db psql -- -c 'select now()'", "shore db promote --instance db-2"};
    return {.name = "db",
            .group = "Engines",
            .summary = "PostgreSQL: status, slow queries, replicas, psql",
            .description =
                "`queries` shows the slowest and most frequent statements, `indexes` tables that "
                "want one. `psql` connects as the database's administrator, without the pool.",
            .options = kOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_db};
}

Command pool_command() {
    static constexpr Positional kPositionals[] = {
        {"ACTION", Positional::Count::kOptional,
         "pools (the default), stats, clients, servers, databases, status; pause, resume, "
         "reload"}};
    static constexpr std::string_view kExamples[] = {"shore pool", "shore pool stats",
                                                     "shore pool pause"};
    return {.name = "pool",
            .group = "Engines",
            .summary = "The connection pool in front of PostgreSQL",
            .description =
                "`pause` lets transactions end and makes clients wait; `resume` lets "
                "them go on.",
            .options = kOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_pool};
}

Command redis_command() {
    static constexpr Positional kPositionals[] = {
        {"ACTION", Positional::Count::kOptional,
         "status (the default), replicas, sentinel, slowlog, clients, keyspace; failover, save; "
         "cli"},
        {"ARGUMENT", Positional::Count::kBehind, "For redis-cli, behind --"}};
    static constexpr std::string_view kExamples[] = {
        "shore redis", "shore redis --instance store-server-2", "shore redis failover",
        "shore redis failover --to store-server-2", "shore redis cli -- info replication"};
    return {.name = "redis",
            .group = "Engines",
            .summary = "Redis: status, replicas, failover, redis-cli",
            .description =
                "`failover` makes another server the primary once it has caught up; "
                "clients wait for it. The sentinels choose it, or `--to` does.",
            .options = kRedisOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_redis};
}

}  // namespace shore::cli
