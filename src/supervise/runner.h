// Runner: one instance's life as a coroutine: launch, watch, probe, restart, stop. Loop's thread;
// owned by the Supervisor.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "async/command.h"
#include "async/event.h"
#include "async/scope.h"
#include "async/task.h"
#include "async/worker_pool.h"
#include "base/random.h"
#include "model/event.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "supervise/health.h"
#include "supervise/instance_record.h"
#include "supervise/launch.h"
#include "supervise/launch_spec.h"
#include "supervise/port_pool.h"
#include "supervise/restart_tracker.h"
#include "supervise/shim_link.h"
#include "supervise/supervisor.h"

namespace shore::supervise {

class Runner;

/// What all runners share; outlives them.
struct RunnerContext {
    async::Loop& loop;
    async::WorkerPool& workers;
    base::Random& random;
    model::EventSink& events;
    const SupervisorOptions& options;
    async::CommandRunner commands;
    PortPool ports;
    os::CgroupTree cgroups;
    std::set<std::string> notes_told;  ///< "stack/service: note": each is told once.
    std::function<void(const model::Instance&)> changed;
};

enum class StopMode : uint8_t { kGraceful = 1, kKill = 2 };

class Runner final {
 public:
    Runner(RunnerContext& context, InstanceRecord record);
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    /// Begins a fresh life.
    void begin();
    /// Takes over after an earlier daemon: a live shim, or none (`link` is null), when what the
    /// record and status.json say decides.
    void adopt(std::unique_ptr<ShimLink> link);

    void request_stop(StopMode mode);
    /// Waits until the instance is not live any more.
    async::Task<void> ended();
    Result<void> signal(int number);
    /// What of the order acts on a process that runs: release, probe, policy, stop, hooks.
    void update(const InstanceOrder& order);
    /// What the provider gives now takes the place of what the running process was given.
    Result<void> provide_anew();

    const model::Instance& instance() const { return record_.instance; }
    const InstanceOrder& order() const { return record_.order; }
    bool is_live() const { return model::is_live(record_.instance.state); }
    HealthHistory health() const;
    const std::vector<std::string>& last_lines() const { return status_.tail; }
    /// How the process was started; nothing before its first launch.
    const std::optional<LaunchSpec>& launch_spec() const { return launch_; }
    const std::string& directory() const { return directory_; }

 private:
    /// How one process ended.
    struct End {
        bool success = false;
        bool permanent = false;  // Starting it again cannot help.
        bool oom = false;
        int32_t exit_code = 0;
        Duration lived{};
        std::string why;
    };

    async::Task<void> live(std::unique_ptr<ShimLink> link, std::optional<End> end);
    async::Task<Result<std::unique_ptr<ShimLink>>> launch();
    async::Task<Result<LaunchPlace>> launch_place();
    async::Task<Result<std::optional<os::User>>> find_user(const Provided& provided);
    Result<uint16_t> take_port(const Provided& provided);
    async::Task<void> reassign();
    std::string engine_socket() const;
    Result<std::unique_ptr<ShimLink>> start_shim();
    async::Task<End> watch(std::unique_ptr<ShimLink> link);
    async::Task<void> release_shim(ShimLink& link);
    async::Task<bool> settle(End end);
    async::Task<void> wait_for_restart(Duration delay);
    void on_running(const ShimStatus& status);
    async::Task<void> attend(bool adopted);
    async::Task<Result<void>> run_hooks(std::vector<model::Hook> hooks);
    async::Task<void> watch_health();
    async::Task<void> on_unhealthy(std::string why, Duration waited);
    async::Task<void> refresh_status();
    void fail_process(std::string why);
    void begin_process_stop();
    async::Task<void> stop_process();
    async::Task<void> clean_up();
    async::Task<void> kill_leftovers();
    End end_of(const ShimStatus& status) const;
    End end_of_lost_shim() const;
    End end_from_files();
    async::Task<Result<os::SpawnOptions>> hook_options(model::Hook hook);
    std::string quote_last_line() const;
    std::string quote_last_lines() const;
    void note_lost_lines(const ShimStatus& status);
    void set_state(model::InstanceState state, std::string reason);
    void emit(std::string_view kind, std::string message);
    void tell_note(const std::string& note);
    void save();

    RunnerContext& context_;
    InstanceRecord record_;
    std::string directory_;
    RestartTracker tracker_;
    std::optional<LaunchSpec> launch_;
    ShimStatus status_;         // The last one.
    os::Process shim_;          // Empty for an adopted one.
    ShimLink* link_ = nullptr;  // While a process is watched.
    std::optional<HealthTracker> health_;
    bool adopted_ = false;    // The process that is watched was started by an earlier daemon.
    uint32_t attention_ = 0;  // Grows when another probe takes over; the one before ends itself.
    bool running_noted_ = false;
    bool stop_requested_ = false;
    bool kill_requested_ = false;
    bool process_stopping_ = false;
    std::string end_reason_;  // Why we ended the process ourselves: unhealthy, port never opened.
    uint64_t lost_told_ = 0;
    bool save_failure_told_ = false;
    async::Event status_arrived_;
    async::Event wish_;  // A stop was requested.
    async::Event ended_;
    std::optional<async::Scope> process_scope_;
    async::Scope scope_;
};

}  // namespace shore::supervise
