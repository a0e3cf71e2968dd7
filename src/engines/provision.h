// Provision: what an instance gets of engines at its start: an agent its assignment, directories
// and port; a service that uses an engine its addresses and credentials. The daemon's half of the
// room. Blocking; any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engines/records.h"
#include "model/service_spec.h"

namespace shore::engines {

struct ProvisionPlace {
    std::string run_directory;     ///< Of all stacks.
    std::string volume_directory;  ///< Of all stacks.
    bool is_root = false;          ///< Then agents run as an unprivileged user.
    /// Where certificates come from; asked only for an engine that speaks TLS. Blocking.
    std::function<Result<EngineTls>()> tls;
};

/// One instance that is about to start.
struct Applicant {
    std::string_view stack;
    std::string_view instance;
    uint32_t slot = 1;
    const model::ServiceSpec& service;
};

struct AgentProvision {
    Assignment assignment;
    std::string user;  ///< Whom the agent runs as; empty: as the daemon.
};

/// For a service with `engine`: makes its directories and gives them to its user. kNotFound: the
/// user of the server's package is missing, and with it the package. For one that speaks TLS, the
/// authority's certificate is put where services find it.
Result<AgentProvision> provide_agent_blocking(Records& records, const ProvisionPlace& place,
                                              const Applicant& applicant);

/// Variables of one use of an engine by `service`. `socket_directory` is the engine's.
/// kUnavailable while the record knows no such user.
Result<std::map<std::string, std::string>> use_variables(const Record& record,
                                                         const model::EngineUse& use,
                                                         std::string_view service,
                                                         std::string_view socket_directory);

}  // namespace shore::engines
