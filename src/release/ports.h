// Ports: what this room needs of its neighbours. shore/ supplies adapters to supervise and to the
// gateway; tests supply fakes that fail when misused. All calls and completions on the control
// plane's loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/deadline.h"
#include "async/task.h"
#include "base/result.h"
#include "model/instance.h"
#include "model/service_spec.h"
#include "model/snapshot.h"

namespace shore::release {

/// Everything needed to run one instance.
struct StartOrder {
    std::string stack;     ///< stack_id().
    std::string instance;  ///< "api-7"; never used before in this stack.
    uint32_t slot = 0;     ///< 1..replicas.
    uint64_t release = 0;
    std::string digest;            ///< Kept with the instance and reported back in model::Instance.
    std::string directory;         ///< Absolute project directory.
    std::string environment;       ///< "testing"; empty: the default environment.
    uint16_t port_first = 20'000;  ///< $PORT is taken from this range, both ends included.
    uint16_t port_last = 29'999;
    model::ServiceSpec spec;
};

/// The supervisor of instances. Whenever an instance changes in any field, its adapter calls
/// Controller::instance_changed(stack); many changes may be told by one call, and from within a
/// call to this port.
class Runtime {
 public:
    virtual ~Runtime() = default;
    /// Begins to run it. Once this has completed (or failed) instances() lists it. An executable
    /// that is missing or a process that dies is no failure of this call: it is the instance's
    /// state.
    virtual async::Task<Result<void>> start(StartOrder order) = 0;
    /// Ends it for good as its stop signal and grace period say. Completes when no process is left;
    /// an instance without a process is kStopped at once. Unknown instances are fine.
    virtual async::Task<Result<void>> stop(std::string stack, std::string instance) = 0;
    /// The instance goes on under a newer release whose digest is the same: probes, restart policy,
    /// stop signal and hooks are the order's from now on. Never restarts it.
    virtual Result<void> adopt(const StartOrder& order) = 0;
    /// Forgets an instance without a process (stopped, failed, completed); instances() no longer
    /// lists it.
    virtual void forget(std::string_view stack, std::string_view instance) = 0;
    /// All of the stack that are known, adopted ones included.
    virtual std::vector<model::Instance> instances(std::string_view stack) const = 0;
    /// The last lines of its output, oldest first, for "why did it fail". May be empty.
    virtual std::vector<std::string> last_output(std::string_view stack,
                                                 std::string_view instance) const = 0;
    /// After the last instance of a stack is gone: removes its run directory and, if asked, its
    /// volumes.
    virtual async::Task<Result<void>> remove_stack(std::string stack, bool with_volumes) = 0;
};

/// What the gateway made of a snapshot.
struct Applied {
    uint64_t version = 0;
    /// Listeners that could not be opened, each a sentence: "listen on http://:8080: address in use
    /// by nginx (pid 7)". Everything else of the snapshot acts.
    std::vector<std::string> listen_errors;
};

/// The data plane.
class Gateway {
 public:
    virtual ~Gateway() = default;
    /// The newest snapshot that a gateway was given, from an earlier daemon too
    /// (run/snapshot.json). Its version is the floor for new ones.
    virtual std::optional<model::Snapshot> latest() const = 0;
    /// Stores and sends it; completes when every loop of the gateway uses it. kUnavailable while no
    /// gateway answers (it will get the snapshot when it does).
    virtual async::Task<Result<Applied>> apply(model::Snapshot snapshot) = 0;
    /// Completes when no request or upgraded connection is under way at the endpoint
    /// ("shop/api-7"), which must be draining or absent in the applied snapshot. kTimeout after the
    /// deadline.
    virtual async::Task<Result<void>> drained(std::string endpoint, async::Deadline deadline) = 0;
};

}  // namespace shore::release
