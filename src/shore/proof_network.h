// ProofNetwork: the network in which `shore prove` runs. Where the system permits it, a namespace
// of its own, which nobody else sees and in which ports can be cut off; else the machine's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace shore {

/// Blocking; before there are threads.
class ProofNetwork final {
 public:
    /// The machine's.
    ProofNetwork() = default;
    /// Enters the namespace where that is permitted. `variables`: PATH, for ip(8).
    static Result<ProofNetwork> enter(const std::map<std::string, std::string>& variables);

    /// From now on nothing reaches a TCP port of loopback and nothing leaves it: packets of open
    /// connections vanish, new ones fail at once. kUnsupported when the network is not its own or
    /// ip(8) cannot do it.
    Result<void> cut_off(uint16_t port) const;
    /// Ends that; open connections go on by retransmission.
    Result<void> heal(uint16_t port) const;

 private:
    Result<void> ip(std::vector<std::string> arguments) const;

    bool own_ = false;
    std::vector<std::string> environment_;
};

}  // namespace shore
