// shore certs: certificates of the https listeners, and the private authority.
#include "cli/certs.h"

#include "cli/context.h"
#include "cli/table.h"

namespace shore::cli {
namespace {

using wire::Json;

async::Task<Result<int>> list(Context& context) {
    SHORE_CO_TRY(const Json answer, co_await context.client.get("/v1/certificates"));
    Output& output = context.output;
    if (output.json()) {
        output.print(answer.dump_indented());
        co_return 0;
    }
    Table table({{"NAMES"}, {"FOR"}, {"STATE"}, {"UNTIL"}, {"KEY"}, {"ISSUER"}, {"FILE"}});
    for (const Json& each : answer["certificates"].items()) {
        std::string names;
        for (const Json& name : each["names"].items()) {
            names += fmt::format("{}{}", names.empty() ? "" : ", ", name.text());
        }
        const std::string_view state = each["state"].text();
        table.add({names.empty() ? "-" : names, std::string(each["used_by"].text()),
                   output.paint(state, state == "valid" ? Color::kGreen : Color::kRed),
                   names.empty() ? "-" : std::string(each["not_after"].text().substr(0, 10)),
                   std::string(each["key"].text()), std::string(each["issuer"].text()),
                   std::string(each["file"].text())});
    }
    output.print(table.empty()
                     ? "no https listener is open, and no engine speaks TLS\n"
                     : table.text(output.stdout_is_terminal() ? output.size().columns : 0));
    co_return 0;
}

async::Task<Result<int>> renew(Context& context) {
    SHORE_CO_TRY(const Json answer, co_await context.client.post("/v1/certificates/renew", {}));
    if (context.output.json()) {
        context.output.print(answer.dump_indented());
    } else {
        const int64_t renewed = answer["renewed"].integer();
        const std::string said =
            renewed == 0 ? ""
            : renewed == 1
                ? "the certificate of the private authority is new; "
                : fmt::format("{} certificates of the private authority are new; ", renewed);
        context.output.note(said + "files of manifests were read again");
    }
    co_return 0;
}

async::Task<Result<int>> trust(Context& context, bool print_only) {
    if (print_only) {
        SHORE_CO_TRY(const Json authority,
                     co_await context.client.get("/v1/certificates/authority"));
        context.output.print(context.output.json() ? authority.dump_indented()
                                                   : std::string(authority["pem"].text()));
        co_return 0;
    }
    SHORE_CO_TRY(const Json trusted, co_await context.client.post("/v1/certificates/trust", {}));
    if (context.output.json()) {
        context.output.print(trusted.dump_indented());
    } else {
        context.output.note(
            fmt::format("programs of this machine trust Shore's private authority "
                        "({}); browsers may keep lists of their own",
                        trusted["file"].text()));
    }
    co_return 0;
}

async::Task<Result<int>> run_certs(Context& context, Arguments arguments) {
    const std::string action = arguments.has("ACTION") ? arguments.value("ACTION") : "ls";
    if (action != "ls" && action != "renew" && action != "trust") {
        co_return context.wrong_usage(
            fmt::format("ACTION is ls, trust or renew, got \"{}\"", action));
    }
    if (arguments.has("print") && action != "trust") {
        co_return context.wrong_usage("--print goes with trust");
    }
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kNever));
    if (action == "renew") {
        co_return co_await renew(context);
    }
    if (action == "trust") {
        co_return co_await trust(context, arguments.has("print"));
    }
    co_return co_await list(context);
}

}  // namespace

Command certs_command() {
    static constexpr Option kOptions[] = {
        {"print", 0, "", "With trust: print the authority's certificate instead"}};
    static constexpr Positional kPositionals[] = {
        {"ACTION", Positional::Count::kOptional,
         "ls (the default), trust: this machine trusts the private authority, renew: now"}};
    static constexpr std::string_view kExamples[] = {
        "shore certs ls", "shore certs trust", "shore certs trust --print", "shore certs renew"};
    return {.name = "certs",
            .group = "See",
            .summary = "Certificates of https listeners and engines",
            .description =
                "Which certificates are used and until when. Names without a certificate in the "
                "manifest, and engines that speak TLS, get one from a private authority in the "
                "state directory, which the daemon renews in time.",
            .options = kOptions,
            .positionals = kPositionals,
            .examples = kExamples,
            .run = run_certs};
}

}  // namespace shore::cli
