// Supervisor: every instance of the process runtime. Starts each one under its own `shore shim`,
// watches and probes it, restarts it by its policy, stops it without leaving anything behind, and
// takes live ones over after the daemon died.
//
// All members belong to the thread of the loop that was given. Instances are named by key:
// "shop/api-7" (stack, id). Destroying the supervisor leaves the instances running: that is how the
// daemon is replaced.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/command.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "model/event.h"
#include "model/instance.h"
#include "supervise/health.h"
#include "supervise/instance_order.h"
#include "supervise/ports.h"

namespace shore::async {
class Loop;
class WorkerPool;
}  // namespace shore::async

namespace shore::supervise {

struct SupervisorOptions {
    std::string run_directory;     ///< Absolute; run/<stack>/<instance>/ of each instance is made
                                   ///< below it, mode 0700.
    std::string log_directory;     ///< Absolute; logs/<stack>/<service>/<instance>.log.
    std::string volume_directory;  ///< Absolute; volumes/<stack>/<name> of each named volume.
    std::string program;  ///< Absolute path of the shore binary: run as `program shim DIR`.
    /// What instances inherit: PATH, HOME, LANG, … as the daemon has them. See inherited_names() in
    /// launch.h.
    std::map<std::string, std::string> environment;
    /// What engines give; outlives the supervisor. Null: services that need it cannot start.
    Provider* provider = nullptr;
    Duration listen_timeout =
        std::chrono::seconds(30);  ///< How long $PORT may stay closed when nothing else probes it.
};

class Supervisor final {
 public:
    /// Told of each change of an instance, after it happened and outside of any call to the
    /// supervisor.
    using OnChange = std::function<void(const model::Instance&)>;

    /// Everything given by reference outlives the supervisor. Does nothing yet.
    Supervisor(async::Loop& loop, async::WorkerPool& workers, base::Random& random,
               model::EventSink& events, SupervisorOptions options);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    void set_on_change(OnChange on_change);

    /// Takes over what an earlier daemon left under the run directory: live instances are not
    /// restarted, keep their restart counts and are probed again; those that ended meanwhile are
    /// reported and restarted by their policy; an interrupted stop is completed. To be called once,
    /// before anything else. Fails only when the run directory cannot be read; an instance that
    /// cannot be read is reported as an event and left alone.
    async::Task<Result<void>> adopt();

    /// Begins to run an instance and returns at once; what becomes of it is told by on_change.
    /// kConflict when the key is in use by an instance that is live; kInvalid when the order names
    /// no command.
    Result<void> start(InstanceOrder order);
    /// Ends an instance: pre_stop hooks, stop_signal, stop_grace_period, then kill of everything it
    /// started. Completes when its processes, cgroup and socket are gone. Success at once when it
    /// is not live; kNotFound when it does not exist. Cancelling the task does not cancel the stop.
    async::Task<Result<void>> stop(std::string key);
    /// As stop() and start() with the same order; restart counts begin at 0. Also starts an
    /// instance that has ended.
    async::Task<Result<void>> restart(std::string key);
    /// As stop(), without hooks and grace.
    async::Task<Result<void>> kill(std::string key);
    /// Sends a signal to the instance's main process. kNotFound, or kConflict when it has none.
    Result<void> signal(std::string_view key, int signal);
    /// Removes what is kept about an instance that is not live, its run directory included. Its
    /// logs stay until they age.
    Result<void> forget(std::string_view key);
    /// A newer release contains this instance with the same digest: its release, probe, restart
    /// policy, stop signal, grace and hooks are the order's from now on. Never restarts it.
    Result<void> update(const InstanceOrder& order);

    /// What the provider gives has changed for an engine's instance that runs: its files are
    /// written anew, and it gets SIGHUP. Returns at once. kNotFound, or kConflict when it does not
    /// run.
    Result<void> provide_anew(std::string_view key);

    /// Every known instance, sorted by stack, service, then ordinal.
    std::vector<model::Instance> instances() const;
    std::vector<model::Instance> instances(std::string_view stack) const;
    std::optional<model::Instance> find(std::string_view key) const;

    /// What the probe last said, newest last. Nothing when the instance does not exist.
    std::optional<HealthHistory> health(std::string_view key) const;
    /// The last lines that the instance wrote, oldest first; for messages about failures.
    std::vector<std::string> last_lines(std::string_view key) const;

    /// Runs `argv` in the instance's environment, directory, user and cgroup; `output` is called
    /// with what it writes, as it comes, until it has ended. Cancelling the task kills what it
    /// started. kNotFound, kConflict when not live, or why it could not be started.
    async::Task<Result<os::ExitStatus>> exec(std::string key, std::vector<std::string> argv,
                                             async::CommandOutput output);

    /// Stops watching, leaving the instances as they are. May be called twice.
    void stop_watching();

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace shore::supervise
