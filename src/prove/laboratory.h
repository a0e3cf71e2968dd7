// Laboratory: the Shore under proof. It has one stack, "proof", with the services `api` (under
// load) and `events` (holds streams open, never changed), and is seen only through its control API
// and its gateway.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "async/task.h"
#include "net/address.h"
#include "net/http_client.h"
#include "prove/ports.h"
#include "wire/json.h"

namespace shore::prove {

/// An instance as the API shows it.
struct SeenInstance {
    std::string id;
    std::string state;
    int pid = 0;
    int64_t restarts = 0;
    friend bool operator==(const SeenInstance&, const SeenInstance&) = default;
};

/// Lives on its loop's thread.
class Laboratory final {
 public:
    Laboratory(async::Loop& loop, Machine& machine);

    /// Starts a daemon and waits until it is ready.
    async::Task<Result<void>> start_daemon();
    /// Deploys `version` of the api with two replicas and waits until the rollout has ended.
    /// kConflict with Shore's own words when it did not end well.
    async::Task<Result<void>> deploy(std::string version);
    /// Deploys another manifest as the stack "proof", which it names; otherwise as deploy().
    async::Task<Result<void>> deploy_manifest(std::string text);
    /// `shore redis failover` and its like; completes when it is done.
    async::Task<Result<void>> act(std::string engine, std::string action);
    /// The processes of an engine with their status, as `shore redis` shows them.
    async::Task<Result<std::vector<wire::Json>>> processes(std::string engine);
    /// Takes the stack down and ends the daemon.
    async::Task<Result<void>> end();

    /// Instances of a service that have a process, by id.
    async::Task<Result<std::vector<SeenInstance>>> instances(std::string service);
    /// Waits until `count` instances of the service are running and none of them is `not_pid`.
    async::Task<Result<std::vector<SeenInstance>>> wait_until_running(std::string service,
                                                                      size_t count, int not_pid,
                                                                      std::chrono::seconds limit);

    async::Loop& loop() { return loop_; }
    Machine& machine() { return machine_; }
    /// Where the gateway listens.
    const net::Address& gateway() const { return gateway_; }
    int daemon_pid() const { return daemon_pid_; }

 private:
    std::string manifest(std::string_view version) const;
    async::Task<Result<wire::Json>> call(std::string method, std::string target, std::string body);
    async::Task<Result<void>> wait_until_settled(int64_t release);

    async::Loop& loop_;
    Machine& machine_;
    net::Address api_;
    net::Address gateway_;
    int daemon_pid_ = 0;
};

}  // namespace shore::prove
