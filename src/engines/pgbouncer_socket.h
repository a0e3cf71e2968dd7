// A copy of the socket on which another process listens: who connects after that process's death
// still waits there (pgbouncer_gate.h).
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "os/process.h"

namespace shore::engines {

/// os::Process::copy_descriptor, or what stands for a kernel that refuses.
using CopyDescriptor = std::function<Result<os::Fd>(const os::Process&, int)>;

/// A copy of the descriptor by which `pid` listens on the Unix socket at `path`. kPermission where
/// the kernel does not let processes of one user look into each other; kNotFound when it does not
/// listen there. Blocking.
Result<os::Fd> copy_listening_socket_blocking(int pid, const std::string& path,
                                              const CopyDescriptor& copy);

}  // namespace shore::engines
