// Server: what an agent asks of the server that it drives: one implementation per part of an engine
// (PostgreSQL, PgBouncer, Redis, Sentinel, the Redis endpoint). A later engine is one more of them.
//
// Everything runs on the agent's loop; what blocks goes to the agent's workers. Tasks may be
// destroyed at any await when the agent ends.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/result.h"
#include "engines/assignment.h"
#include "wire/json.h"

namespace shore::async {
class Loop;
class WorkerPool;
}  // namespace shore::async
namespace shore::observe {
class Log;
}

namespace shore::engines {

/// What every server is given; outlives it.
struct ServerContext {
    async::Loop& loop;
    async::WorkerPool& workers;
    observe::Log& log;
    /// The agent's environment.
    const std::map<std::string, std::string>& variables;
};

/// Whether clients are served.
struct Health {
    bool ready = false;
    std::string detail;  ///< For people: "primary", "recovering", "replica, 0.2 s behind".
};

class Server {
 public:
    virtual ~Server() = default;

    /// Prepares files and starts the server; completes when it answers. An error is final for this
    /// process: it says what failed on what and what to do, and the supervisor starts another.
    virtual async::Task<Result<void>> start() = 0;
    /// Completes when the server has ended by itself, with how it ended.
    virtual async::Task<std::string> ended() = 0;
    /// The assignment has changed. What can be applied while it runs is applied; what cannot be
    /// restarts the server with its clients held. An error leaves everything as it was. One at a
    /// time; destroyed where it is suspended when the agent is told to stop: stop() follows.
    virtual async::Task<Result<void>> apply(Assignment assignment) = 0;
    /// Whether apply() would take these options, as far as the server can tell without them in
    /// force: kInvalid in its own words, kNotFound for a package that is missing. Asked before a
    /// release is made of them.
    virtual async::Task<Result<void>> check([[maybe_unused]] model::EngineSpec spec) {
        co_return Result<void>();
    }
    /// Ends the server so that nothing is lost, within the service's stop_grace_period: it waits
    /// for no start and no change that is under way, and puts right what those leave with others.
    /// May be called twice.
    virtual async::Task<void> stop() = 0;

    virtual Health health() const = 0;
    /// Whether the service's role may log in already. kUnavailable: not yet; kNotFound: the
    /// assignment names no such user. A part without roles of its own says yes to those it knows.
    virtual async::Task<Result<void>> user_ready(std::string service) = 0;
    /// A JSON object: what `shore db status` and others show of this process.
    virtual async::Task<Result<wire::Json>> status() = 0;
    /// Rows by name (table.h), kNotFound for a name it does not know.
    virtual async::Task<Result<wire::Json>> view(std::string name) = 0;
    /// Something to do by name, with a JSON object of arguments; the answer is an object.
    virtual async::Task<Result<wire::Json>> act(std::string name, wire::Json arguments) = 0;
    /// Prometheus text; families are named shore_<engine>_…, without labels of the instance, which
    /// the daemon adds.
    virtual async::Task<std::string> metrics() = 0;
};

}  // namespace shore::engines
