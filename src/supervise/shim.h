// The shim: the parent of one instance's process. It outlives the daemon, so that the daemon can be
// killed, upgraded and started again while apps keep serving. One thread, a poll loop, no heavy
// library.
//
// It reads DIR/spec.json (LaunchSpec), starts the app in its own session, turns its output into log
// lines, keeps the exit status, and talks to the daemon over DIR/shim.sock (shim_protocol.h). It
// leaves when told to, or when it has nothing to keep: the app has ended and the daemon has
// collected the status. While no daemon runs it waits.
//
// If the shim itself is killed, the kernel kills the app's main process (PR_SET_PDEATHSIG) and the
// daemon, seeing the socket close, kills the rest of its group.
#pragma once

#include <string>

namespace shore::supervise {

/// Descriptor on which the daemon hands the listening socket over.
inline constexpr int kShimListenDescriptor = 3;

/// The main function of `shore shim DIR`. Returns the exit status of the shim: 0 when it was told
/// to leave, 1 when the directory holds no valid specification (said on stderr).
int run_shim(const std::string& directory);

}  // namespace shore::supervise
