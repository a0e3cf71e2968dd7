// The gateway: Shore's data plane as one process. It reads run/snapshot.json, opens the listeners,
// runs one loop per core, and obeys the control plane over run/gateway.sock.
#pragma once

#include <string>

namespace shore::gateway {

struct Options {
    std::string snapshot_path;    ///< run/snapshot.json; may be missing: no routes until told.
    std::string socket_path;      ///< run/gateway.sock: made with mode 0600.
    std::string cache_directory;  ///< cache: stored answers, when the manifest wants a disk tier.
    std::string log_directory;    ///< logs/_shore/gateway: access.log is written there.
    bool take_over = false;       ///< Replace the gateway that runs, if any: see hand_over.h.
};

/// Serves until SIGTERM or SIGINT: then it stops accepting, lets requests under way end within the
/// snapshot's drain_timeout, and returns 0. When another gateway takes over it returns 0 once its
/// last connection has ended, or after the snapshot's upgrade_timeout. Returns 1, with a line on
/// standard error, when it cannot start (the control socket is taken, the snapshot is damaged).
/// Call from main, before any thread is started: it blocks those signals.
int run_gateway(const Options& options);

}  // namespace shore::gateway
