// Ports: what this room needs of its neighbours. shore/ supplies the adapter to engines.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "model/service_spec.h"
#include "supervise/instance_order.h"

namespace shore::supervise {

/// What engines give to an instance that is about to start.
struct Provided {
    std::map<std::string, std::string> environment;  ///< DATABASE_URL, …; behind the manifest's.
    std::vector<model::FileMount> files;             ///< An agent's assignment.
    uint16_t port = 0;                               ///< Its $PORT, always the same; 0: any.
    std::string user;  ///< Whom it runs as when the manifest says nothing; empty: Shore's own.
};

/// Asked for services with `engine` or `uses` only. Loop's thread.
class Provider {
 public:
    virtual ~Provider() = default;
    /// Completes when what the instance uses is there: for a user of an engine, when its role may
    /// log in. kUnavailable: not yet, the start is tried again by the restart policy.
    virtual async::Task<Result<Provided>> provide(InstanceOrder order) = 0;
};

}  // namespace shore::supervise
