// The command table: verbs in the order of the help, roles of the program last.
#include "cli/certs.h"
#include "cli/verbs.h"

namespace shore::cli {
namespace {

constexpr Option kGlobalOptions[] = {
    {"state", 0, "DIR",
     "State directory (default: $SHORE_STATE, else ~/.local/state/shore; root: /var/lib/shore)",
     Completes::kDirectory},
    {"json", 0, "", "Print JSON for programs"},
    {"no-color", 0, "", "No colours (also NO_COLOR)"},
    {"quiet", 'q', "", "Only data and errors"},
};

constexpr Option kDaemonOptions[] = {
    {"leave-when-empty", 0, "", "End once no stack is up any more"},
};

constexpr Option kProveOptions[] = {
    {"list", 0, "", "Print the cases and what each promises"},
};
constexpr Positional kProveCases[] = {
    {"CASE", Positional::Count::kAny, "Cases by name; every case when none is named"},
};
constexpr std::string_view kProveExamples[] = {
    "shore prove --list",
    "shore prove deploy-zero-downtime",
};

Command role(std::string_view name, std::string_view summary, std::string_view description,
             std::span<const Option> options = {}) {
    return {.name = name,
            .group = "Processes",
            .summary = summary,
            .description = description,
            .options = options};
}

Command prove_command() {
    return {.name = "prove",
            .group = "About",
            .summary = "Measure on this machine whether Shore keeps its promises",
            .description =
                "Each case starts a Shore of its own in a temporary directory, puts it under load, "
                "deploys, kills processes, and prints what it measured. Nothing that runs already "
                "is touched. The status is 1 when a promise was missed.",
            .options = kProveOptions,
            .positionals = kProveCases,
            .examples = kProveExamples};
}

}  // namespace

std::span<const Option> global_options() {
    return kGlobalOptions;
}

std::span<const Command> commands() {
    static const Command kCommands[] = {
        up_command(),
        down_command(),
        deploy_command(),
        rollback_command(),
        releases_command(),
        plan_command(),
        diff_command(),
        status_command(),
        ls_command(),
        health_command(),
        logs_command(),
        events_command(),
        route_command(),
        top_command(),
        certs_command(),
        cache_command(),
        exec_command(),
        db_command(),
        pool_command(),
        redis_command(),
        scale_command(),
        restart_command(),
        stop_command(),
        start_command(),
        config_command(),
        version_command(),
        help_command(),
        completion_command(),
        shutdown_command(),
        upgrade_command(),
        prove_command(),
        role("daemon", "Run the control plane in the foreground",
             "For systemd and containers; `shore up` starts one by itself. One daemon serves one "
             "state "
             "directory and any number of stacks. When it ends, apps and gateway keep running; the "
             "next "
             "one adopts them.",
             kDaemonOptions),
        gateway_command(),
        role("shim", "Hold one instance; started by the daemon",
             "The tiny parent of an app's process: keeps its output and its exit status."),
        role("engine", "Drive one real server; started by the daemon",
             "Prepares the server's files, starts it, applies the manifest's options, answers for "
             "it."),
    };
    return kCommands;
}

}  // namespace shore::cli
