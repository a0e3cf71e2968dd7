#include "supervise/launch.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strings.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/process.h"
#include "supervise/limits.h"

namespace shore::supervise {
namespace {

constexpr std::string_view kInherited[] = {
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    // Where a user's tools keep their versions, so that `python3` is the one of the shell.
    "PYENV_ROOT",
    "NVM_DIR",
    "VIRTUAL_ENV",
    "JAVA_HOME",
    "GOPATH",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
};

constexpr std::pair<std::string_view, int> kLimitNames[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

/// Directories that an app under another user must pass through, but not list.
constexpr mode_t kPassage = 0711;

bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// "db-password.txt" -> "DB_PASSWORD_TXT".
std::string variable_name(std::string_view text) {
    std::string name;
    for (const char c : text) {
        name += is_name(c) ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : '_';
    }
    return name;
}

std::string base_name(std::string_view path) {
    while (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    return std::string(path.substr(path.rfind('/') + 1));
}

std::string parent_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

/// Where a config or secret stands: below the instance's own files, whatever its target says; other
/// instances and the machine's own files are never touched. kInvalid for a target that leaves.
Result<std::string> file_path(const LaunchPlace& place, const std::string& target) {
    for (const auto part : base::split(target, '/')) {
        if (part == "..") {
            return fail(ErrorCode::kInvalid, "target {} must not contain \"..\"", target);
        }
    }
    return fmt::format("{}/files{}{}", place.run_directory, target.starts_with('/') ? "" : "/",
                       target);
}

std::string volume_path(const LaunchPlace& place, const std::string& stack,
                        const std::string& name) {
    return fmt::format("{}/{}/{}", place.volume_directory, stack, name);
}

Result<void> give_to(const std::string& path, const std::optional<os::User>& user) {
    if (user && ::geteuid() == 0 && ::chown(path.c_str(), user->uid, user->gid) < 0) {
        return fail(os::last_error(fmt::format("give {} to user {}", path, user->uid)));
    }
    return {};
}

Result<void> place_volumes(const InstanceOrder& order, const LaunchPlace& place,
                           const std::optional<os::User>& user) {
    for (const model::VolumeMount& volume : order.service.volumes) {
        if (volume.kind != model::VolumeKind::kNamed) {
            continue;
        }
        const std::string path = volume_path(place, order.stack, volume.source);
        if (!os::file_exists(path)) {
            SHORE_CHECK(os::make_directories(parent_of(path), kPassage));
            SHORE_CHECK(os::make_directories(path, 0755));
            SHORE_CHECK(give_to(path, user));
        }
    }
    return {};
}

Result<std::vector<os::ResourceLimit>> resource_limits(const model::ServiceSpec& service,
                                                       LaunchNotes& notes) {
    std::vector<os::ResourceLimit> limits;
    for (const model::Ulimit& ulimit : service.ulimits) {
        const auto* known =
            std::ranges::find(kLimitNames, ulimit.name, &std::pair<std::string_view, int>::first);
        if (known == std::end(kLimitNames)) {
            std::vector<std::string> names;
            for (const auto& [name, number] : kLimitNames) {
                names.emplace_back(name);
            }
            return fail(ErrorCode::kInvalid, "ulimits.{}: no such limit{}", ulimit.name,
                        base::did_you_mean(ulimit.name, names));
        }
        const auto value = [](int64_t n) { return n < 0 ? RLIM_INFINITY : static_cast<rlim_t>(n); };
        os::ResourceLimit limit{known->second, value(ulimit.soft), value(ulimit.hard)};
        rlimit current{};
        ::getrlimit(static_cast<__rlimit_resource>(limit.resource), &current);
        if (::geteuid() != 0 && limit.hard > current.rlim_max) {
            notes.push_back(fmt::format("ulimits.{} is held at {}: raising it further needs root",
                                        ulimit.name, current.rlim_max));
            limit.hard = current.rlim_max;
            limit.soft = std::min<uint64_t>(limit.soft, limit.hard);
        }
        limits.push_back(limit);
    }
    return limits;
}

/// Limits by cgroup where the machine lets us, otherwise what rlimits can do without harm, and a
/// note.
Result<void> apply_resources(const InstanceOrder& order, const os::CgroupTree& tree,
                             LaunchSpec& spec, LaunchNotes& notes) {
    const model::Resources& wanted = order.service.limits;
    const os::CgroupLimits limits{wanted.cpus, wanted.memory, wanted.pids};
    if (!limits.any()) {
        return {};
    }
    if (auto made = tree.create(cgroup_name(order), limits)) {
        spec.cgroups = std::move(*made);
    } else {
        notes.push_back(fmt::format("limits are not enforced by cgroup: {}", made.error().text()));
    }
    if (wanted.cpus && !tree.can_limit_cpu()) {
        notes.push_back(
            fmt::format("the limit of {} cpus is not enforced: {}", *wanted.cpus, tree.why_not()));
    }
    if (wanted.pids && !tree.can_limit_pids()) {
        // RLIMIT_NPROC counts all processes of a user, so it would make instances starve each
        // other.
        notes.push_back(fmt::format("the limit of {} processes is not enforced: {}", *wanted.pids,
                                    tree.why_not()));
    }
    if (wanted.memory && !tree.can_limit_memory()) {
        // RLIMIT_AS would kill Node.js, Java and Go, which reserve address space they never use.
        // RLIMIT_DATA counts writable private memory of one process, stacks of threads included:
        // doubled, it stops a leak and nothing else.
        const uint64_t data =
            std::max(2 * wanted.memory->count, wanted.memory->count + Bytes::mib(256).count);
        spec.limits.push_back({RLIMIT_DATA, data, data});
        notes.push_back(fmt::format(
            "the memory limit of {} is enforced only roughly ({} of data per process): {}",
            base::to_text(*wanted.memory), base::to_human(Bytes{data}), tree.why_not()));
    }
    return {};
}

}  // namespace

std::span<const std::string_view> inherited_names() {
    return kInherited;
}

Result<void> place_files(std::span<const model::FileMount> files, const LaunchPlace& place,
                         const std::optional<os::User>& user) {
    for (const model::FileMount& file : files) {
        SHORE_TRY(const std::string path, file_path(place, file.target));
        std::string content = file.content;
        if (!file.source.empty()) {
            SHORE_TRY(content, os::read_file(file.source, Bytes{kRecordBytesMax}));
        }
        SHORE_CHECK(os::make_directories(parent_of(path), kPassage));
        const mode_t mode = file.secret ? file.mode & 0400U : file.mode;
        SHORE_CHECK(os::write_file_atomically(path, content, mode, os::Durability::kVisible));
        SHORE_CHECK(give_to(path, user));
    }
    return {};
}

std::string cgroup_name(const InstanceOrder& order) {
    return fmt::format("{}.{}", order.stack, order.id);
}

std::string expand(std::string_view text, const std::map<std::string, std::string>& environment) {
    std::string result;
    while (!text.empty()) {
        const size_t dollar = text.find('$');
        result += text.substr(0, dollar);
        if (dollar == std::string_view::npos) {
            break;
        }
        text.remove_prefix(dollar);
        const bool braced = text.starts_with("${");
        const size_t begin = braced ? 2 : 1;
        size_t end = begin;
        while (end < text.size() && is_name(text[end])) {
            ++end;
        }
        const std::string name(text.substr(begin, end - begin));
        const bool closed = !braced || (end < text.size() && text[end] == '}');
        const bool ours =
            name == "PORT" || name.starts_with("SHORE_") || model::is_engine_variable(name);
        const auto value = environment.find(name);
        const size_t length = braced && closed ? end + 1 : end;
        if (closed && ours && value != environment.end()) {
            result += value->second;
        } else {
            result += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
    return result;
}

std::map<std::string, std::string> instance_environment(const InstanceOrder& order, uint16_t port,
                                                        const LaunchPlace& place,
                                                        const std::optional<os::User>& user) {
    std::map<std::string, std::string> ours;
    if (port != 0) {
        ours["PORT"] = std::to_string(port);
    }
    ours["SHORE_STACK"] = order.stack;
    ours["SHORE_ENVIRONMENT"] = order.environment;
    ours["SHORE_SERVICE"] = order.service.name;
    ours["SHORE_INSTANCE"] = order.id;
    ours["SHORE_SLOT"] = std::to_string(order.slot);
    ours["SHORE_RELEASE"] = std::to_string(order.release);
    if (order.service.engine) {
        ours["SHORE_PROGRAM"] = place.program;
        ours["SHORE_RUN_DIRECTORY"] = place.run_directory;
    }
    for (const model::VolumeMount& volume : order.service.volumes) {
        if (volume.kind == model::VolumeKind::kNamed) {
            ours["SHORE_VOLUME_" + variable_name(volume.source)] =
                volume_path(place, order.stack, volume.source);
        }
    }
    for (const model::FileMount& file : order.service.files) {
        if (const auto path = file_path(place, file.target)) {
            ours["SHORE_FILE_" + variable_name(base_name(file.target))] = *path;
        }
    }
    std::map<std::string, std::string> environment = place.environment;
    if (user) {
        environment["HOME"] = user->home.empty() ? "/" : user->home;
        environment["USER"] = environment["LOGNAME"] =
            user->name.empty() ? std::to_string(user->uid) : user->name;
    }
    auto known = ours;
    for (const auto& [name, value] : place.provided.environment) {
        environment[name] = known[name] = value;
    }
    for (const auto& [name, value] : order.service.environment) {
        if (!value.empty() || !place.provided.environment.contains(name)) {
            environment[name] = expand(value, known);
        }
    }
    for (const auto& [name, value] : ours) {
        environment[name] = value;
    }
    return environment;
}

Result<LaunchSpec> prepare_launch(const InstanceOrder& order, uint16_t port,
                                  const LaunchPlace& place, const os::CgroupTree& cgroups,
                                  const std::optional<os::User>& user, LaunchNotes& notes) {
    const model::ServiceSpec& service = order.service;
    LaunchSpec spec;
    spec.stack = order.stack;
    spec.service = service.name;
    spec.instance = order.id;
    const auto environment = instance_environment(order, port, place, user);
    for (const auto& [name, value] : environment) {
        spec.environment.push_back(fmt::format("{}={}", name, value));
    }
    for (const auto* part : {&service.entrypoint, &service.command}) {
        for (const std::string& argument : *part) {
            spec.argv.push_back(expand(argument, environment));
        }
    }
    if (spec.argv.empty()) {
        return fail(ErrorCode::kInvalid, "service {} has no command to run", service.name);
    }
    spec.working_directory = expand(service.working_dir, environment);
    spec.umask = service.umask;
    spec.log = service.log;
    spec.stop_signal = service.stop_signal;
    spec.stop_grace_period = service.stop_grace_period;
    if (user && ::geteuid() == 0) {
        spec.user = user->uid;
        spec.group = user->gid;
        spec.groups.assign(user->groups.begin(), user->groups.end());
    } else if (user && user->uid != ::geteuid() && !service.user.empty()) {
        notes.push_back(
            fmt::format("user: {} does not act: changing the user needs root, so it runs "
                        "as user {}",
                        service.user, ::geteuid()));
    }
    SHORE_TRY(spec.limits, resource_limits(service, notes));
    const std::string logs =
        fmt::format("{}/{}/{}", place.log_directory, order.stack, service.name);
    SHORE_CHECK(os::make_directories(logs, 0750));
    spec.log_path = fmt::format("{}/{}.log", logs, order.id);
    SHORE_CHECK(place_files(service.files, place, user));
    SHORE_CHECK(place_files(place.provided.files, place, user));
    SHORE_CHECK(place_volumes(order, place, user));
    SHORE_CHECK(apply_resources(order, cgroups, spec, notes));
    return spec;
}

std::string explain_start_failure(const std::string& what, int errno_value,
                                  const LaunchSpec& spec) {
    if (spec.argv.empty() || !what.starts_with("execute")) {
        return what;  // Another step failed, and says which.
    }
    const std::string& program = spec.argv[0];
    std::string path;
    for (const std::string& entry : spec.environment) {
        if (entry.starts_with("PATH=")) {
            path = entry.substr(5);
        }
    }
    const auto in_place = [&](const std::string& file) {
        return file.starts_with('/') ? file : fmt::format("{}/{}", spec.working_directory, file);
    };
    const bool is_path = program.find('/') != std::string::npos;
    if (errno_value == ENOEXEC) {
        return fmt::format(
            "{} is not a program: it has no #! line and is no binary for this machine; name "
            "its interpreter in `command`",
            program);
    }
    std::vector<std::string> names;
    for (const std::string& candidate : os::executable_candidates(program, path)) {
        if (os::file_exists(in_place(candidate))) {
            return errno_value == EACCES
                       ? fmt::format(
                             "{} is not executable; chmod +x it, or name its interpreter in "
                             "`command`",
                             candidate)
                       : fmt::format(
                             "{} exists, but the interpreter in its first line (#!) or its "
                             "loader does not",
                             candidate);
        }
        for (const std::string& name : os::list_directory(parent_of(in_place(candidate)))
                                           .value_or(std::vector<std::string>{})) {
            names.push_back(name);
        }
    }
    const std::string hint = base::did_you_mean(base_name(program), names);
    return is_path ? fmt::format("{}: no such file (working directory {}){}", program,
                                 spec.working_directory, hint)
                   : fmt::format("{}: command not found in PATH ({}){}", program, path, hint);
}

}  // namespace shore::supervise
