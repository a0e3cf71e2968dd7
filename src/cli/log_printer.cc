#include "cli/log_printer.h"

#include "cli/width.h"
#include "wire/uri.h"

namespace shore::cli {
namespace {

constexpr Color kServiceColors[] = {Color::kCyan, Color::kYellow, Color::kGreen, Color::kMagenta,
                                    Color::kBlue};

std::string target_of(const LogRequest& request) {
    std::string query;
    const auto add = [&query](std::string_view name, std::string_view value) {
        query +=
            fmt::format("{}{}={}", query.empty() ? "?" : "&", name, wire::percent_encode(value));
    };
    for (const std::string& service : request.services) {
        add("service", service);
    }
    if (!request.since.empty()) {
        add("since", request.since);
    }
    if (!request.tail.empty()) {
        add("tail", request.tail);
    }
    if (request.follow) {
        add("follow", "true");
    }
    return stack_target(request.stack, "/logs" + query);
}

}  // namespace

void LogPrinter::print(std::string_view line) {
    if (output_.json()) {
        output_.print(fmt::format("{}\n", line));
        return;
    }
    const auto parsed = wire::Json::parse(line);
    if (!parsed || !parsed->is_object()) {
        output_.print(fmt::format("{}\n", line));
        return;
    }
    const std::string_view instance = (*parsed)["instance"].text();
    const auto color =
        colors_.try_emplace(std::string((*parsed)["service"].text()),
                            kServiceColors[colors_.size() % std::size(kServiceColors)]);
    width_ = std::max(width_, display_width(instance));
    std::string prefix =
        fmt::format("{}{} |", instance, std::string(width_ - display_width(instance), ' '));
    if (timestamps_) {
        prefix += fmt::format(" {}", (*parsed)["time"].text());
    }
    std::string message((*parsed)["message"].text());
    if (const int64_t lost = (*parsed)["lost"].integer(); lost > 0) {
        message = fmt::format("({} lines could not be written)", lost);
    }
    output_.print(fmt::format("{} {}\n", output_.paint(prefix, color.first->second), message));
}

async::Task<Result<int>> print_logs(Context& context, LogRequest request) {
    LogPrinter printer(context.output, request.timestamps);
    const std::string target = target_of(request);
    if (!request.follow) {
        SHORE_CO_TRY(const auto lines, co_await context.client.lines("GET", target));
        while (!context.output.broken()) {
            SHORE_CO_TRY(const auto line, co_await lines->next());
            if (!line) {
                break;
            }
            printer.print(*line);
        }
        co_return 0;
    }
    SHORE_CO_TRY(const auto events, co_await context.client.follow(target));
    while (!context.output.broken()) {
        SHORE_CO_TRY(const auto event, co_await events->next());
        if (!event) {
            break;
        }
        printer.print(event->data);
    }
    co_return 0;
}

}  // namespace shore::cli
