#include "cli/engine_view.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "cli/status_view.h"
#include "cli/table.h"

namespace shore::cli {

using wire::Json;

namespace {

std::string duration_text(double seconds) {
    constexpr double kMinute = 60;
    constexpr double kMilli = 1e-3;
    if (seconds < 0) {
        return "-";
    }
    if (seconds >= kMinute) {
        return base::to_human(
            std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
    }
    return seconds == 0 || seconds >= 1 ? fmt::format("{:.1f} s", seconds)
           : seconds >= kMilli          ? fmt::format("{:.1f} ms", seconds / kMilli)
                                        : fmt::format("{:.3f} ms", seconds / kMilli);
}

std::string cell(const Json& value, std::string_view kind = "number") {
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
        return cell(item);
    }
    std::string text;
    for (const Json::Member& member : item.members()) {
        const auto [name, value] = named_cell(member);
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, value);
    }
    return text;
}

size_t width_of(const Output& output) {
    return output.stdout_is_terminal() ? output.size().columns : 0;
}

// -- A line per process ---------------------------------------------------------------------------

/// "2 of 46"; "-" where nothing is told.
std::string share_text(const Json& used, const Json& most, std::string_view kind = "number") {
    const std::string text = cell(used, kind);
    return most.integer() == 0 ? text : fmt::format("{} of {}", text, cell(most, kind));
}

std::string address_of(const Json& process) {
    return fmt::format("127.0.0.1:{}", process["port"].integer());
}

struct Column {
    Table::Column title;
    std::string (*text)(const Json& status);
};

/// What it is to the others, also while it does not answer where that is all it can be.
std::string role_of(const Json& process) {
    const std::string_view part = process["part"].text();
    const std::string_view role = process["status"]["role"].text();
    return part == "redis-endpoint"   ? "endpoint"
           : part == "redis-sentinel" ? "sentinel"
           : part == "pgbouncer"      ? "pool"
           : role.empty()             ? "-"
                                      : std::string(role);
}

const Column kPostgresColumns[] = {
    {{"LAG", Table::Align::kRight},
     [](const Json& status) { return cell(status["lag_seconds"], "seconds"); }},
    {{"BEHIND", Table::Align::kRight},
     [](const Json& status) { return cell(status["behind_bytes"], "bytes"); }},
    {{"CONNECTIONS", Table::Align::kRight},
     [](const Json& status) {
         return share_text(status["connections"]["used"], status["connections"]["max"]);
     }},
    {{"DATA", Table::Align::kRight},
     [](const Json& status) {
         int64_t bytes = 0;
         for (const Json& database : status["databases"].items()) {
             bytes += database["size_bytes"].integer();
         }
         return bytes == 0 ? "-" : cell(Json(bytes), "bytes");
     }},
    {{"WAL", Table::Align::kRight},
     [](const Json& status) { return cell(status["wal"]["size_bytes"], "bytes"); }},
    {{"UPTIME", Table::Align::kRight},
     [](const Json& status) { return cell(status["uptime_seconds"], "seconds"); }},
};

const Column kPoolColumns[] = {
    {{"CLIENTS", Table::Align::kRight},
     [](const Json& status) {
         return share_text(status["clients"]["active"], status["clients_max"]);
     }},
    {{"WAITING", Table::Align::kRight},
     [](const Json& status) { return cell(status["clients"]["waiting"]); }},
    {{"FOR", Table::Align::kRight},
     [](const Json& status) { return cell(status["wait_seconds"], "seconds"); }},
    {{"SERVERS BUSY", Table::Align::kRight},
     [](const Json& status) { return share_text(status["servers"]["active"], status["size"]); }},
    {{"IDLE", Table::Align::kRight},
     [](const Json& status) { return cell(status["servers"]["idle"]); }},
};

const Column kRedisColumns[] = {
    {{"HEARD", Table::Align::kRight},
     [](const Json& status) { return cell(status["silence_seconds"], "seconds"); }},
    {{"KEYS", Table::Align::kRight}, [](const Json& status) { return cell(status["keys"]); }},
    {{"MEMORY", Table::Align::kRight},
     [](const Json& status) {
         return share_text(status["memory_bytes"], status["memory_max_bytes"], "bytes");
     }},
    {{"CLIENTS", Table::Align::kRight}, [](const Json& status) { return cell(status["clients"]); }},
    {{"PER SECOND", Table::Align::kRight},
     [](const Json& status) { return cell(status["commands_per_second"]); }},
    {{"UPTIME", Table::Align::kRight},
     [](const Json& status) { return cell(status["uptime_seconds"], "seconds"); }},
};

std::span<const Column> columns_of(std::string_view part) {
    return part == "postgres"    ? std::span<const Column>(kPostgresColumns)
           : part == "pgbouncer" ? std::span<const Column>(kPoolColumns)
                                 : std::span<const Column>(kRedisColumns);
}

std::string endpoint_note(const Json& status, std::span<const Json> processes) {
    if (!status["taking_commands"].truth()) {
        return "holds commands: there is no primary for them";
    }
    for (const Json& process : processes) {
        const Json& server = process["status"];
        if (server["part"].text() == "redis" && server["slot"] == status["primary"]) {
            return fmt::format("to {}, {}", process["instance"].text(),
                               status["durability"].text());
        }
    }
    return "";
}

/// What is to be known beside figures: first of all what is out of order.
std::string note_of(const Json& process, std::span<const Json> processes) {
    const Json& status = process["status"];
    const std::string_view part = process["part"].text();
    if (const std::string_view error = process["error"].text(); !error.empty()) {
        return std::string(error);
    }
    if (part == "redis-endpoint") {
        return endpoint_note(status, processes);
    }
    if (part == "redis-sentinel") {
        return !status["quorum_reached"].truth()   ? "reaches no quorum: nobody would be elected"
               : !status["ready_to_elect"].truth() ? "not ready to elect yet"
                                                   : "ready to elect";
    }
    if (part == "redis") {
        const bool is_cut = status["role"].text() == "replica" && !status["link_up"].truth();
        return is_cut ? "has no link to its primary" : "";
    }
    if (status["paused"].truth()) {
        return "paused: clients wait";
    }
    return part == "postgres" && !status["ready"].truth() ? std::string(status["detail"].text())
                                                          : std::string();
}

// -- Tables of agents -----------------------------------------------------------------------------

std::string rows_text(const Output& output, const Json& table) {
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
    return rows.empty() ? "nothing to show\n" : rows.text(width_of(output));
}

bool has_rows(const Json& table) {
    return !table["rows"].items().empty();
}

bool says(const Json& table, const Json& note) {
    return std::ranges::any_of(table["notes"].items(),
                               [&note](const Json& each) { return each == note; });
}

}  // namespace

std::string engine_status_text(const Output& output, std::span<const Json> processes) {
    const auto columns = columns_of(processes.front()["part"].text());
    std::vector<Table::Column> titles = {{"INSTANCE"}, {"STATE"}, {"ADDRESS"}, {"ROLE"}};
    for (const Column& column : columns) {
        titles.push_back(column.title);
    }
    titles.push_back({"NOTE"});
    Table table(std::move(titles));
    for (const Json& process : processes) {
        const std::string_view state = process["state"].text();
        std::vector<std::string> cells = {std::string(process["instance"].text()),
                                          output.paint(state, state_color(state)),
                                          address_of(process), role_of(process)};
        for (const Column& column : columns) {
            cells.push_back(column.text(process["status"]));
        }
        cells.push_back(note_of(process, processes));
        table.add(std::move(cells));
    }
    return table.text(width_of(output));
}

std::string engine_process_text(const Json& process) {
    std::string text =
        fmt::format("{}  {}  {}  {}\n", process["instance"].text(), process["part"].text(),
                    process["state"].text(), address_of(process));
    if (const std::string_view error = process["error"].text(); !error.empty()) {
        text += fmt::format("  {}\n", error);
    }
    return text + object_text(process["status"], "  ");
}

std::string engine_tables_text(const Output& output, std::span<const Json> tables) {
    const bool is_empty = std::ranges::none_of(tables, &has_rows);
    std::vector<const Json*> shown;
    for (const Json& table : tables) {
        const bool tells = std::ranges::none_of(
            shown, [&table](const Json* other) { return (*other)["notes"] == table["notes"]; });
        if (is_empty ? tells : has_rows(table)) {
            shown.push_back(&table);
        }
    }
    std::string text;
    for (size_t i = 0; i < shown.size(); ++i) {
        const Json& table = *shown[i];
        if (tables.size() > 1 && (!is_empty || shown.size() > 1)) {
            text += fmt::format("{} ({})\n", table["instance"].text(), table["part"].text());
        }
        text += rows_text(output, table);
        for (const Json& note : table["notes"].items()) {
            const bool comes_again =
                std::any_of(shown.begin() + static_cast<std::ptrdiff_t>(i) + 1, shown.end(),
                            [&note](const Json* later) { return says(*later, note); });
            if (!comes_again) {
                text += fmt::format("{}\n", note.text());
            }
        }
    }
    return text;
}

std::string object_text(const Json& object, std::string_view indent) {
    std::string text;
    for (const Json::Member& member : object.members()) {
        const auto [name, value] = named_cell(member);
        if (member.value.is_object()) {
            text += fmt::format("{}{}:\n", indent, name);
            text += object_text(member.value, fmt::format("{}  ", indent));
        } else if (member.value.is_array()) {
            const auto items = member.value.items();
            text += fmt::format("{}{}:{}\n", indent, name, items.empty() ? " none" : "");
            for (const Json& item : items) {
                text += fmt::format("{}  {}\n", indent, item_text(item));
            }
        } else {
            text += fmt::format("{}{}: {}\n", indent, name, value);
        }
    }
    return text;
}

}  // namespace shore::cli
