// Assignment: what an agent is told to run, in files/assignment.json (mode 0400) of its run
// directory: written by the daemon before the start, and anew before each SIGHUP.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/engine_spec.h"

namespace shore::engines {

/// One process of the same engine, on 127.0.0.1.
struct Peer {
    model::EnginePart part = model::EnginePart::kPostgres;
    uint32_t slot = 1;  ///< 1..processes_of(spec, part).
    uint16_t port = 0;
    friend bool operator==(const Peer&, const Peer&) = default;
};

/// Names in Assignment::passwords that are no service's. A service's name has no '@'.
inline constexpr std::string_view kAdminUser = "@admin";  ///< Superuser; Shore's own.
inline constexpr std::string_view kReplicationUser = "@replication";
inline constexpr std::string_view kPoolUser = "@pool";  ///< PgBouncer's auth_query.
inline constexpr std::string_view kMonitorUser = "@monitor";

/// For clients that an engine's addresses speak TLS to. PEM; empty without TLS.
struct EngineTls {
    std::string certificate;  ///< With its chain and its key: a secret.
    std::string authority;    ///< Who has signed it.
    friend bool operator==(const EngineTls&, const EngineTls&) = default;
};

/// What kAdminUser is called at every server.
inline constexpr std::string_view kAdminRole = "shore_admin";

struct Assignment {
    model::EnginePart part = model::EnginePart::kPostgres;
    uint32_t slot = 1;
    std::string stack;     ///< "shop@testing".
    std::string instance;  ///< "db-1".
    uint16_t port = 0;     ///< To listen on, 127.0.0.1; the same for as long as the data lives.
    /// Of this part and slot: data and generated configuration. Exists, is the agent's own, stays.
    std::string data_directory;
    /// Of all processes of the engine, always the same. Exists (0711), is the agent's own, is short
    /// enough for sockets, is gone after `shore down`.
    std::string socket_directory;
    model::EngineSpec spec;
    std::vector<Peer> peers;  ///< All processes of the engine, this one included; by part, slot.
    /// By user: the services of spec.users and the names above. 32 characters of [a-f0-9].
    std::map<std::string, std::string> passwords;
    /// Of the engine, given out once: 32 characters of [a-f0-9]. No secret. What its processes call
    /// each other by before they have met is made of it.
    std::string identity;
    EngineTls tls;
    friend bool operator==(const Assignment&, const Assignment&) = default;
};

/// The peers of one part, by slot.
std::vector<Peer> peers_of(const Assignment& assignment, model::EnginePart part);
/// The password; a bug when there is none.
const std::string& password_of(const Assignment& assignment, std::string_view user);
/// The name of a service's role at the server: its own, with '-' as '_'; with "_r" for readers.
std::string role_name(std::string_view service);

/// One JSON document. parse: kInvalid says what is missing or wrong.
std::string to_json(const Assignment& assignment);
Result<Assignment> parse_assignment(std::string_view text);
/// The authority's certificate (EngineTls::authority) for services that use the engine. The daemon
/// writes it when an agent starts; mode 0644.
std::string authority_file(std::string_view socket_directory);
/// The agent's own socket, for the daemon: "<socket_directory>/db-1.sock", mode 0600.
std::string control_socket(const Assignment& assignment);
/// The file in an instance's run directory.
std::string assignment_path(std::string_view run_directory);
Result<Assignment> read_assignment(const std::string& run_directory);

}  // namespace shore::engines
