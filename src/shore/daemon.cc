#include "shore/daemon.h"

#include <utility>

#include "base/random.h"
#include "os/random.h"
#include "shore/daemon_metrics.h"

namespace shore {

namespace {

constexpr size_t kWorkers = 2;  // Manifests, log files, snapshots: short and rare.
constexpr auto kStopTimeout = std::chrono::seconds(5);
/// How long a daemon that `shore up` started may have nothing to do.
constexpr auto kUnusedPause = std::chrono::seconds(3);

supervise::SupervisorOptions supervisor_options(const DaemonOptions& options,
                                                supervise::Provider& provider) {
    return {.run_directory = options.paths.run().native(),
            .log_directory = options.paths.logs().native(),
            .volume_directory = options.paths.volumes().native(),
            .program = options.program,
            .environment = options.variables,
            .provider = &provider};
}

}  // namespace

Daemon::Daemon(const base::Clock& clock, async::Loop& loop, os::SignalSet signals,
               DaemonOptions options)
    : clock_(clock),
      loop_(loop),
      options_(std::move(options)),
      random_(os::random_seed()),
      end_(loop),
      workers_("shore-work", kWorkers),
      signals_(loop, std::move(signals)),
      scope_(loop) {
}

Daemon::~Daemon() = default;

async::Task<Result<void>> Daemon::start() {
    started_at_ = clock_.wall_now();
    SHORE_CO_CHECK(signals_.start());
    SHORE_CO_TRY(store_, store::Store::open(loop_, options_.paths.database()));
    SHORE_CO_TRY(events_, co_await store::EventLog::open(*store_));

    certificates_ = std::make_unique<GatewayCertificates>(clock_, loop_, workers_, options_.paths);
    engine_provider_ =
        std::make_unique<EngineProvider>(loop_, workers_, options_.paths, *certificates_);
    supervisor_ = std::make_unique<supervise::Supervisor>(
        loop_, workers_, random_, *events_, supervisor_options(options_, *engine_provider_));
    SHORE_CO_CHECK(co_await supervisor_->adopt());
    runtime_ = std::make_unique<ProcessRuntime>(loop_, workers_, *supervisor_, options_.paths);
    gateway_ = std::make_unique<GatewayProcess>(loop_, workers_, *supervisor_, *certificates_,
                                                options_.paths, options_.program);
    SHORE_CO_CHECK(gateway_->start());
    controller_ =
        std::make_unique<release::Controller>(release::Collaborators{.loop = loop_,
                                                                     .store = *store_,
                                                                     .events = *events_,
                                                                     .runtime = *runtime_,
                                                                     .gateway = *gateway_});
    supervisor_->set_on_change([this](const model::Instance& instance) {
        if (instance.stack == kOwnStack) {
            gateway_->instance_changed(instance);
        } else {
            controller_->instance_changed(instance.stack);
        }
    });
    SHORE_CO_CHECK(co_await controller_->resume());
    gateway_->set_on_return([this] { controller_->gateway_changed(); });

    engines_ = std::make_unique<EngineAgents>(loop_, *supervisor_, *controller_, options_.paths);
    stacks_ = std::make_unique<ControlledStacks>(loop_, workers_, *controller_, *engines_);
    logs_ = std::make_unique<LogFiles>(loop_, workers_, options_.paths);
    exec_ = std::make_unique<InstanceExec>(*supervisor_);
    api_ = std::make_unique<api::ApiServer>(loop_, api::Ports{.stacks = *stacks_,
                                                              .events = *events_,
                                                              .logs = *logs_,
                                                              .exec = *exec_,
                                                              .daemon = *this,
                                                              .certificates = *certificates_,
                                                              .gateway = *gateway_,
                                                              .engines = *engines_});
    SHORE_CO_CHECK(api_->listen(options_.paths.api_socket().native()));
    scope_.spawn(watch_signals());
    scope_.spawn(certificates_->watch([this] { controller_->gateway_changed(); }));
    scope_.spawn(engines_->watch_certificates(*certificates_, workers_, *events_));
    if (options_.leave_when_empty) {
        scope_.spawn(leave_when_unused());
        stacks_->set_on_down([this] { scope_.spawn(leave_when_empty()); });
    }
    ready_ = true;
    co_return Result<void>();
}

async::Task<void> Daemon::wait_for_end() {
    co_await end_.wait();
}

async::Task<void> Daemon::watch_signals() {
    co_await signals_.next();
    end_.set();
}

async::Task<void> Daemon::leave_when_unused() {
    // One that was started only to find that nothing is up, or whose first deploy was refused.
    while (true) {
        co_await async::sleep_for(loop_, kUnusedPause);
        if (stacks_->idle()) {
            co_await leave_when_empty();
        }
    }
}

async::Task<void> Daemon::leave_when_empty() {
    co_await async::yield(loop_);  // Out of the handler that served `down`.
    if (!stacks_->idle()) {
        co_return;
    }
    // From here on nobody can connect: whoever deploys now starts the next daemon, which waits for
    // this one's lock. The answer to `down` still goes out.
    co_await api_->stop(async::Deadline::in(loop_, kStopTimeout));
    co_await gateway_->end();
    end_.set();
}

async::Task<void> Daemon::stop() {
    ready_ = false;
    scope_.stop();
    if (api_) {
        co_await api_->stop(async::Deadline::in(loop_, kStopTimeout));
    }
    if (controller_) {
        controller_->stop_planning();
    }
    if (supervisor_) {
        supervisor_->stop_watching();
    }
    if (events_) {
        co_await events_->flush();
        events_->stop();
    }
    if (store_) {
        store_->stop();
    }
    workers_.stop();
}

std::string Daemon::version() const {
    return SHORE_VERSION;
}

Result<void> Daemon::ready() const {
    if (!ready_) {
        return fail(ErrorCode::kUnavailable, "the daemon is still taking over its instances");
    }
    return gateway_->ready();
}

async::Task<std::string> Daemon::metrics() {
    std::string text =
        daemon_metrics(supervisor_->instances(), *events_, loop_.wall_now() - started_at_);
    text += co_await gateway_->metrics();
    text += co_await engines_->metrics();
    co_return text;
}

Result<void> Daemon::upgrade() {
    if (!os::is_executable(options_.program)) {
        return fail(ErrorCode::kUnavailable, "{} is not a program that can be started",
                    options_.program);
    }
    begins_anew_ = true;
    end_.set();
    return {};
}

void Daemon::shut_down() {
    end_.set();
}

}  // namespace shore
