// Daemon: the control plane's process: its parts, the order they start in and the reverse one they
// end in.
//
// It may be killed at any moment: instances live under their shims, the gateway routes by the
// snapshot on disk, releases and events are in the database. The next daemon adopts all of it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "api/ports.h"
#include "api/server.h"
#include "async/scope.h"
#include "async/signal_watch.h"
#include "async/worker_pool.h"
#include "base/clock.h"
#include "base/random.h"
#include "os/file.h"
#include "release/controller.h"
#include "shore/roles.h"
#include "shore/state_paths.h"
#include "shore/wire_certificates.h"
#include "shore/wire_engines.h"
#include "shore/wire_gateway.h"
#include "shore/wire_release.h"
#include "shore/wire_supervise.h"
#include "store/event_log.h"
#include "store/store.h"
#include "supervise/supervisor.h"

namespace shore {

struct DaemonOptions {
    StatePaths paths;
    std::string program;                           ///< Absolute path of this binary.
    std::map<std::string, std::string> variables;  ///< What instances may inherit.
    bool leave_when_empty =
        false;  ///< End once the last stack is down: a daemon that `shore up` started.
};

class Daemon final : public api::Daemon {
 public:
    /// Everything given by reference outlives the daemon.
    Daemon(const base::Clock& clock, async::Loop& loop, os::SignalSet signals,
           DaemonOptions options);
    ~Daemon() override;

    /// Opens the database, adopts instances, resumes rollouts and listens on the control socket.
    /// The lock on the state directory must be held. An error says what is wrong and with which
    /// file.
    async::Task<Result<void>> start();
    /// Returns when the daemon was told to end by a signal, by the API, or because it has become
    /// empty.
    async::Task<void> wait_for_end();
    /// After wait_for_end(): whether the process is to go on as the program that is on disk now.
    bool begins_anew() const { return begins_anew_; }
    /// Ends in reverse order. Instances and gateway go on, unless the daemon leaves an empty state
    /// directory.
    async::Task<void> stop();

    std::string version() const override;
    WallTime started_at() const override { return started_at_; }
    std::string state_directory() const override { return options_.paths.root().native(); }
    Result<void> ready() const override;
    async::Task<std::string> metrics() override;
    async::Task<Result<int>> upgrade_gateway() override { return gateway_->upgrade(); }
    Result<void> upgrade() override;
    void shut_down() override;

 private:
    async::Task<void> watch_signals();
    async::Task<void> leave_when_empty();
    async::Task<void> leave_when_unused();

    const base::Clock& clock_;
    async::Loop& loop_;
    DaemonOptions options_;
    base::Random random_;
    WallTime started_at_{};
    bool ready_ = false;
    bool begins_anew_ = false;
    async::Event end_;

    // In start order; destroyed in the reverse one.
    async::WorkerPool workers_;
    async::SignalWatch signals_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<store::EventLog> events_;
    std::unique_ptr<GatewayCertificates> certificates_;
    std::unique_ptr<EngineProvider> engine_provider_;
    std::unique_ptr<supervise::Supervisor> supervisor_;
    std::unique_ptr<ProcessRuntime> runtime_;
    std::unique_ptr<GatewayProcess> gateway_;
    std::unique_ptr<release::Controller> controller_;
    std::unique_ptr<EngineAgents> engines_;
    std::unique_ptr<ControlledStacks> stacks_;
    std::unique_ptr<LogFiles> logs_;
    std::unique_ptr<InstanceExec> exec_;
    std::unique_ptr<api::ApiServer> api_;
    async::Scope scope_;
};

}  // namespace shore
