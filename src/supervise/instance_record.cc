#include "supervise/instance_record.h"

#include "supervise/service_json.h"

namespace shore::supervise {

using wire::Json;

namespace {

constexpr model::InstanceState kStates[] = {
    model::InstanceState::kStarting,  model::InstanceState::kRunning,
    model::InstanceState::kUnhealthy, model::InstanceState::kBackoff,
    model::InstanceState::kStopping,  model::InstanceState::kCompleted,
    model::InstanceState::kFailed,    model::InstanceState::kStopped,
};

std::string time_text(WallTime time) {
    return time == WallTime{} ? "" : base::to_rfc3339(time);
}

}  // namespace

std::string to_json(const InstanceRecord& record) {
    const model::Instance& instance = record.instance;
    return Json::object()
        .set("id", record.order.id)
        .set("stack", record.order.stack)
        .set("environment", record.order.environment)
        .set("slot", record.order.slot)
        .set("release", instance.release)
        .set("digest", record.order.digest)
        .set("port_first", uint32_t{record.order.port_first})
        .set("port_last", uint32_t{record.order.port_last})
        .set("state", model::to_string(instance.state))
        .set("pid", instance.pid)
        .set("port", uint32_t{instance.port})
        .set("restarts", instance.restarts)
        .set("quick_exits", record.quick_exits)
        .set("started_at", time_text(instance.started_at))
        .set("changed_at", time_text(instance.changed_at))
        .set("exit_code", instance.exit_code)
        .set("reason", instance.reason)
        .set("service", service_to_json(record.order.service))
        .dump();
}

Result<InstanceRecord> parse_instance_record(std::string_view json) {
    auto parsed = Json::parse(json);
    if (!parsed) {
        return fail(ErrorCode::kCorrupt, "instance record: {}", parsed.error().text());
    }
    const Json& root = *parsed;
    InstanceRecord record;
    SHORE_TRY(record.order.service, service_from_json(root["service"]));
    record.order.id = root["id"].text();
    record.order.stack = root["stack"].text();
    record.order.environment = root["environment"].text();
    record.order.slot = static_cast<uint32_t>(root["slot"].integer());
    record.order.release = static_cast<uint64_t>(root["release"].integer());
    record.order.digest = root["digest"].text();
    record.order.port_first = static_cast<uint16_t>(root["port_first"].integer());
    record.order.port_last = static_cast<uint16_t>(root["port_last"].integer());
    if (record.order.id.empty() || record.order.stack.empty()) {
        return fail(ErrorCode::kCorrupt, "instance record: id and stack must not be empty");
    }
    record.quick_exits = static_cast<uint32_t>(root["quick_exits"].integer());
    model::Instance& instance = record.instance;
    instance = make_record(record.order, WallTime{}).instance;
    bool known = false;
    for (const model::InstanceState state : kStates) {
        if (root["state"].text() == model::to_string(state)) {
            instance.state = state;
            known = true;
        }
    }
    if (!known) {
        return fail(ErrorCode::kCorrupt, "instance record: unknown state \"{}\"",
                    root["state"].text());
    }
    instance.pid = static_cast<int32_t>(root["pid"].integer());
    instance.port = static_cast<uint16_t>(root["port"].integer());
    instance.restarts = static_cast<uint32_t>(root["restarts"].integer());
    instance.started_at = base::parse_rfc3339(root["started_at"].text()).value_or(WallTime{});
    instance.changed_at = base::parse_rfc3339(root["changed_at"].text()).value_or(WallTime{});
    instance.exit_code = static_cast<int32_t>(root["exit_code"].integer());
    instance.reason = root["reason"].text();
    return record;
}

InstanceRecord make_record(InstanceOrder order, WallTime now) {
    InstanceRecord record;
    record.instance = {.id = order.id,
                       .stack = order.stack,
                       .service = order.service.name,
                       .slot = order.slot,
                       .release = order.release,
                       .digest = order.digest,
                       .state = model::InstanceState::kStarting,
                       .changed_at = now};
    record.order = std::move(order);
    return record;
}

}  // namespace shore::supervise
