#include "engines/agent.h"

#include <array>
#include <csignal>

#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "async/block_on.h"
#include "async/scope.h"
#include "async/signal_watch.h"
#include "async/worker_pool.h"
#include "engines/control.h"
#include "engines/limits.h"
#include "engines/parts.h"
#include "net/address.h"
#include "observe/log.h"

namespace shore::engines {

using async::Deadline;
using async::Task;

namespace {

class Agent final {
 public:
    Agent(const ServerContext& context, async::SignalWatch& signals, std::string directory)
        : context_(context),
          signals_(signals),
          directory_(std::move(directory)),
          asked_to_apply_(context.loop),
          end_(context.loop),
          changes_(context.loop),
          scope_(context.loop) {}

    Task<Result<void>> run() {
        SHORE_CO_CHECK(signals_.start());
        SHORE_CO_TRY(Assignment assignment, read_assignment(directory_));
        SHORE_CO_TRY(const net::Address address,
                     net::Address::unix_path(control_socket(assignment)));
        server_ = make_server(context_, std::move(assignment));
        if (!server_) {
            co_return fail(ErrorCode::kUnsupported, "this program has no such part of an engine");
        }
        control_.emplace(*server_);
        http_.emplace(context_.loop, *control_,
                      net::HttpServerOptions{.connections_max = kControlConnectionsMax});
        SHORE_CO_TRY([[maybe_unused]] const net::Address bound, http_->listen(address));
        scope_.spawn(handle_signals());
        changes_.spawn(apply_changes());
        scope_.spawn(serve());
        co_await end_.wait();
        changes_.stop();
        scope_.stop();
        co_await http_->stop(Deadline::in(context_.loop, kControlStopTime));
        co_return std::move(outcome_);
    }

 private:
    void finish(Result<void> outcome) {
        if (!end_.is_set()) {
            outcome_ = std::move(outcome);
            end_.set();
        }
    }

    Task<void> serve() {
        if (auto started = co_await server_->start(); !started) {
            if (!stopping_) {
                // Its own last words come before the reason, which people are shown.
                co_await server_->stop();
                finish(std::move(started));
            }
            co_return;
        }
        if (stopping_) {
            co_await stop_server();
            co_return;
        }
        const std::string how = co_await server_->ended();
        if (!stopping_) {
            finish(fail(ErrorCode::kUnavailable, "{}", how));
        }
    }

    Task<void> stop_server() {
        co_await server_->stop();
        finish({});
    }

    Task<void> handle_signals() {
        while (true) {
            const os::ReceivedSignal signal = co_await signals_.next();
            if (signal.number == SIGHUP) {
                asked_to_apply_.set();
                continue;
            }
            if (std::exchange(stopping_, true)) {
                continue;
            }
            // A change may wait for long: for transactions, for other servers.
            changes_.stop();
            // One that is still starting is ended too: it says what it has to end.
            co_await stop_server();
        }
    }

    // One at a time; what is asked for meanwhile is one more, with the newest assignment.
    Task<void> apply_changes() {
        while (true) {
            co_await asked_to_apply_.wait();
            asked_to_apply_.reset();
            co_await apply();
        }
    }

    Task<void> apply() {
        auto assignment = read_assignment(directory_);
        if (!assignment) {
            context_.log.error("the new assignment cannot be read", assignment.error());
            co_return;
        }
        if (auto applied = co_await server_->apply(std::move(*assignment)); !applied) {
            context_.log.error("the new settings are not in force", applied.error());
        }
    }

    const ServerContext& context_;
    async::SignalWatch& signals_;
    std::string directory_;
    std::unique_ptr<Server> server_;
    std::optional<Control> control_;
    std::optional<net::HttpServer> http_;
    bool stopping_ = false;
    Result<void> outcome_;
    async::Event asked_to_apply_;
    async::Event end_;
    async::Scope changes_;
    async::Scope scope_;
};

}  // namespace

int run_agent(const std::string& run_directory,
              const std::map<std::string, std::string>& variables) {
    // Files and sockets of an engine are its own; passwords are in its memory.
    ::umask(0077);
    ::prctl(PR_SET_DUMPABLE, 0);
    os::ignore_broken_pipe();
    const base::SystemClock clock;
    observe::FdLogSink sink(STDERR_FILENO);
    observe::Log log(sink, clock, observe::Level::kInfo, observe::LogForm::kPlain);
    auto signals = os::SignalSet::open(std::array{SIGTERM, SIGINT, SIGHUP});
    if (!signals) {
        log.error("signals", signals.error());
        return 1;
    }
    auto loop = async::Loop::open(clock);
    if (!loop) {
        log.error("event loop", loop.error());
        return 1;
    }
    async::WorkerPool workers("shore-engine", kAgentWorkers);
    async::SignalWatch watch(**loop, std::move(*signals));
    const ServerContext context{**loop, workers, log, variables};
    Result<void> outcome;
    {
        Agent agent(context, watch, run_directory);
        outcome = async::block_on(**loop, agent.run());
    }
    workers.stop();
    if (!outcome) {
        log.error("the engine cannot go on", outcome.error());
        return 1;
    }
    return 0;
}

}  // namespace shore::engines
