// Predecessors: gateways that were replaced by an upgrade and still serve what they had:
// connections between two requests, long answers, WebSockets. They go on getting snapshots, and an
// instance has drained only when they say so too. Control thread's loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/task.h"
#include "gateway/link.h"
#include "model/snapshot.h"

namespace shore::gateway {

/// Where a replaced gateway of process `pid` listens: "run/gateway.4711.sock" beside
/// "run/gateway.sock".
std::string retired_socket_path(const std::string& socket_path, int pid);

class Predecessors final {
 public:
    /// `loop` outlives it. `socket_path`: this gateway's own control socket.
    Predecessors(async::Loop& loop, std::string socket_path);

    /// Connects to every replaced gateway that answers; removes the sockets of those that do not.
    async::Task<void> find();
    /// Completes when all of them route by `snapshot` or have left.
    async::Task<void> publish(const model::Snapshot& snapshot);
    /// Completes when none of them has a request or an upgraded connection there.
    async::Task<void> drained(const std::string& instance);
    size_t count() const { return links_.size(); }
    /// In Prometheus' text form: how many there are, and the clients' connections that they still
    /// have, which no other series of this process counts. One that is slow to answer is left out.
    async::Task<std::string> metrics();

 private:
    void forget_gone();

    async::Loop& loop_;
    std::string socket_path_;
    std::vector<std::shared_ptr<Link>> links_;
};

}  // namespace shore::gateway
