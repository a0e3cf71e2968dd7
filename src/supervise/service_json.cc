#include "supervise/service_json.h"

namespace shore::supervise {

using wire::Json;

namespace {

Json duration(Duration value) {
    return static_cast<int64_t>(value.count());
}

Json texts(const std::map<std::string, std::string>& values) {
    Json object = Json::object();
    for (const auto& [key, value] : values) {
        object.set(key, value);
    }
    return object;
}

std::map<std::string, std::string> to_texts(const Json& object) {
    std::map<std::string, std::string> values;
    for (const Json::Member& member : object.members()) {
        values.emplace(member.key, member.value.text());
    }
    return values;
}

std::vector<std::string> to_strings(const Json& array) {
    std::vector<std::string> values;
    for (const Json& item : array.items()) {
        values.emplace_back(item.text());
    }
    return values;
}

template <class Values, class Write>
Json list(const Values& values, Write write) {
    Json array = Json::array();
    for (const auto& value : values) {
        array.push(write(value));
    }
    return array;
}

uint32_t to_u32(const Json& value) {
    return static_cast<uint32_t>(value.integer());
}
Duration to_duration(const Json& value) {
    return Duration(value.integer());
}

Json health_to_json(const model::HealthCheck& check) {
    return Json::object()
        .set("probe", static_cast<uint32_t>(check.probe))
        .set("command", Json::strings(check.command))
        .set("http_path", check.http_path)
        .set("http_protocol", static_cast<uint32_t>(check.http_protocol))
        .set("http_status_min", uint32_t{check.http_status_min})
        .set("http_status_max", uint32_t{check.http_status_max})
        .set("http_body", check.http_body)
        .set("interval_ns", duration(check.interval))
        .set("timeout_ns", duration(check.timeout))
        .set("retries", check.retries)
        .set("start_period_ns", duration(check.start_period))
        .set("start_interval_ns", duration(check.start_interval));
}

model::HealthCheck health_from_json(const Json& json) {
    return {.probe = static_cast<model::HealthProbe>(json["probe"].integer(1)),
            .command = to_strings(json["command"]),
            .http_path = std::string(json["http_path"].text()),
            .http_protocol = static_cast<model::UpstreamProtocol>(json["http_protocol"].integer(1)),
            .http_status_min = static_cast<uint16_t>(json["http_status_min"].integer()),
            .http_status_max = static_cast<uint16_t>(json["http_status_max"].integer()),
            .http_body = std::string(json["http_body"].text()),
            .interval = to_duration(json["interval_ns"]),
            .timeout = to_duration(json["timeout_ns"]),
            .retries = to_u32(json["retries"]),
            .start_period = to_duration(json["start_period_ns"]),
            .start_interval = to_duration(json["start_interval_ns"])};
}

Json restart_to_json(const model::RestartPolicy& policy) {
    return Json::object()
        .set("condition", static_cast<uint32_t>(policy.condition))
        .set("delay_ns", duration(policy.delay))
        .set("delay_max_ns", duration(policy.delay_max))
        .set("attempts_max", policy.attempts_max ? Json(*policy.attempts_max) : Json())
        .set("window_ns", duration(policy.window));
}

model::RestartPolicy restart_from_json(const Json& json) {
    model::RestartPolicy policy{
        .condition = static_cast<model::RestartCondition>(json["condition"].integer(1)),
        .delay = to_duration(json["delay_ns"]),
        .delay_max = to_duration(json["delay_max_ns"]),
        .window = to_duration(json["window_ns"])};
    if (!json["attempts_max"].is_null()) {
        policy.attempts_max = to_u32(json["attempts_max"]);
    }
    return policy;
}

Json hook_to_json(const model::Hook& hook) {
    return Json::object()
        .set("command", Json::strings(hook.command))
        .set("user", hook.user)
        .set("working_dir", hook.working_dir)
        .set("environment", texts(hook.environment));
}

std::vector<model::Hook> hooks_from_json(const Json& json) {
    std::vector<model::Hook> hooks;
    for (const Json& hook : json.items()) {
        hooks.push_back({.command = to_strings(hook["command"]),
                         .user = std::string(hook["user"].text()),
                         .working_dir = std::string(hook["working_dir"].text()),
                         .environment = to_texts(hook["environment"])});
    }
    return hooks;
}

Json limits_to_json(const model::Resources& limits) {
    return Json::object()
        .set("cpus", limits.cpus ? Json(*limits.cpus) : Json())
        .set("memory", limits.memory ? Json(limits.memory->count) : Json())
        .set("pids", limits.pids ? Json(*limits.pids) : Json());
}

model::Resources limits_from_json(const Json& json) {
    model::Resources limits;
    if (!json["cpus"].is_null()) {
        limits.cpus = json["cpus"].number();
    }
    if (!json["memory"].is_null()) {
        limits.memory = Bytes{static_cast<uint64_t>(json["memory"].integer())};
    }
    if (!json["pids"].is_null()) {
        limits.pids = to_u32(json["pids"]);
    }
    return limits;
}

Json ulimit_to_json(const model::Ulimit& limit) {
    return Json::object().set("name", limit.name).set("soft", limit.soft).set("hard", limit.hard);
}

Json volume_to_json(const model::VolumeMount& volume) {
    return Json::object()
        .set("kind", static_cast<uint32_t>(volume.kind))
        .set("source", volume.source)
        .set("target", volume.target)
        .set("read_only", volume.read_only);
}

Json file_to_json(const model::FileMount& file) {
    return Json::object()
        .set("source", file.source)
        .set("content", file.content)
        .set("target", file.target)
        .set("mode", file.mode)
        .set("secret", file.secret);
}

void mounts_from_json(const Json& json, model::ServiceSpec& service) {
    for (const Json& limit : json["ulimits"].items()) {
        service.ulimits.push_back({.name = std::string(limit["name"].text()),
                                   .soft = limit["soft"].integer(),
                                   .hard = limit["hard"].integer()});
    }
    for (const Json& volume : json["volumes"].items()) {
        service.volumes.push_back(
            {.kind = static_cast<model::VolumeKind>(volume["kind"].integer(1)),
             .source = std::string(volume["source"].text()),
             .target = std::string(volume["target"].text()),
             .read_only = volume["read_only"].truth()});
    }
    for (const Json& file : json["files"].items()) {
        service.files.push_back({.source = std::string(file["source"].text()),
                                 .content = std::string(file["content"].text()),
                                 .target = std::string(file["target"].text()),
                                 .mode = to_u32(file["mode"]),
                                 .secret = file["secret"].truth()});
    }
}

Json engine_to_json(const model::EngineRole& role) {
    return Json::object()
        .set("part", static_cast<uint32_t>(role.part))
        .set("spec", model::to_json(role.spec));
}

Result<model::EngineRole> engine_from_json(const Json& json) {
    SHORE_TRY(model::EngineSpec spec, model::parse_engine_spec(json["spec"].text()));
    return model::EngineRole{.part = static_cast<model::EnginePart>(json["part"].integer(1)),
                             .spec = std::move(spec)};
}

Json use_to_json(const model::EngineUse& use) {
    return Json::object()
        .set("service", use.service)
        .set("engine", static_cast<uint32_t>(use.engine))
        .set("prefix", use.prefix)
        .set("database", use.database)
        .set("access", static_cast<uint32_t>(use.access))
        .set("pooled", use.pooled)
        .set("tls", use.tls)
        .set("replicas", use.replicas)
        .set("sentinels", use.sentinels);
}

model::EngineUse use_from_json(const Json& json) {
    return {.service = std::string(json["service"].text()),
            .engine = static_cast<model::Engine>(json["engine"].integer(1)),
            .prefix = std::string(json["prefix"].text()),
            .database = std::string(json["database"].text()),
            .access = static_cast<model::EngineAccess>(json["access"].integer(1)),
            .pooled = json["pooled"].truth(),
            .tls = json["tls"].truth(),
            .replicas = to_u32(json["replicas"]),
            .sentinels = to_u32(json["sentinels"])};
}

}  // namespace

Json service_to_json(const model::ServiceSpec& service) {
    return Json::object()
        .set("name", service.name)
        .set("command", Json::strings(service.command))
        .set("entrypoint", Json::strings(service.entrypoint))
        .set("environment", texts(service.environment))
        .set("working_dir", service.working_dir)
        .set("user", service.user)
        .set("umask", service.umask ? Json(*service.umask) : Json())
        .set("health", health_to_json(service.health))
        .set("restart", restart_to_json(service.restart))
        .set("limits", limits_to_json(service.limits))
        .set("ulimits", list(service.ulimits, ulimit_to_json))
        .set("stop_signal", service.stop_signal)
        .set("stop_grace_ns", duration(service.stop_grace_period))
        .set("post_start", list(service.post_start, hook_to_json))
        .set("pre_stop", list(service.pre_stop, hook_to_json))
        .set("volumes", list(service.volumes, volume_to_json))
        .set("files", list(service.files, file_to_json))
        .set("log_file_bytes", service.log.file_size_max.count)
        .set("log_files", service.log.files_max)
        .set("log_age_ns", duration(service.log.age_max))
        .set("one_shot", service.one_shot)
        .set("needs_port", service.needs_port)
        .set("fixed_port", uint32_t{service.fixed_port})
        .set("engine", service.engine ? engine_to_json(*service.engine) : Json())
        .set("uses", list(service.uses, use_to_json));
}

Result<model::ServiceSpec> service_from_json(const Json& json) {
    model::ServiceSpec service;
    service.name = json["name"].text();
    service.command = to_strings(json["command"]);
    service.entrypoint = to_strings(json["entrypoint"]);
    if (service.name.empty() || !model::has_process(service)) {
        return fail(ErrorCode::kCorrupt, "instance record: the service has no name or no command");
    }
    service.environment = to_texts(json["environment"]);
    service.working_dir = json["working_dir"].text();
    service.user = json["user"].text();
    if (!json["umask"].is_null()) {
        service.umask = to_u32(json["umask"]);
    }
    service.health = health_from_json(json["health"]);
    service.restart = restart_from_json(json["restart"]);
    service.limits = limits_from_json(json["limits"]);
    service.stop_signal = static_cast<int>(json["stop_signal"].integer(15));
    service.stop_grace_period = to_duration(json["stop_grace_ns"]);
    service.post_start = hooks_from_json(json["post_start"]);
    service.pre_stop = hooks_from_json(json["pre_stop"]);
    mounts_from_json(json, service);
    service.log = {.file_size_max = Bytes{static_cast<uint64_t>(json["log_file_bytes"].integer())},
                   .files_max = to_u32(json["log_files"]),
                   .age_max = to_duration(json["log_age_ns"])};
    service.one_shot = json["one_shot"].truth();
    service.needs_port = json["needs_port"].truth();
    service.fixed_port = static_cast<uint16_t>(json["fixed_port"].integer());
    if (!json["engine"].is_null()) {
        SHORE_TRY(service.engine, engine_from_json(json["engine"]));
    }
    for (const Json& use : json["uses"].items()) {
        service.uses.push_back(use_from_json(use));
    }
    return service;
}

}  // namespace shore::supervise
