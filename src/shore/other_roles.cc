// The roles that need little around them: gateway, shim, and the command line.
#include <array>
#include <cstdio>
#include <filesystem>

#include "cli/parse.h"
#include "cli/run.h"
#include "engines/agent.h"
#include "gateway/gateway.h"
#include "os/signal.h"
#include "shore/arguments.h"
#include "shore/roles.h"
#include "shore/wire_cli.h"
#include "supervise/shim.h"

namespace shore {

namespace {

constexpr int kUsage = 2;
constexpr std::array<std::string_view, 1> kGatewayOptions = {"--state"};
constexpr std::array<std::string_view, 1> kGatewayFlags = {"--take-over"};

int refuse(std::string_view role, const Error& error) {
    fmt::print(stderr, "shore {}: {}\n", role, error.text());
    return kUsage;
}

}  // namespace

int run_gateway_role(const Invocation& invocation) {
    const auto arguments =
        parse_role_arguments(invocation.arguments, kGatewayOptions, kGatewayFlags);
    if (!arguments) {
        return refuse("gateway", arguments.error());
    }
    const auto paths = find_state(arguments->value("--state"), invocation.variables,
                                  invocation.is_root, invocation.directory);
    if (!paths) {
        return refuse("gateway", paths.error());
    }
    if (const auto created = create_directories(*paths); !created) {
        fmt::print(stderr, "shore gateway: {}\n", created.error().text());
        return 1;
    }
    return gateway::run_gateway({.snapshot_path = paths->snapshot().native(),
                                 .socket_path = paths->gateway_socket().native(),
                                 .cache_directory = (paths->root() / "cache").native(),
                                 .log_directory = (paths->own_logs() / "gateway").native(),
                                 .take_over = arguments->has("--take-over")});
}

int run_shim_role(const Invocation& invocation) {
    const auto arguments = parse_role_arguments(invocation.arguments, {}, {});
    if (!arguments || arguments->positional.size() != 1) {
        fmt::print(stderr, "usage: shore shim DIRECTORY (started by the daemon)\n");
        return kUsage;
    }
    return supervise::run_shim(arguments->positional.front());
}

int run_engine_role(const Invocation& invocation) {
    const auto arguments = parse_role_arguments(invocation.arguments, {}, {});
    if (!arguments || arguments->positional.size() != 1) {
        fmt::print(stderr, "usage: shore engine DIRECTORY (started by the daemon)\n");
        return kUsage;
    }
    return engines::run_agent(arguments->positional.front(), invocation.variables);
}

int run_command_line(const Invocation& invocation) {
    os::ignore_broken_pipe();
    const auto paths = find_state(cli::state_option(invocation.arguments), invocation.variables,
                                  invocation.is_root, invocation.directory);
    if (!paths) {
        fmt::print(stderr, "shore: {}\n", paths.error().text());
        return kUsage;
    }
    const base::SystemClock clock;
    ProcessTerminal terminal;
    ManifestReader manifests(invocation.directory, invocation.variables);
    BackgroundDaemon starter(*paths, invocation.program, invocation.variables);
    AdminShells shells(*paths, invocation.variables);
    const cli::Surroundings surroundings{.version = SHORE_VERSION,
                                         .state_directory = paths->root().native(),
                                         .directory = invocation.directory,
                                         .variables = invocation.variables};
    return cli::run(invocation.arguments, surroundings,
                    {.terminal = terminal,
                     .manifests = manifests,
                     .starter = starter,
                     .shells = shells,
                     .clock = clock});
}

}  // namespace shore
