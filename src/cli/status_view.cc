#include "cli/status_view.h"

#include "base/clock.h"
#include "base/strings.h"
#include "cli/table.h"

namespace shore::cli {
namespace {

using wire::Json;
using Align = Table::Align;

/// URLs in a stack's line: a stack of many routes would fill the screen with them.
constexpr size_t kUrlsShown = 4;

bool is_ready(const Json& instance) {
    return instance["state"].text() == "running" || instance["state"].text() == "completed";
}

/// The state of a service in a word, judged from its numbers.
std::string_view service_state(const Json& service) {
    if (service["kind"].text() == "static") {
        return "static";
    }
    if (service["stopped"].truth()) {
        return "stopped";
    }
    const auto instances = service["instances"].items();
    if (service["kind"].text() == "one_shot" && !instances.empty() &&
        std::ranges::all_of(instances, [](const Json& instance) {
            return instance["state"].text() == "completed";
        })) {
        return "completed";
    }
    if (service["ready"].integer() >= service["desired"].integer()) {
        return service["desired"].integer() == 0 ? "idle" : "running";
    }
    for (const Json& instance : instances) {
        if (!is_ready(instance)) {
            return instance["state"].text();
        }
    }
    return "starting";
}

std::string note_of(const Json& service) {
    for (const Json& instance : service["instances"].items()) {
        if (!is_ready(instance) && !instance["reason"].text().empty()) {
            return fmt::format("{}: {}", instance["id"].text(), instance["reason"].text());
        }
    }
    return {};
}

int64_t restarts_of(const Json& service) {
    int64_t restarts = 0;
    for (const Json& instance : service["instances"].items()) {
        restarts += instance["restarts"].integer();
    }
    return restarts;
}

std::string number_or_dash(int64_t number) {
    return number == 0 ? "-" : std::to_string(number);
}

Table services_table(const Output& output, const Json& stack) {
    Table table(
        {{"SERVICE"}, {"STATE"}, {"READY", Align::kRight}, {"RESTARTS", Align::kRight}, {"NOTE"}});
    for (const Json& service : stack["services"].items()) {
        const std::string_view state = service_state(service);
        const bool is_static = state == "static";
        std::string note = note_of(service);
        const auto urls = service["urls"].items();
        if (note.empty() && !urls.empty()) {
            note = urls.front().text();
        }
        table.add({std::string(service["name"].text()), output.paint(state, state_color(state)),
                   is_static ? "-"
                             : fmt::format("{}/{}", service["ready"].integer(),
                                           service["desired"].integer()),
                   is_static ? "-" : std::to_string(restarts_of(service)), std::move(note)});
    }
    return table;
}

Table instances_table(const Output& output, const Json& stack, WallTime now) {
    Table table({{"INSTANCE"},
                 {"STATE"},
                 {"PID", Align::kRight},
                 {"PORT", Align::kRight},
                 {"RESTARTS", Align::kRight},
                 {"RELEASE", Align::kRight},
                 {"AGE"},
                 {"NOTE"}});
    for (const Json& service : stack["services"].items()) {
        if (service["instances"].items().empty()) {
            const std::string_view state = service_state(service);
            table.add({std::string(service["name"].text()), output.paint(state, state_color(state)),
                       "-", "-", "-", "-", "-", ""});
        }
        for (const Json& instance : service["instances"].items()) {
            const std::string_view state = instance["state"].text();
            table.add({std::string(instance["id"].text()), output.paint(state, state_color(state)),
                       number_or_dash(instance["pid"].integer()),
                       number_or_dash(instance["port"].integer()),
                       std::to_string(instance["restarts"].integer()),
                       std::to_string(instance["release"].integer()),
                       age_text(instance["started_at"].text(), now),
                       std::string(instance["reason"].text())});
        }
    }
    return table;
}

}  // namespace

Color state_color(std::string_view state) {
    if (state == "running" || state == "active" || state == "healthy") {
        return Color::kGreen;
    }
    if (state == "failed" || state == "unhealthy" || state == "degraded") {
        return Color::kRed;
    }
    if (state == "starting" || state == "changing" || state == "backoff" || state == "stopping" ||
        state == "deploying") {
        return Color::kYellow;
    }
    return Color::kDim;
}

std::string age_text(std::string_view time, WallTime now) {
    const auto at = base::parse_rfc3339(time);
    return at ? base::to_human(std::max(now - *at, Duration::zero())) : "-";
}

std::string stack_text(const Output& output, const Json& stack, Detail detail, WallTime now) {
    const std::string_view state = stack["state"].text();
    std::string text =
        fmt::format("{}  {}  release {}", output.paint(stack["name"].text(), Color::kBold),
                    output.paint(state, state_color(state)), stack["release"].integer());
    const int64_t deploying = stack["deploying"].integer();
    if (deploying != 0 && deploying != stack["release"].integer()) {
        text += fmt::format(", deploying {}", deploying);
    }
    const auto urls = stack["urls"].items();
    // One more is shown in place of "and 1 more".
    const size_t shown = urls.size() > kUrlsShown + 1 ? kUrlsShown : urls.size();
    for (const Json& url : urls.first(shown)) {
        text += fmt::format("  {}", output.paint(url.text(), Color::kCyan));
    }
    if (shown < urls.size()) {
        text += fmt::format("  and {} more (shore route ls)", urls.size() - shown);
    }
    text += "\n";
    if (!stack["reason"].text().empty()) {
        text += fmt::format("{} {}\n", output.paint("!", Color::kRed), stack["reason"].text());
    }
    for (const Json& trouble : stack["trouble"].items()) {
        text += fmt::format("{} {}\n", output.paint("!", Color::kRed), trouble.text());
    }
    const Table table = detail == Detail::kInstances ? instances_table(output, stack, now)
                                                     : services_table(output, stack);
    return text + table.text(output.stdout_is_terminal() ? output.size().columns : 0);
}

std::string status_text(const Output& output, const Json& status, Detail detail, WallTime now) {
    std::string text;
    for (const Json& stack : status["stacks"].items()) {
        text += text.empty() ? "" : "\n";
        text += stack_text(output, stack, detail, now);
    }
    return text.empty() ? "no stack is up\n" : text;
}

}  // namespace shore::cli
