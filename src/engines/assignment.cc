#include "engines/assignment.h"

#include <algorithm>

#include <unistd.h>

#include "base/assert.h"
#include "engines/limits.h"
#include "os/file.h"
#include "wire/json.h"

namespace shore::engines {

using wire::Json;

namespace {

Json peer_json(const Peer& peer) {
    return Json::object()
        .set("part", static_cast<uint32_t>(peer.part))
        .set("slot", peer.slot)
        .set("port", uint32_t{peer.port});
}

Peer peer_of(const Json& json) {
    return {.part = static_cast<model::EnginePart>(json["part"].integer()),
            .slot = static_cast<uint32_t>(json["slot"].integer()),
            .port = static_cast<uint16_t>(json["port"].integer())};
}

/// The first directory above `path` that this user may not pass; empty when there is none.
std::string closed_directory(const std::string& path) {
    for (size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        std::string directory = path.substr(0, slash);
        if (::access(directory.c_str(), X_OK) < 0) {
            return directory;
        }
    }
    return {};
}

}  // namespace

std::vector<Peer> peers_of(const Assignment& assignment, model::EnginePart part) {
    std::vector<Peer> peers;
    std::ranges::copy_if(assignment.peers, std::back_inserter(peers),
                         [part](const Peer& peer) { return peer.part == part; });
    std::ranges::sort(peers, {}, &Peer::slot);
    return peers;
}

const std::string& password_of(const Assignment& assignment, std::string_view user) {
    const auto found = assignment.passwords.find(std::string(user));
    SHORE_ASSERT(found != assignment.passwords.end());
    return found->second;
}

std::string role_name(std::string_view service) {
    std::string name(service);
    std::ranges::replace(name, '-', '_');
    return name;
}

std::string to_json(const Assignment& assignment) {
    Json passwords = Json::object();
    for (const auto& [user, password] : assignment.passwords) {
        passwords.set(user, password);
    }
    Json peers = Json::array();
    for (const Peer& peer : assignment.peers) {
        peers.push(peer_json(peer));
    }
    return Json::object()
        .set("part", static_cast<uint32_t>(assignment.part))
        .set("slot", assignment.slot)
        .set("stack", assignment.stack)
        .set("instance", assignment.instance)
        .set("port", uint32_t{assignment.port})
        .set("data_directory", assignment.data_directory)
        .set("socket_directory", assignment.socket_directory)
        .set("spec", Json::parse(model::to_json(assignment.spec)).value())
        .set("peers", std::move(peers))
        .set("passwords", std::move(passwords))
        .set("identity", assignment.identity)
        .set("tls", Json::object()
                        .set("certificate", assignment.tls.certificate)
                        .set("authority", assignment.tls.authority))
        .dump_indented();
}

Result<Assignment> parse_assignment(std::string_view text) {
    SHORE_TRY(const Json json, Json::parse(text));
    Assignment assignment;
    assignment.part = static_cast<model::EnginePart>(json["part"].integer());
    assignment.slot = static_cast<uint32_t>(json["slot"].integer());
    assignment.stack = json["stack"].text();
    assignment.instance = json["instance"].text();
    assignment.port = static_cast<uint16_t>(json["port"].integer());
    assignment.data_directory = json["data_directory"].text();
    assignment.socket_directory = json["socket_directory"].text();
    SHORE_TRY(assignment.spec, model::parse_engine_spec(json["spec"].dump()));
    for (const Json& peer : json["peers"].items()) {
        assignment.peers.push_back(peer_of(peer));
    }
    for (const Json::Member& member : json["passwords"].members()) {
        assignment.passwords.emplace(member.key, member.value.text());
    }
    assignment.identity = json["identity"].text();
    if (assignment.part == model::EnginePart::kRedisSentinel &&
        assignment.identity.size() != 2 * kIdentityBytes) {
        return fail(ErrorCode::kInvalid, "identity is missing or wrong");
    }
    assignment.tls = {.certificate = std::string(json["tls"]["certificate"].text()),
                      .authority = std::string(json["tls"]["authority"].text())};
    const bool speaks_tls =
        assignment.spec.engine == model::Engine::kRedis && assignment.spec.redis.tls;
    if (speaks_tls && (assignment.tls.certificate.empty() || assignment.tls.authority.empty())) {
        return fail(ErrorCode::kInvalid, "tls is asked for, and there is no certificate");
    }
    if (to_string(assignment.part) == "unknown" || assignment.slot == 0 || assignment.port == 0 ||
        !assignment.data_directory.starts_with('/') ||
        !assignment.socket_directory.starts_with('/')) {
        return fail(ErrorCode::kInvalid, "part, slot, port or a directory is missing or wrong");
    }
    return assignment;
}

std::string authority_file(std::string_view socket_directory) {
    return fmt::format("{}/ca.pem", socket_directory);
}

std::string control_socket(const Assignment& assignment) {
    return model::engine_socket(assignment.socket_directory, assignment.instance);
}

std::string assignment_path(std::string_view run_directory) {
    return fmt::format("{}/files/assignment.json", run_directory);
}

Result<Assignment> read_assignment(const std::string& run_directory) {
    const std::string path = assignment_path(run_directory);
    const auto text = os::read_file(path, Bytes{kAssignmentBytesMax});
    if (!text) {
        const std::string closed = closed_directory(path);
        if (text.error().code() != ErrorCode::kPermission || closed.empty()) {
            return fail(text.error());
        }
        return fail(ErrorCode::kPermission,
                    "{} is closed to the user that the engine runs as: chmod o+x {}, or another "
                    "state directory (--state)",
                    closed, closed);
    }
    auto assignment = parse_assignment(*text);
    if (!assignment) {
        return fail(std::move(assignment).error().with(path));
    }
    return assignment;
}

}  // namespace shore::engines
