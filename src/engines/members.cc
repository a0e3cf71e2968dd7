#include "engines/members.h"

#include <algorithm>
#include <array>

#include "net/http_client.h"
#include "os/directory.h"
#include "os/file.h"

namespace shore::engines {

using async::Deadline;
using async::Task;
using wire::Json;

namespace {

// An agent answers this from memory.
constexpr std::chrono::milliseconds kMemberLimit{1000};

ErrorCode code_named(std::string_view name) {
    constexpr std::array kCodes = {
        ErrorCode::kInvalid,    ErrorCode::kNotFound,    ErrorCode::kConflict,
        ErrorCode::kPermission, ErrorCode::kUnavailable, ErrorCode::kTimeout,
        ErrorCode::kExhausted,  ErrorCode::kUnsupported, ErrorCode::kStopped};
    const auto found =
        std::ranges::find(kCodes, name, [](ErrorCode code) { return to_string(code); });
    return found == kCodes.end() ? ErrorCode::kInternal : *found;
}

}  // namespace

Json to_json(const Member& member) {
    return Json::object()
        .set("instance", member.instance)
        .set("part", static_cast<uint32_t>(member.part))
        .set("slot", member.slot)
        .set("ready", member.ready)
        .set("is_primary", member.is_primary)
        .set("is_promoting", member.is_promoting)
        .set("epoch", member.epoch)
        .set("lag_seconds", member.lag_seconds)
        .set("port", uint32_t{member.port})
        .set("pid", int64_t{member.pid});
}

Member member_of(const Json& json, std::string socket) {
    return {.socket = std::move(socket),
            .instance = std::string(json["instance"].text()),
            .part = static_cast<model::EnginePart>(json["part"].integer()),
            .slot = static_cast<uint32_t>(json["slot"].integer()),
            .ready = json["ready"].truth(),
            .is_primary = json["is_primary"].truth(),
            .is_promoting = json["is_promoting"].truth(),
            .epoch = static_cast<uint64_t>(json["epoch"].integer()),
            .lag_seconds = json["lag_seconds"].number(),
            .port = static_cast<uint16_t>(json["port"].integer()),
            .pid = static_cast<int>(json["pid"].integer())};
}

std::vector<std::string> other_sockets(const Assignment& assignment) {
    std::vector<std::string> sockets;
    const auto names = os::list_directory(assignment.socket_directory);
    if (!names) {
        return sockets;
    }
    const std::string own = control_socket(assignment);
    for (const std::string& name : *names) {
        std::string path = fmt::format("{}/{}", assignment.socket_directory, name);
        if (name.ends_with(".sock") && path != own) {
            sockets.push_back(std::move(path));
        }
    }
    return sockets;
}

Task<Result<Json>> call_agent(async::Loop& loop, std::string socket, std::string method,
                              std::string target, Json body, std::chrono::milliseconds limit) {
    SHORE_CO_TRY(const net::Address address, net::Address::unix_path(socket));
    net::HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = body.is_null() ? std::string() : body.dump();
    SHORE_CO_TRY(
        const net::HttpResponse response,
        co_await net::http_fetch(loop, address, std::move(request), Deadline::in(loop, limit)));
    SHORE_CO_TRY(Json json, Json::parse(response.body));
    if (!response.success()) {
        co_return fail(Error(code_named(json["code"].text()), std::string(json["error"].text())));
    }
    co_return json;
}

std::string endpoint_place(const Assignment& assignment) {
    return assignment.socket_directory + "/redis-endpoint.json";
}

Task<Result<Json>> call_endpoint(async::Loop& loop, const Assignment& assignment,
                                 std::string method, std::string target, Json body,
                                 std::chrono::milliseconds limit) {
    const auto text = os::read_file(endpoint_place(assignment), Bytes::kib(4));
    const auto place = text ? Json::parse(*text) : Result<Json>(Json());
    std::string socket(place ? (*place)["control"].text() : "");
    if (socket.empty()) {
        co_return fail(ErrorCode::kNotFound, "{} has no endpoint", assignment.spec.service);
    }
    co_return co_await call_agent(loop, std::move(socket), std::move(method), std::move(target),
                                  std::move(body), limit);
}

Task<std::vector<Member>> ask_members(async::Loop& loop, Assignment assignment) {
    std::vector<Member> members;
    for (const std::string& socket : other_sockets(assignment)) {
        const auto json =
            co_await call_agent(loop, socket, "GET", "/views/member", Json(), kMemberLimit);
        if (json) {
            members.push_back(member_of(*json, socket));
        }
    }
    co_return members;
}

Task<Result<Json>> call_slot(async::Loop& loop, Assignment assignment, uint32_t slot,
                             std::string action, std::chrono::milliseconds limit) {
    const std::vector<Member> members = co_await ask_members(loop, std::move(assignment));
    const auto found = std::ranges::find_if(members, [slot](const Member& member) {
        return member.part == model::EnginePart::kPostgres && member.slot == slot;
    });
    if (found == members.end()) {
        co_return fail(ErrorCode::kNotFound, "the agent of server {} does not answer", slot);
    }
    const std::string socket = found->socket;
    co_return co_await call_agent(loop, socket, "POST", "/actions/" + action, Json(), limit);
}

}  // namespace shore::engines
