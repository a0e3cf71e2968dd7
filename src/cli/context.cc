#include "cli/context.h"

#include <filesystem>

#include "async/timer.h"
#include "base/strings.h"

namespace shore::cli {
namespace {

using wire::Json;

/// How long a daemon may take to get ready: adopting hundreds of instances takes a second or two.
constexpr std::chrono::seconds kReadyTimeout{30};
constexpr std::chrono::milliseconds kReadyInterval{25};

std::string stack_name(const std::string& project, const std::string& environment) {
    return environment.empty() || project.find('@') != project.npos ? project
                                                                    : project + "@" + environment;
}

std::vector<std::string> names_of(const Json& status) {
    std::vector<std::string> names;
    for (const Json& stack : status["stacks"].items()) {
        names.emplace_back(stack["name"].text());
    }
    return names;
}

Error no_such_stack(const std::string& name, const std::vector<std::string>& names) {
    std::string text = fmt::format("stack {} is not up", base::printable(name));
    if (!names.empty()) {
        const std::string hint = base::did_you_mean(name, names);
        text += hint.empty() ? fmt::format("; these are: {}", base::join(names, ", ")) : hint;
    }
    return Error(ErrorCode::kNotFound, std::move(text));
}

/// The stack whose project directory is `directory` or above it: for when the manifest cannot be
/// read now.
std::string stack_of_directory(const Json& status, std::string_view directory,
                               std::string_view environment) {
    std::string best;
    size_t best_length = 0;
    for (const Json& stack : status["stacks"].items()) {
        const std::string_view root = stack["directory"].text();
        const bool inside = directory == root || (directory.starts_with(root) &&
                                                  directory.substr(root.size()).starts_with('/'));
        if (!root.empty() && inside && root.size() > best_length &&
            stack["environment"].text() == environment) {
            best = stack["name"].text();
            best_length = root.size();
        }
    }
    return best;
}

}  // namespace

Context::Context(async::Loop& event_loop, const Surroundings& given, Ports given_ports,
                 OutputOptions options, const Command& verb)
    : loop(event_loop),
      surroundings(given),
      ports(given_ports),
      output(given_ports.terminal, options),
      client(event_loop, given.state_directory),
      command(verb) {
}

int Context::wrong_usage(std::string_view text) {
    output.error(fmt::format("{}: {}", command.name, text));
    output.note(fmt::format("Try `shore help {}`.", command.name));
    return 2;
}

async::Task<Result<void>> Context::wait_until_ready() {
    const SteadyTime until = loop.now() + kReadyTimeout;
    while (true) {
        auto ready = co_await client.ready();
        if (ready) {
            co_return ready;
        }
        const bool may_come =
            client.was_absent() || ready.error().code() == ErrorCode::kUnavailable;
        if (!may_come || loop.now() > until) {
            co_return fail(std::move(ready.error())
                               .with(fmt::format("the daemon is not ready; its log is {}",
                                                 ports.starter.log_path())));
        }
        co_await async::sleep_for(loop, kReadyInterval);
    }
}

async::Task<Result<bool>> Context::connect(Start start) {
    const auto ready = co_await client.ready();
    if (ready) {
        co_return true;
    }
    if (client.was_absent()) {
        std::error_code ignored;
        const bool was_used =
            std::filesystem::exists(surroundings.state_directory + "/state.db", ignored);
        if (start == Start::kIfState && !was_used) {
            co_return false;
        }
        if (start == Start::kNever) {
            co_return fail(ErrorCode::kUnavailable,
                           "no daemon answers at {}; `shore up` or `shore daemon` starts one",
                           client.socket_path());
        }
        SHORE_CO_CHECK(ports.starter.start());
    } else if (ready.error().code() != ErrorCode::kUnavailable) {
        co_return fail(ready.error());
    }
    SHORE_CO_CHECK(co_await wait_until_ready());
    co_return true;
}

async::Task<Result<std::string>> Context::choose_stack(Arguments arguments) {
    SHORE_CO_TRY(const Json status, co_await client.get("/v1/stacks"));
    const std::vector<std::string> names = names_of(status);
    const ManifestQuery query = manifest_query(arguments);
    const auto checked = [&](std::string name) -> Result<std::string> {
        if (std::ranges::find(names, name) == names.end()) {
            return fail(no_such_stack(name, names));
        }
        return name;
    };
    if (!query.project_name.empty()) {
        co_return checked(stack_name(query.project_name, query.environment));
    }
    const auto manifest = ports.manifests.read(query);
    if (manifest) {
        co_return checked(manifest->stack);
    }
    if (manifest.error().code() != ErrorCode::kNotFound || !query.files.empty()) {
        std::string here = stack_of_directory(status, surroundings.directory, query.environment);
        if (here.empty() || !query.files.empty()) {
            co_return fail(manifest.error());
        }
        co_return here;
    }
    std::vector<std::string> candidates;
    for (const Json& stack : status["stacks"].items()) {
        if (query.environment.empty() || stack["environment"].text() == query.environment) {
            candidates.emplace_back(stack["name"].text());
        }
    }
    if (candidates.size() == 1) {
        co_return candidates.front();
    }
    if (candidates.empty()) {
        co_return fail(ErrorCode::kNotFound, "there is no manifest here, and no stack is up{}",
                       query.environment.empty() ? "" : " in environment " + query.environment);
    }
    co_return fail(ErrorCode::kInvalid, "there is no manifest here; name a stack with -p: {}",
                   base::join(candidates, ", "));
}

ManifestQuery manifest_query(const Arguments& arguments) {
    return {.files = arguments.values("file"),
            .environment = arguments.value("env"),
            .profiles = arguments.values("profile"),
            .project_name = arguments.value("project-name"),
            .env_files = arguments.values("env-file")};
}

Json deploy_body(const Context& context, const Arguments& arguments, std::string_view origin) {
    const ManifestQuery query = manifest_query(arguments);
    Json variables = Json::object();
    for (const auto& [name, value] : context.surroundings.variables) {
        variables.set(name, value);
    }
    Json body = Json::object();
    body.set("directory", context.surroundings.directory)
        .set("files", Json::strings(query.files))
        .set("environment", query.environment)
        .set("variables", std::move(variables))
        .set("profiles", Json::strings(query.profiles))
        .set("project_name", query.project_name)
        .set("env_files", Json::strings(query.env_files))
        .set("origin", origin);
    if (arguments.has("force")) {
        body.set("force", true);
    }
    return body;
}

}  // namespace shore::cli
