#include "api/encode.h"

#include "api/problem.h"

namespace shore::api {
namespace {

using wire::Json;

using api::to_json;  // What encode.h and problem.h declare, beside the ones of this file.
Json to_json(const ServiceStatus& service);
Json to_json(const PlanStep& step);

template <class Items>
Json list_of(const Items& items) {
    Json list = Json::array();
    for (const auto& item : items) {
        list.push(to_json(item));
    }
    return list;
}

void set_time(Json& json, std::string_view name, WallTime time) {
    if (time != WallTime{}) {
        json.set(name, base::to_rfc3339(time));
    }
}

Json to_json(const model::Instance& instance) {
    Json json = Json::object();
    json.set("id", instance.id)
        .set("state", to_string(instance.state))
        .set("pid", instance.pid)
        .set("port", uint32_t{instance.port})
        .set("restarts", instance.restarts)
        .set("release", instance.release)
        .set("slot", instance.slot);
    set_time(json, "started_at", instance.started_at);
    set_time(json, "changed_at", instance.changed_at);
    json.set("exit_code", instance.exit_code).set("reason", instance.reason);
    return json;
}

Json to_json(const ServiceStatus& service) {
    Json json = Json::object();
    json.set("name", service.name)
        .set("kind", service.is_static  ? "static"
                     : service.one_shot ? "one_shot"
                                        : "process")
        .set("desired", service.desired)
        .set("ready", service.ready)
        .set("stopped", service.stopped)
        .set("urls", Json::strings(service.urls));
    Json instances = Json::array();
    for (const model::Instance& instance : service.instances) {
        instances.push(to_json(instance));
    }
    return std::move(json).set("instances", std::move(instances));
}

Json to_json(const PlanStep& step) {
    return Json::object()
        .set("kind", step.kind)
        .set("service", step.service)
        .set("instance", step.instance)
        .set("text", step.text);
}

std::string reason_of(const ServiceStatus& service) {
    if (service.stopped) {
        return "stopped on request";
    }
    for (const model::Instance& instance : service.instances) {
        if (instance.state != model::InstanceState::kRunning && !instance.reason.empty()) {
            return fmt::format("{} is {}: {}", instance.id, to_string(instance.state),
                               instance.reason);
        }
    }
    return service.ready < service.desired
               ? fmt::format("{} of {} are ready", service.ready, service.desired)
               : std::string();
}

std::vector<std::string> texts(const Json& list) {
    std::vector<std::string> result;
    for (const Json& item : list.items()) {
        result.emplace_back(item.text());
    }
    return result;
}

std::vector<std::filesystem::path> paths(const Json& list) {
    std::vector<std::filesystem::path> result;
    for (const Json& item : list.items()) {
        result.emplace_back(item.text());
    }
    return result;
}

}  // namespace

std::string_view state_of(const StackStatus& stack) {
    if (stack.phase == Phase::kRolling || stack.deploying != 0) {
        return "changing";
    }
    const auto lacks = [](const ServiceStatus& service) {
        return !service.stopped && service.ready < service.desired;
    };
    if (std::ranges::any_of(stack.services, lacks)) {
        return "degraded";
    }
    const auto stopped = [](const ServiceStatus& service) {
        return service.stopped || service.is_static || service.one_shot;
    };
    const bool any = std::ranges::any_of(stack.services, &ServiceStatus::stopped);
    return any && std::ranges::all_of(stack.services, stopped) ? "stopped" : "running";
}

Json to_json(const StackStatus& stack) {
    return Json::object()
        .set("name", stack.name)
        .set("environment", stack.environment)
        .set("directory", stack.directory)
        .set("release", stack.release)
        .set("deploying", stack.deploying)
        .set("state", state_of(stack))
        .set("phase", to_string(stack.phase))
        .set("reason", stack.reason)
        .set("trouble", Json::strings(stack.trouble))
        .set("urls", Json::strings(stack.urls))
        .set("services", list_of(stack.services));
}

Json to_health(const StackStatus& stack) {
    bool healthy = stack.trouble.empty();
    Json services = Json::array();
    for (const ServiceStatus& service : stack.services) {
        const bool well = !service.stopped && service.ready >= service.desired;
        healthy = healthy && well;
        services.push(Json::object()
                          .set("name", service.name)
                          .set("healthy", well)
                          .set("desired", service.desired)
                          .set("ready", service.ready)
                          .set("reason", reason_of(service)));
    }
    return Json::object()
        .set("stack", stack.name)
        .set("healthy", healthy)
        .set("trouble", Json::strings(stack.trouble))
        .set("services", std::move(services));
}

Json to_json(const Accepted& accepted) {
    return Json::object()
        .set("stack", accepted.stack)
        .set("release", accepted.release)
        .set("changed", accepted.changed)
        .set("notes", list_of(accepted.notes));
}

Json to_json(const Plan& plan) {
    return Json::object()
        .set("stack", plan.stack)
        .set("release", plan.release)
        .set("changed", plan.changed)
        .set("changes", list_of(plan.changes))
        .set("steps", list_of(plan.steps))
        .set("warnings", Json::strings(plan.warnings))
        .set("notes", list_of(plan.notes));
}

Json to_json(std::string_view stack, const Progress& progress) {
    Json services = Json::array();
    for (const ServiceProgress& service : progress.services) {
        services.push(Json::object()
                          .set("name", service.name)
                          .set("kind", service.is_static ? "static" : "process")
                          .set("desired", service.desired)
                          .set("ready", service.ready)
                          .set("updated", service.updated)
                          .set("note", service.note));
    }
    return Json::object()
        .set("stack", stack)
        .set("release", progress.release)
        .set("phase", to_string(progress.phase))
        .set("message", progress.message)
        .set("at", base::to_rfc3339(progress.at))
        .set("services", std::move(services));
}

Json to_json(const config::Change& change) {
    constexpr std::string_view kNames[] = {"", "added", "removed", "changed"};
    return Json::object()
        .set("path", change.path)
        .set("kind", kNames[static_cast<size_t>(change.kind)])
        .set("before", change.before)
        .set("after", change.after)
        .set("text", config::to_text(change));
}

Json to_json(const model::Event& event) {
    return Json::object()
        .set("id", event.id)
        .set("at", base::to_rfc3339(event.at))
        .set("stack", event.stack)
        .set("service", event.service)
        .set("instance", event.instance)
        .set("kind", event.kind)
        .set("message", event.message);
}

Json to_json(const model::Release& release) {
    return Json::object()
        .set("number", release.number)
        .set("status", to_string(release.status))
        .set("origin", release.origin)
        .set("reason", release.reason)
        .set("digest", release.digest)
        .set("created_at", base::to_rfc3339(release.created_at))
        .set("changed_at", base::to_rfc3339(release.changed_at));
}

Result<DeployRequest> to_deploy_request(const Json& body) {
    DeployRequest request;
    request.manifest.directory = body["directory"].text();
    if (!request.manifest.directory.is_absolute()) {
        return fail(ErrorCode::kInvalid, "directory must be an absolute path, got \"{}\"",
                    body["directory"].text());
    }
    request.manifest.files = paths(body["files"]);
    request.manifest.project_directory = body["project_directory"].text();
    request.manifest.environment = body["environment"].text();
    for (const Json::Member& member : body["variables"].members()) {
        request.manifest.variables.emplace(member.key, member.value.text());
    }
    request.manifest.profiles = texts(body["profiles"]);
    request.manifest.project_name = body["project_name"].text();
    request.manifest.env_files = paths(body["env_files"]);
    request.origin = body["origin"].text("deploy");
    request.force = body["force"].truth();
    return request;
}

}  // namespace shore::api
