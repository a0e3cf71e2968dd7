// What a proof asks of the machine around it. shore/ implements it; it cannot be done through the
// control API.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace shore::prove {

/// A temporary directory and the processes of the Shore in it. Destroying it ends them all and
/// removes it.
class Machine {
 public:
    virtual ~Machine() = default;

    /// Empty at first; absolute.
    virtual const std::string& directory() const = 0;
    /// This program.
    virtual const std::string& executable() const = 0;
    virtual Result<void> write_file(std::string_view name, std::string_view text) = 0;
    /// A file below directory(), of moderate size.
    virtual Result<std::string> read_file(std::string_view name) const = 0;

    /// Starts a daemon on directory()/state; returns its pid at once.
    virtual Result<int> start_daemon() = 0;
    /// SIGKILL to any process, and waits until it is gone.
    virtual Result<void> kill(int pid) = 0;
    /// The same to its parent first: an engine's agent, and the server under it.
    virtual Result<void> kill_with_parent(int pid) = 0;
    /// Cuts the server that listens on a TCP port off from all others until heal(): by the network
    /// where the proof has one of its own, else by a pause of its process. Returns how, in words.
    virtual Result<std::string> cut_off(int pid, uint16_t port) = 0;
    virtual Result<void> heal(int pid, uint16_t port) = 0;
    /// The last lines of the daemon's log, for the report of a failure.
    virtual std::string daemon_log() const = 0;
};

}  // namespace shore::prove
