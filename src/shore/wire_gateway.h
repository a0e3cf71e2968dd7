// The gateway's process as the control plane sees it: kept running by the supervisor like any
// instance (stack "_shore"), given snapshots over its link, asked when an endpoint has drained.
// Implements release::Gateway and api::Gateway. Control plane's loop.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/ports.h"
#include "async/event.h"
#include "async/scope.h"
#include "async/worker_pool.h"
#include "gateway/link.h"
#include "release/ports.h"
#include "shore/state_paths.h"
#include "shore/wire_certificates.h"
#include "supervise/supervisor.h"

namespace shore {

/// The stack under which the supervisor keeps Shore's own processes; no manifest can have this
/// name.
inline constexpr std::string_view kOwnStack = "_shore";

class GatewayProcess final : public release::Gateway, public api::Gateway {
 public:
    /// Everything given by reference outlives this. `program` is the absolute path of the shore
    /// binary.
    GatewayProcess(async::Loop& loop, async::WorkerPool& workers, supervise::Supervisor& supervisor,
                   GatewayCertificates& certificates, const StatePaths& paths, std::string program);

    /// Reads the newest snapshot that is on disk, and takes up the link when an adopted gateway
    /// runs. A snapshot that cannot be read is an error: the gateway would go on with routes that
    /// nobody knows.
    Result<void> start();
    /// Called when the gateway's process has come (back): everything must be published anew.
    void set_on_return(std::function<void()> on_return);
    /// The supervisor's notice about the gateway's instance.
    void instance_changed(const model::Instance& instance);
    /// Starts the binary that is on disk now as a new gateway, which takes the listening sockets
    /// over; the old one leaves when its last connection has ended. Completes when the new one
    /// routes; its process number. An error when it could not start: then the old one serves on.
    async::Task<Result<int>> upgrade();
    /// Ends the process: for a daemon that leaves an empty state directory.
    async::Task<void> end();

    std::optional<model::Snapshot> latest() const override { return latest_; }
    async::Task<Result<release::Applied>> apply(model::Snapshot snapshot) override;
    async::Task<Result<void>> drained(std::string endpoint, async::Deadline deadline) override;

    async::Task<Result<wire::Json>> routes() override;
    async::Task<Result<wire::Json>> explain(wire::Json request) override;
    async::Task<Result<wire::Json>> cache_status() override;
    async::Task<Result<wire::Json>> purge_cache(wire::Json purge) override;
    async::Task<Result<wire::Json>> traffic(uint64_t seconds) override;
    /// The gateway's metrics in Prometheus' text form; empty when it does not answer.
    async::Task<std::string> metrics();
    /// Whether the gateway is needed and does not answer.
    Result<void> ready() const;

 private:
    struct Upgrade;

    async::Task<Result<wire::Json>> ask(std::string question, wire::Json with, Duration patience);
    Result<void> ensure_process();
    /// The gateway that accepts: the newest instance of Shore's own stack that is live.
    std::optional<model::Instance> current() const;
    std::string next_id() const;
    Result<void> set_in_charge(const std::string& id, bool in_charge);
    async::Task<void> run_upgrade();
    async::Task<Result<int>> replace_process();
    async::Task<Result<int>> wait_until_replaced(std::string id);

    async::Loop& loop_;
    async::WorkerPool& workers_;
    supervise::Supervisor& supervisor_;
    GatewayCertificates& certificates_;
    const StatePaths& paths_;
    std::string program_;
    std::optional<model::Snapshot> latest_;
    std::function<void()> on_return_;
    uint64_t connections_ = 0;          // How often the link has been made.
    async::Event changed_;              // The link was made, or an instance changed.
    std::shared_ptr<Upgrade> upgrade_;  // Under way; null: none.
    gateway::Link link_;
    async::Scope scope_;
};

}  // namespace shore
