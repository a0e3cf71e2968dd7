// What the API needs of the release room: api::Stacks over release::Controller, with the manifest
// loaded on a worker. Control plane's loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/ports.h"
#include "async/worker_pool.h"
#include "release/controller.h"
#include "shore/wire_engines.h"

namespace shore {

class ControlledStacks final : public api::Stacks {
 public:
    ControlledStacks(async::Loop& loop, async::WorkerPool& workers, release::Controller& controller,
                     EngineAgents& engines)
        : loop_(loop), workers_(workers), controller_(controller), engines_(engines) {}

    /// Told after each `down` that has completed.
    void set_on_down(std::function<void()> on_down) { on_down_ = std::move(on_down); }

    /// Nothing is up and no deploy is being read.
    bool idle() const { return deploys_ == 0 && controller_.status().empty(); }

    std::vector<api::StackStatus> status() const override;
    Result<std::unique_ptr<api::ProgressStream>> watch(std::string_view stack) override;
    async::Task<std::expected<api::Accepted, api::Rejection>> deploy(
        api::DeployRequest request) override;
    async::Task<std::expected<api::Plan, api::Rejection>> plan(api::DeployRequest request) override;
    async::Task<Result<api::Accepted>> rollback(std::string stack,
                                                std::optional<uint64_t> release) override;
    async::Task<Result<void>> scale(std::string stack,
                                    std::map<std::string, uint32_t> replicas) override;
    async::Task<Result<void>> restart(std::string stack,
                                      std::vector<std::string> services) override;
    async::Task<Result<void>> stop(std::string stack, std::vector<std::string> services) override;
    async::Task<Result<void>> start(std::string stack, std::vector<std::string> services) override;
    async::Task<Result<void>> down(std::string stack, Volumes volumes) override;
    async::Task<Result<std::vector<model::Release>>> releases(std::string stack,
                                                              uint32_t limit) override;
    async::Task<Result<model::Release>> release(std::string stack, uint64_t number) override;
    async::Task<Result<std::vector<config::Change>>> diff(std::string stack, uint64_t from,
                                                          uint64_t to) override;

 private:
    async::Task<std::expected<config::Loaded, api::Rejection>> load(config::LoadRequest request);

    /// Of a manifest's notes those that the last deploy of the stack did not tell already.
    std::vector<config::Note> news(std::string_view stack, std::vector<config::Note> notes) const;

    async::Loop& loop_;
    async::WorkerPool& workers_;
    release::Controller& controller_;
    EngineAgents& engines_;
    std::function<void()> on_down_;
    std::map<std::string, std::vector<config::Note>, std::less<>>
        told_;            // Notes of each stack's last deploy.
    size_t deploys_ = 0;  // Between the request and the controller's answer.
};

}  // namespace shore
