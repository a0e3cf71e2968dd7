// shore gateway upgrade: the data plane by the program on disk, without closing a connection.
// Without a word behind it, `gateway` is a role of the program that shore/ starts.
#include "cli/context.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

async::Task<Result<int>> run_gateway(Context& context, Arguments arguments) {
    if (arguments.value("ACTION") != "upgrade") {
        co_return context.wrong_usage(
            fmt::format("say `shore gateway upgrade`; got \"{}\"", arguments.value("ACTION")));
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kIfState));
    SHORE_CO_TRY(const wire::Json answer, co_await context.client.post("/v1/gateway/upgrade", {}));
    if (context.output.json()) {
        context.output.print(answer.dump_indented());
        co_return 0;
    }
    context.output.note(fmt::format(
        "the gateway has been replaced (process {}); the old one ends when its last connection has",
        answer["pid"].integer()));
    co_return 0;
}

}  // namespace

Command gateway_command() {
    static constexpr Positional kPositionals[] = {
        {"ACTION", Positional::Count::kOptional, "upgrade"}};
    static constexpr std::string_view kExamples[] = {"shore gateway upgrade"};
    return {
        .name = "gateway",
        .group = "Processes",
        .summary = "Replace the data plane without closing a connection; or run it",
        .description =
            "`shore gateway upgrade` starts the program that is on disk now as a new gateway, "
            "which takes the listening sockets over. The old one answers what it has, keeps "
            "open WebSockets until they end (at most x-shore.gateway.upgrade_timeout) and "
            "leaves. When the new one cannot start, the old one serves on. Without `upgrade` it "
            "is the data plane itself, as the daemon starts it: it reads run/snapshot.json and "
            "run/gateway.sock of the state directory.",
        .positionals = kPositionals,
        .examples = kExamples,
        .run = run_gateway};
}

}  // namespace shore::cli
