// What supervise, api and cli need of engines: assignments and variables at an instance's start;
// questions to agents over their sockets. Control plane's loop; files on its workers.
#pragma once

#include <string>
#include <vector>

#include "api/ports.h"
#include "async/worker_pool.h"
#include "engines/provision.h"
#include "engines/records.h"
#include "release/controller.h"
#include "shore/state_paths.h"
#include "shore/wire_certificates.h"
#include "supervise/ports.h"
#include "supervise/supervisor.h"

namespace shore {

/// supervise::Provider by the engines' records.
class EngineProvider final : public supervise::Provider {
 public:
    EngineProvider(async::Loop& loop, async::WorkerPool& workers, const StatePaths& paths,
                   GatewayCertificates& certificates);
    async::Task<Result<supervise::Provided>> provide(supervise::InstanceOrder order) override;

 private:
    async::Task<Result<supervise::Provided>> provide_agent(supervise::InstanceOrder order);
    async::Task<Result<std::map<std::string, std::string>>> provide_use(std::string stack,
                                                                        std::string service,
                                                                        model::EngineUse use);
    async::Task<Result<void>> user_ready(std::string stack, std::string engine,
                                         std::string service);

    async::Loop& loop_;
    async::WorkerPool& workers_;
    engines::ProvisionPlace place_;
    engines::Records records_;
};

/// api::Engines by asking the agents.
class EngineAgents final : public api::Engines {
 public:
    EngineAgents(async::Loop& loop, supervise::Supervisor& supervisor,
                 release::Controller& controller, const StatePaths& paths)
        : loop_(loop), supervisor_(supervisor), controller_(controller), paths_(paths) {}

    async::Task<Result<wire::Json>> list(std::string stack) override;
    async::Task<Result<wire::Json>> view(std::string stack, std::string engine,
                                         std::string name) override;
    async::Task<Result<wire::Json>> act(std::string stack, std::string engine, std::string name,
                                        wire::Json request) override;
    /// Asks the agents that run whether their servers would take what `stack` says now. An error
    /// names the engine and carries the server's own words.
    async::Task<Result<void>> check(const model::StackSpec& stack);
    /// Looks for ever whether every agent that speaks TLS has the certificate of now, which is
    /// renewed by being looked at, and gives it to those that have another. What becomes of it is
    /// an event.
    async::Task<void> watch_certificates(GatewayCertificates& certificates,
                                         async::WorkerPool& workers, model::EventSink& events);
    /// Metrics of every agent of every stack, labelled by where they come from.
    async::Task<std::string> metrics();

 private:
    /// One process of an engine.
    struct Agent {
        std::string engine;    // "db"
        std::string database;  // PostgreSQL.
        model::EnginePart part = model::EnginePart::kPostgres;
        bool speaks_tls = false;
        model::Instance instance;
    };

    /// In the order in which they are asked to do something; of one engine, or of all.
    Result<std::vector<Agent>> agents(std::string stack, std::string engine) const;
    std::vector<Agent> agents_with_tls() const;
    /// Whether all of them have it already.
    async::Task<bool> hand_out(std::string fingerprint, model::EventSink& events);
    async::Task<Result<wire::Json>> ask(Agent agent, std::string method, std::string target,
                                        std::string body);
    async::Task<Result<std::string>> fetch(Agent agent, std::string method, std::string target,
                                           std::string body);

    async::Loop& loop_;
    supervise::Supervisor& supervisor_;
    release::Controller& controller_;
    const StatePaths& paths_;
};

}  // namespace shore
