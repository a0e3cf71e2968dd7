// Calls whose answer comes piece by piece: logs, events, exec.
#include "api/encode.h"
#include "api/event_feed.h"
#include "api/exec_feed.h"
#include "api/limits.h"
#include "api/log_feed.h"
#include "api/page.h"
#include "api/service.h"
#include "base/strings.h"
#include "store/event_log.h"

namespace shore::api {
namespace {

bool has_instance(const StackStatus& stack, std::string_view id) {
    return std::ranges::any_of(stack.services, [&](const ServiceStatus& service) {
        return std::ranges::find(service.instances, id, &model::Instance::id) !=
               service.instances.end();
    });
}

/// The instance that a service or an instance stands for.
Result<std::string> pick_instance(const StackStatus& stack, const std::string& target) {
    std::vector<std::string> names;
    for (const ServiceStatus& service : stack.services) {
        names.push_back(service.name);
        if (service.name != target) {
            continue;
        }
        for (const model::Instance& instance : service.instances) {
            if (instance.pid != 0 && instance.state != model::InstanceState::kStopping) {
                return instance.id;
            }
        }
        return fail(ErrorCode::kConflict, "service {} of {} has no running instance", target,
                    stack.name);
    }
    if (has_instance(stack, target)) {
        return target;
    }
    return fail(ErrorCode::kNotFound, "stack {} has no service or instance \"{}\"{}", stack.name,
                base::printable(target), hint(target, names));
}

}  // namespace

Answered Service::logs(const Call& call) {
    SHORE_TRY(const StackStatus stack, find_stack(call));
    LogQuery query{.stack = stack.name,
                   .services = {},
                   .instances = {},
                   .since = call.arguments.time("since"),
                   .tail = std::nullopt,
                   .follow = call.arguments.flag("follow")};
    if (const auto tail = call.arguments.integer("tail")) {
        query.tail = static_cast<uint32_t>(std::min<uint64_t>(*tail, UINT32_MAX));
    }
    const std::vector<std::string> names = service_names(stack);
    for (std::string& name : call.arguments.list("service")) {
        const size_t dash = name.rfind('-');
        if (is_one_of(names, name)) {
            query.services.push_back(std::move(name));
        } else if (dash != name.npos && is_one_of(names, name.substr(0, dash))) {
            query.instances.push_back(std::move(name));  // Also one that is gone: its log is kept.
        } else {
            return fail(ErrorCode::kNotFound, "stack {} has no service \"{}\"{}", stack.name,
                        base::printable(name), hint(name, names));
        }
    }
    Reply reply;
    if (query.follow) {
        reply.content_type = "text/event-stream";
        reply.feed = std::make_unique<FollowedLogFeed>(ports_.logs.open(std::move(query)));
    } else {
        reply.content_type = "application/x-ndjson";
        reply.feed = std::make_unique<LogFeed>(ports_.logs.open(std::move(query)));
    }
    return reply;
}

Answered Service::exec(const Call& call) {
    SHORE_TRY(const StackStatus stack, find_stack(call));
    SHORE_TRY(std::string instance, pick_instance(stack, std::string(call.body["target"].text())));
    std::vector<std::string> command;
    for (const wire::Json& word : call.body["command"].items()) {
        command.emplace_back(word.text());
    }
    if (command.empty() || command.front().empty()) {
        return fail(ErrorCode::kInvalid, "exec needs a command");
    }
    if (execs_ >= kExecSessionsMax) {
        return fail(ErrorCode::kExhausted, "{} commands run already; wait for one to end",
                    kExecSessionsMax);
    }
    Reply reply;
    reply.content_type = "application/x-ndjson";
    reply.feed = std::make_unique<ExecFeed>(
        loop_, ports_.exec,
        ExecRequest{
            .stack = stack.name, .instance = std::move(instance), .command = std::move(command)},
        execs_);
    return reply;
}

async::Task<Answered> Service::events(const Call& call) {
    SHORE_CO_TRY(const Page page, read_page(call.arguments));
    const bool newest = call.arguments.flag("newest");
    const bool follow = call.arguments.flag("follow");
    store::EventFilter filter;
    filter.stack = call.arguments.text("stack");
    const auto last_seen = call.arguments.integer("Last-Event-ID");
    std::vector<model::Event> found;
    uint64_t cursor = last_seen.value_or(page.cursor);
    if (follow && !newest && !last_seen && page.cursor == 0) {
        cursor = ports_.events.last_id();
    } else if (newest) {
        SHORE_CO_TRY(found, co_await ports_.events.latest(filter, page.limit));
        cursor = found.empty() ? ports_.events.last_id() : found.back().id;
    } else if (!follow) {
        SHORE_CO_TRY(found, co_await ports_.events.after(cursor, filter, page.limit));
    }
    if (follow) {
        Reply reply;
        reply.content_type = "text/event-stream";
        reply.feed =
            std::make_unique<FollowedEvents>(ports_.events, filter, cursor, std::move(found));
        co_return reply;
    }
    wire::Json events = wire::Json::array();
    for (const model::Event& event : found) {
        events.push(to_json(event));
    }
    wire::Json body = wire::Json::object().set("events", std::move(events));
    if (!newest && found.size() == page.limit) {
        body.set("next_cursor", std::to_string(found.back().id));
    }
    co_return Reply::of(body);
}

}  // namespace shore::api
