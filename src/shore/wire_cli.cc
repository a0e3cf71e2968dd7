#include "shore/wire_cli.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "config/load.h"
#include "engines/child.h"
#include "engines/records.h"
#include "os/file.h"
#include "os/process.h"
#include "shore/daemon_start.h"

namespace shore {

namespace {

/// The problems as a person reads them: one a line.
Error as_error(const config::Problems& problems) {
    std::string text = config::to_text(problems);
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    return Error(config::to_error(problems).code(), std::move(text));
}

}  // namespace

bool ProcessTerminal::write_stdout(std::string_view text) {
    return os::write_all_blocking(STDOUT_FILENO, text).has_value();
}

void ProcessTerminal::write_stderr(std::string_view text) {
    // Nobody can be told that stderr is closed.
    [[maybe_unused]] const auto written = os::write_all_blocking(STDERR_FILENO, text);
}

bool ProcessTerminal::stdout_is_terminal() const {
    return isatty(STDOUT_FILENO) == 1;
}
bool ProcessTerminal::stderr_is_terminal() const {
    return isatty(STDERR_FILENO) == 1;
}
bool ProcessTerminal::stdin_is_terminal() const {
    return isatty(STDIN_FILENO) == 1;
}

cli::Terminal::Size ProcessTerminal::size() const {
    winsize window{};
    for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
        if (ioctl(descriptor, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
            return {.rows = window.ws_row, .columns = window.ws_col};
        }
    }
    return {};
}

Result<cli::ManifestText> ManifestReader::read(const cli::ManifestQuery& query) {
    config::LoadRequest request;
    request.files.assign(query.files.begin(), query.files.end());
    request.directory = directory_;
    request.environment = query.environment;
    request.variables = variables_;
    request.profiles = query.profiles;
    request.project_name = query.project_name;
    request.env_files.assign(query.env_files.begin(), query.env_files.end());
    const config::Outcome loaded = config::load(request);
    if (!loaded) {
        const auto listed = variables_.find("COMPOSE_FILE");
        const bool is_named =
            !query.files.empty() || (listed != variables_.end() && !listed->second.empty());
        Error error = as_error(loaded.error());
        return fail(is_named || config::find_manifest(directory_)
                        ? std::move(error)
                        : Error(ErrorCode::kNotFound, error.message()));
    }
    SHORE_TRY(std::string yaml, config::without_secrets(loaded->manifest_yaml));
    SHORE_TRY(std::string json, config::to_json(yaml));
    return cli::ManifestText{.stack = model::stack_id(loaded->stack),
                             .yaml = std::move(yaml),
                             .json = std::move(json),
                             .services = config::services(*loaded),
                             .notes = config::to_text(loaded->notes)};
}

Result<void> BackgroundDaemon::start() {
    return start_daemon_blocking(paths_, program_, variables_);
}

Result<int> AdminShells::run(const cli::EngineShell& shell) {
    const engines::Records records(paths_.volumes().native(), nullptr);
    SHORE_TRY(const engines::Record record, records.read_blocking(shell.stack, shell.engine));
    const auto password = record.passwords.find(std::string(engines::kAdminUser));
    if (password == record.passwords.end()) {
        return fail(ErrorCode::kCorrupt, "{} names no administrator",
                    records.path(shell.stack, shell.engine));
    }
    const std::string port = std::to_string(shell.port);
    const std::string role(engines::kAdminRole);
    std::map<std::string, std::string> variables = variables_;
    std::vector<std::string> argv;
    // The password goes by the environment, which nobody else can read: arguments can be.
    if (shell.is_redis) {
        SHORE_TRY(argv.emplace_back(),
                  engines::find_program(variables, "redis-cli", {}, "redis-tools"));
        argv.insert(argv.end(),
                    {"-h", "127.0.0.1", "-p", port, "--user", role, "--no-auth-warning"});
        variables["REDISCLI_AUTH"] = password->second;
        const std::string authority = engines::authority_file(
            model::engine_socket_directory(paths_.run().native(), shell.stack, shell.engine));
        // There only when the store speaks TLS.
        if (os::file_exists(authority)) {
            argv.insert(argv.end(), {"--tls", "--cacert", authority});
        }
    } else {
        SHORE_TRY(argv.emplace_back(),
                  engines::find_program(variables, "psql", {}, "postgresql-client-15"));
        variables["PGHOST"] = "127.0.0.1";
        variables["PGPORT"] = port;
        variables["PGUSER"] = role;
        variables["PGPASSWORD"] = password->second;
        variables["PGDATABASE"] = shell.database;
    }
    argv.insert(argv.end(), shell.arguments.begin(), shell.arguments.end());
    return fail(os::become(argv, variables));
}

}  // namespace shore
