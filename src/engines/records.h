// Records: what was given out once for an engine of a stack and stays the same for as long as its
// data lives: its identity, the ports of its processes and the passwords of its users. One file
// beside the data:
// volumes/<stack>/.engines/<service>.json, mode 0600. The daemon's half of the room; blocking, any
// thread, one writer at a time (a mutex).
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/assignment.h"
#include "model/engine_spec.h"

namespace shore::engines {

/// Ports of engines are taken from here: between the range of instances' $PORT and the kernel's for
/// outgoing connections.
inline constexpr uint16_t kPortFirst = 30'000;
inline constexpr uint16_t kPortLast = 32'700;

struct Record {
    std::vector<Peer> peers;                       ///< By part and slot.
    std::map<std::string, std::string> passwords;  ///< By user (Assignment::passwords).
    std::string identity;                          ///< Assignment::identity.
};

class Records final {
 public:
    using PortIsFree = std::function<bool(uint16_t)>;

    /// `volume_directory` is that of all stacks, absolute. `is_free` probes a port of this machine;
    /// ports are looked for from `start` on, which lies in the range.
    Records(std::string volume_directory, PortIsFree is_free, uint16_t start = kPortFirst);

    /// The record of an engine, completed for what `spec` asks for and stored when that was new: a
    /// port for each process, a password for each user, an identity. kExhausted when no port is
    /// left.
    Result<Record> take_blocking(std::string_view stack, const model::EngineSpec& spec);
    /// As it is; kNotFound when nothing was given out yet.
    Result<Record> read_blocking(std::string_view stack, std::string_view service) const;

    /// Path of the file.
    std::string path(std::string_view stack, std::string_view service) const;

 private:
    Result<uint16_t> next_port(const Record& record);
    Result<void> learn_ports();

    std::string volume_directory_;
    PortIsFree is_free_;
    uint16_t start_;
    std::mutex mutex_;
    std::map<uint16_t, std::string> ports_;  // Given out: to which file. Guarded by mutex_.
};

/// Where a state directory begins to look for ports: elsewhere than others on the same machine,
/// whose given ports cannot be seen as long as nothing listens there.
uint16_t first_port_of(std::string_view volume_directory);

/// The port of a process; 0 when the record has none.
uint16_t port_of(const Record& record, model::EnginePart part, uint32_t slot);

}  // namespace shore::engines
