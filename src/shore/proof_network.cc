#include "shore/proof_network.h"

#include "os/network_namespace.h"
#include "os/process.h"

namespace shore {

namespace {

/// Rules are asked in this order (ip-rule(8)): first what is cut off, then the local addresses,
/// whose rule stands at 0 in a new namespace, in front of all others.
constexpr std::string_view kCut = "10";
constexpr std::string_view kLocal = "100";

}  // namespace

Result<ProofNetwork> ProofNetwork::enter(const std::map<std::string, std::string>& variables) {
    ProofNetwork network;
    if (const auto path = variables.find("PATH"); path != variables.end()) {
        network.environment_.push_back("PATH=" + path->second);
    }
    SHORE_TRY(const bool entered, os::enter_network_namespace());
    network.own_ = entered &&
                   network.ip({"rule", "add", "pref", std::string(kLocal), "lookup", "local"}) &&
                   network.ip({"rule", "del", "pref", "0"});
    return network;
}

Result<void> ProofNetwork::ip(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "ip");
    SHORE_TRY(os::Process process,
              os::Process::spawn({.argv = std::move(arguments), .environment = environment_}));
    SHORE_TRY(const os::ExitStatus status, process.wait_blocking());
    if (!status.success()) {
        return fail(ErrorCode::kUnsupported, "ip(8): {}", os::to_text(status));
    }
    return {};
}

Result<void> ProofNetwork::cut_off(uint16_t port) const {
    if (!own_) {
        return fail(ErrorCode::kUnsupported, "no network namespace is permitted here");
    }
    for (const char* const end : {"sport", "dport"}) {
        SHORE_CHECK(ip({"rule", "add", "pref", std::string(kCut), "ipproto", "tcp", end,
                        std::to_string(port), "unreachable"}));
    }
    return {};
}

Result<void> ProofNetwork::heal(uint16_t port) const {
    for (const char* const end : {"sport", "dport"}) {
        SHORE_CHECK(ip({"rule", "del", "pref", std::string(kCut), "ipproto", "tcp", end,
                        std::to_string(port), "unreachable"}));
    }
    return {};
}

}  // namespace shore
