#include "supervise/launch_spec.h"

#include "base/strings.h"
#include "wire/json.h"

namespace shore::supervise {

using wire::Json;

namespace {

template <class T>
Json numbers(const std::vector<T>& values) {
    Json array = Json::array();
    for (const T value : values) {
        array.push(static_cast<int64_t>(value));
    }
    return array;
}

std::vector<std::string> strings(const Json& array) {
    std::vector<std::string> values;
    for (const Json& item : array.items()) {
        values.emplace_back(item.text());
    }
    return values;
}

std::optional<uint32_t> optional_number(const Json& value) {
    return value.is_null() ? std::nullopt : std::optional(static_cast<uint32_t>(value.integer()));
}

Json optional_json(const std::optional<uint32_t>& value) {
    return value ? Json(*value) : Json();
}

}  // namespace

std::string to_json(const LaunchSpec& spec) {
    Json limits = Json::array();
    for (const os::ResourceLimit& limit : spec.limits) {
        // RLIM_INFINITY is all ones: -1 as a signed number, which JSON can hold.
        limits.push(Json::object()
                        .set("resource", limit.resource)
                        .set("soft", static_cast<int64_t>(limit.soft))
                        .set("hard", static_cast<int64_t>(limit.hard)));
    }
    return Json::object()
        .set("stack", spec.stack)
        .set("service", spec.service)
        .set("instance", spec.instance)
        .set("argv", Json::strings(spec.argv))
        .set("environment", Json::strings(spec.environment))
        .set("working_directory", spec.working_directory)
        .set("user", optional_json(spec.user))
        .set("group", optional_json(spec.group))
        .set("groups", numbers(spec.groups))
        .set("umask", optional_json(spec.umask))
        .set("limits", std::move(limits))
        .set("cgroups", Json::strings(spec.cgroups))
        .set("log_path", spec.log_path)
        .set("log_file_bytes", spec.log.file_size_max.count)
        .set("log_files", spec.log.files_max)
        .set("log_age_ns", static_cast<int64_t>(spec.log.age_max.count()))
        .set("stop_signal", spec.stop_signal)
        .set("stop_grace_ns", static_cast<int64_t>(spec.stop_grace_period.count()))
        .dump();
}

Result<LaunchSpec> parse_launch_spec(std::string_view json) {
    auto parsed = Json::parse(json);
    if (!parsed) {
        return fail(ErrorCode::kCorrupt, "launch specification: {}", parsed.error().text());
    }
    const Json& root = *parsed;
    LaunchSpec spec{
        .stack = std::string(root["stack"].text()),
        .service = std::string(root["service"].text()),
        .instance = std::string(root["instance"].text()),
        .argv = strings(root["argv"]),
        .environment = strings(root["environment"]),
        .working_directory = std::string(root["working_directory"].text()),
        .user = optional_number(root["user"]),
        .group = optional_number(root["group"]),
        .umask = optional_number(root["umask"]),
        .cgroups = strings(root["cgroups"]),
        .log_path = std::string(root["log_path"].text()),
        .log = {.file_size_max = Bytes{static_cast<uint64_t>(root["log_file_bytes"].integer())},
                .files_max = static_cast<uint32_t>(root["log_files"].integer()),
                .age_max = Duration(root["log_age_ns"].integer())},
        .stop_signal = static_cast<int>(root["stop_signal"].integer(15)),
        .stop_grace_period = Duration(root["stop_grace_ns"].integer()),
    };
    for (const Json& group : root["groups"].items()) {
        spec.groups.push_back(static_cast<uint32_t>(group.integer()));
    }
    for (const Json& limit : root["limits"].items()) {
        spec.limits.push_back({.resource = static_cast<int>(limit["resource"].integer()),
                               .soft = static_cast<uint64_t>(limit["soft"].integer()),
                               .hard = static_cast<uint64_t>(limit["hard"].integer())});
    }
    if (spec.argv.empty() || spec.instance.empty() || spec.log_path.empty()) {
        return fail(ErrorCode::kCorrupt,
                    "launch specification: argv, instance and log_path must not be empty");
    }
    return spec;
}

os::SpawnOptions spawn_options(const LaunchSpec& spec, std::vector<std::string> argv) {
    os::SpawnOptions options;
    options.argv = std::move(argv);
    options.environment = spec.environment;
    options.working_directory = spec.working_directory;
    options.user = spec.user;
    options.group = spec.group;
    options.groups.assign(spec.groups.begin(), spec.groups.end());
    options.limits = spec.limits;
    options.umask = spec.umask;
    for (const std::string& directory : spec.cgroups) {
        options.cgroup_procs.push_back(directory + "/cgroup.procs");
    }
    return options;
}

std::map<std::string, std::string> environment_of(const LaunchSpec& spec) {
    std::map<std::string, std::string> environment;
    for (const std::string& entry : spec.environment) {
        if (const auto parts = base::split_once(entry, '=')) {
            environment.emplace(parts->first, parts->second);
        }
    }
    return environment;
}

}  // namespace shore::supervise
