#include "supervise/shim_protocol.h"

#include "wire/json.h"

namespace shore::supervise {

using wire::Json;

namespace {

constexpr std::pair<ShimPhase, std::string_view> kPhases[] = {
    {ShimPhase::kStarting, "starting"},
    {ShimPhase::kRunning, "running"},
    {ShimPhase::kExited, "exited"},
    {ShimPhase::kNotStarted, "not_started"},
};
constexpr std::pair<ShimVerb, std::string_view> kVerbs[] = {
    {ShimVerb::kStatus, "status"}, {ShimVerb::kStop, "stop"},   {ShimVerb::kKill, "kill"},
    {ShimVerb::kSignal, "signal"}, {ShimVerb::kLeave, "leave"},
};

std::string time_text(WallTime time) {
    return time == WallTime{} ? "" : base::to_rfc3339(time);
}

WallTime parse_time(const Json& value) {
    return base::parse_rfc3339(value.text()).value_or(WallTime{});
}

}  // namespace

std::string to_json(const ShimStatus& status) {
    std::string_view phase;
    for (const auto& [value, name] : kPhases) {
        if (value == status.phase) {
            phase = name;
        }
    }
    return Json::object()
        .set("phase", phase)
        .set("shim_pid", status.shim_pid)
        .set("pid", status.pid)
        .set("start_ticks", status.start_ticks)
        .set("boot_id", status.boot_id)
        .set("started_at", time_text(status.started_at))
        .set("ended_at", time_text(status.ended_at))
        .set("exit_code", status.end.code)
        .set("signal", status.end.signal)
        .set("core_dumped", status.end.core_dumped)
        .set("oom_killed", status.oom_killed)
        .set("error", status.error)
        .set("errno", status.error_errno)
        .set("lost_lines", status.lost_lines)
        .set("lost_why", status.lost_why)
        .set("tail", Json::strings(status.tail))
        .dump();
}

Result<ShimStatus> parse_shim_status(std::string_view json) {
    auto parsed = Json::parse(json);
    if (!parsed) {
        return fail(ErrorCode::kCorrupt, "shim status: {}", parsed.error().text());
    }
    const Json& root = *parsed;
    ShimStatus status;
    bool known = false;
    for (const auto& [value, name] : kPhases) {
        if (root["phase"].text() == name) {
            status.phase = value;
            known = true;
        }
    }
    if (!known) {
        return fail(ErrorCode::kCorrupt, "shim status: unknown phase \"{}\"", root["phase"].text());
    }
    status.shim_pid = static_cast<int32_t>(root["shim_pid"].integer());
    status.pid = static_cast<int32_t>(root["pid"].integer());
    status.start_ticks = static_cast<uint64_t>(root["start_ticks"].integer());
    status.boot_id = root["boot_id"].text();
    status.started_at = parse_time(root["started_at"]);
    status.ended_at = parse_time(root["ended_at"]);
    status.end.code = static_cast<int>(root["exit_code"].integer());
    status.end.signal = static_cast<int>(root["signal"].integer());
    status.end.core_dumped = root["core_dumped"].truth();
    status.oom_killed = root["oom_killed"].truth();
    status.error = root["error"].text();
    status.error_errno = static_cast<int32_t>(root["errno"].integer());
    status.lost_lines = static_cast<uint64_t>(root["lost_lines"].integer());
    status.lost_why = root["lost_why"].text();
    for (const Json& line : root["tail"].items()) {
        status.tail.emplace_back(line.text());
    }
    return status;
}

std::string to_json(const ShimRequest& request) {
    Json object = Json::object();
    for (const auto& [value, name] : kVerbs) {
        if (value == request.verb) {
            object.set("do", name);
        }
    }
    if (request.signal != 0) {
        object.set("signal", request.signal);
    }
    if (request.grace != Duration{}) {
        object.set("grace_ns", static_cast<int64_t>(request.grace.count()));
    }
    return object.dump();
}

Result<ShimRequest> parse_shim_request(std::string_view json) {
    SHORE_TRY(const Json root, Json::parse(json));
    for (const auto& [value, name] : kVerbs) {
        if (root["do"].text() == name) {
            return ShimRequest{.verb = value,
                               .signal = static_cast<int32_t>(root["signal"].integer()),
                               .grace = Duration(root["grace_ns"].integer())};
        }
    }
    return fail(ErrorCode::kInvalid, "shim request: unknown \"do\": \"{}\"", root["do"].text());
}

}  // namespace shore::supervise
