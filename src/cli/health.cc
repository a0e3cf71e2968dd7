// shore health: can the stack serve? For scripts and monitors.
#include "cli/context.h"
#include "cli/options.h"
#include "cli/status_view.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

using wire::Json;

async::Task<Result<int>> run_health(Context& context, Arguments arguments) {
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    SHORE_CO_TRY(const std::string stack, co_await context.choose_stack(std::move(arguments)));
    SHORE_CO_TRY(const Json health, co_await context.client.get(stack_target(stack, "/health")));
    Output& output = context.output;
    const bool healthy = health["healthy"].truth();
    if (output.json()) {
        output.print(health.dump_indented());
        co_return healthy ? 0 : 1;
    }
    Table table({{"SERVICE"}, {"HEALTH"}, {"READY", Table::Align::kRight}, {"REASON"}});
    for (const Json& service : health["services"].items()) {
        const int64_t desired = service["desired"].integer();
        const std::string_view word = service["healthy"].truth() ? "healthy" : "unhealthy";
        table.add({std::string(service["name"].text()), output.paint(word, state_color(word)),
                   desired == 0 ? "-" : fmt::format("{}/{}", service["ready"].integer(), desired),
                   std::string(service["reason"].text())});
    }
    output.print(table.text(output.stdout_is_terminal() ? output.size().columns : 0));
    for (const Json& trouble : health["trouble"].items()) {
        output.error(trouble.text());
    }
    co_return healthy ? 0 : 1;
}

}  // namespace

Command health_command() {
    static constexpr std::string_view kExamples[] = {"shore health", "shore health -q || page-me"};
    return {
        .name = "health",
        .group = "See",
        .summary = "Can the stack serve? Status 0 when it can, 1 when not",
        .description = "A service is healthy when it has the ready instances that it should have.",
        .options = kStackOptions,
        .examples = kExamples,
        .run = run_health};
}

}  // namespace shore::cli
