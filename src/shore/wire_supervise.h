// What release and api need of the supervisor, as adapters of their ports. Control plane's loop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/ports.h"
#include "async/worker_pool.h"
#include "release/ports.h"
#include "shore/state_paths.h"
#include "supervise/supervisor.h"

namespace shore {

/// release::Runtime on the process runtime.
class ProcessRuntime final : public release::Runtime {
 public:
    ProcessRuntime(async::Loop& loop, async::WorkerPool& workers, supervise::Supervisor& supervisor,
                   const StatePaths& paths)
        : loop_(loop), workers_(workers), supervisor_(supervisor), paths_(paths) {}

    async::Task<Result<void>> start(release::StartOrder order) override;
    async::Task<Result<void>> stop(std::string stack, std::string instance) override;
    Result<void> adopt(const release::StartOrder& order) override;
    void forget(std::string_view stack, std::string_view instance) override;
    std::vector<model::Instance> instances(std::string_view stack) const override;
    std::vector<std::string> last_output(std::string_view stack,
                                         std::string_view instance) const override;
    async::Task<Result<void>> remove_stack(std::string stack, bool with_volumes) override;

 private:
    async::Loop& loop_;
    async::WorkerPool& workers_;
    supervise::Supervisor& supervisor_;
    const StatePaths& paths_;
};

/// api::Logs over the log files.
class LogFiles final : public api::Logs {
 public:
    LogFiles(async::Loop& loop, async::WorkerPool& workers, const StatePaths& paths)
        : loop_(loop), workers_(workers), paths_(paths) {}
    std::unique_ptr<api::LogStream> open(api::LogQuery query) override;

 private:
    async::Loop& loop_;
    async::WorkerPool& workers_;
    const StatePaths& paths_;
};

/// api::Exec by the supervisor.
class InstanceExec final : public api::Exec {
 public:
    explicit InstanceExec(supervise::Supervisor& supervisor) : supervisor_(supervisor) {}
    async::Task<Result<int32_t>> run(
        api::ExecRequest request,
        std::function<void(api::ExecStream, std::string_view)> output) override;

 private:
    supervise::Supervisor& supervisor_;
};

}  // namespace shore
