// shore db, shore pool, shore redis: engines of a stack: status, rows about them, things to do, and
// the server's own client.
#include <algorithm>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/context.h"
#include "cli/options.h"
#include "cli/table.h"
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

std::string duration_text(double seconds) {
    constexpr double kMinute = 60;
    constexpr double kMilli = 1e-3;
    if (seconds >= kMinute) {
        return base::to_human(
            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
    }
    return seconds == 0 || seconds >= 1 ? fmt::format("{:.1f} s", seconds)
           : seconds >= kMilli          ? fmt::format("{:.1f} ms", seconds / kMilli)
                                        : fmt::format("{:.3f} ms", seconds / kMilli);
}

std::string cell(const Json& value, std::string_view kind) {
    switch (value.kind()) {
        case Json::Kind::kNull:
            return "-";
        case Json::Kind::kString:
            return std::string(value.text());
        case Json::Kind::kBool:
            return value.truth() ? "yes" : "no";
        default:
            break;
    }
    if (kind == "bytes") {
        return base::to_human(Bytes{static_cast<uint64_t>(std::max<int64_t>(0, value.integer()))});
    }
    if (kind == "seconds") {
        return duration_text(value.number(static_cast<double>(value.integer())));
    }
    return value.kind() == Json::Kind::kInteger ? fmt::format("{}", value.integer())
                                                : fmt::format("{:.2f}", value.number());
}

std::string capitals(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == '_' ? ' ' : c;
    });
    return result;
}

void print_table(Output& output, const Json& table) {
    std::vector<Table::Column> columns;
    for (const Json& column : table["columns"].items()) {
        columns.push_back({capitals(column["name"].text()), column["kind"].text() == "text"
                                                                ? Table::Align::kLeft
                                                                : Table::Align::kRight});
    }
    Table rows(std::move(columns));
    for (const Json& row : table["rows"].items()) {
        std::vector<std::string> cells;
        for (size_t i = 0; i < row.items().size(); ++i) {
            cells.push_back(cell(row.items()[i], table["columns"].items()[i]["kind"].text()));
        }
        rows.add(std::move(cells));
    }
    output.print(rows.empty() ? "nothing to show\n"
                              : rows.text(output.stdout_is_terminal() ? output.size().columns : 0));
    for (const Json& note : table["notes"].items()) {
        output.print(fmt::format("{}\n", note.text()));
    }
}

/// "size", "7.3 MiB" for {"size_bytes": 7634279}: what is printed says its unit.
std::pair<std::string, std::string> named_cell(const Json::Member& member) {
    std::string name = member.key;
    std::string_view kind = "number";
    for (const std::string_view unit : {"bytes", "seconds"}) {
        if (name.ends_with(fmt::format("_{}", unit))) {
            name.resize(name.size() - unit.size() - 1);
            kind = unit;
        }
    }
    std::ranges::replace(name, '_', ' ');
    return {std::move(name), cell(member.value, kind)};
}

/// An item of a list on one line: "name shop, size 7.3 MiB".
std::string item_text(const Json& item) {
    if (!item.is_object()) {
        return cell(item, "number");
    }
    std::string text;
    for (const Json::Member& member : item.members()) {
        const auto [name, value] = named_cell(member);
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
    }
    return text;
}

/// An object as lines "name: value"; objects and lists within it indented.
void print_object(Output& output, const Json& object, std::string_view indent) {
    for (const Json::Member& member : object.members()) {
        const auto [name, value] = named_cell(member);
        if (member.value.is_object()) {
            output.print(fmt::format("{}{}:\n", indent, name));
            print_object(output, member.value, fmt::format("{}  ", indent));
        } else if (member.value.is_array()) {
            const auto items = member.value.items();
            output.print(fmt::format("{}{}:{}\n", indent, name, items.empty() ? " none" : ""));
            for (const Json& item : items) {
                output.print(fmt::format("{}  {}\n", indent, item_text(item)));
            }
        } else {
            output.print(fmt::format("{}{}: {}\n", indent, name, value));
        }
    }
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

async::Task<Result<int>> show_status(Context& context, std::vector<Json> all) {
    Output& output = context.output;
    if (output.json()) {
        output.print(Json::object().set("processes", Json::array(all)).dump_indented());
        co_return 0;
    }
    for (const Json& process : all) {
        output.print(fmt::format("{}  {}  {}  127.0.0.1:{}\n", process["instance"].text(),
                                 process["part"].text(), process["state"].text(),
                                 process["port"].integer()));
        if (const std::string_view error = process["error"].text(); !error.empty()) {
            output.print(fmt::format("  {}\n", error));
        }
        print_object(output, process["status"], "  ");
    }
    co_return 0;
}

async::Task<Result<int>> show_view(Context& context, std::string target) {
    SHORE_CO_TRY(const Json answer, co_await context.client.get(std::move(target)));
    if (context.output.json()) {
        context.output.print(answer.dump_indented());
        co_return 0;
    }
    const auto tables = answer["tables"].items();
    for (const Json& table : tables) {
        if (tables.size() > 1) {
            context.output.print(
                fmt::format("{} ({})\n", table["instance"].text(), table["part"].text()));
        }
        print_table(context.output, table);
    }
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
    print_object(context.output, answer["result"], "  ");
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
        co_return co_await show_status(context, std::move(all));
    }
    if (is_client) {
        co_return co_await run_client(context, kind, stack, std::move(all), rest);
    }
    if (is_in(kind.views)) {
        co_return co_await show_view(context, target("views"));
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
constexpr Option kInstanceOption{"instance", 0, "INSTANCE", "For an action: which process"};
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
    static constexpr std::string_view kExamples[] = {"shore db", "shore db queries",
                                                     "shore db psql -- -c 'select now()'",
                                                     "shore db promote --instance db-2"};
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
    static constexpr std::string_view kExamples[] = {"shore redis", "shore redis failover",
                                                     "shore redis failover --to store-server-2",
                                                     "shore redis cli -- info replication"};
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
