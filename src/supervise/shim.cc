#include "supervise/shim.h"

#include <cstdio>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/cgroup.h"
#include "os/file.h"
#include "os/process.h"
#include "os/process_stats.h"
#include "os/reaper.h"
#include "os/signal.h"
#include "os/unix_socket.h"
#include "supervise/launch_spec.h"
#include "supervise/limits.h"
#include "supervise/log_writer.h"
#include "supervise/shim_protocol.h"

namespace shore::supervise {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// After everything has ended, how long a pipe may stay open in the hands of a process that is not
/// ours.
constexpr auto kDrainTime = seconds(1);
/// How often leftovers that resist are killed again.
constexpr auto kKillAgain = milliseconds(100);
/// How often lost lines and the age of the log are looked at.
constexpr auto kTick = seconds(30);
constexpr auto kTickWhileLosing = seconds(1);
/// A reader that takes nothing is dropped when this much waits for it.
constexpr size_t kOutgoingMax = 2 * kShimLineMax;

struct Connection {
    os::Fd socket;
    std::string incoming;
    std::string outgoing;
};

struct Pipe {
    async::OutputStream stream;
    os::Fd read_end;
};

class Shim final {
 public:
    Shim(LaunchSpec spec, os::SignalSet signals)
        : spec_(std::move(spec)),
          signals_(std::move(signals)),
          listener_(kShimListenDescriptor),
          log_(spec_, clock_, [this](const std::string& path) { compress_in_child(path); }) {}

    int run();

 private:
    void start_app();
    void compress_in_child(const std::string& path);
    std::vector<pid_t> app_processes() const;
    bool app_left_processes() const;
    void wait_for_events();
    int timeout() const;
    void handle_signals();
    void reap();
    void read_pipe(Pipe& pipe);
    void accept_connections();
    void read_connection(Connection& connection);
    void obey(const ShimRequest& request);
    void flush(Connection& connection);
    void on_time();
    void begin_stop(int signal, Duration grace);
    void kill_everything();
    void advance_end();
    void publish();
    ShimStatus current_status() const;

    base::SystemClock clock_;
    LaunchSpec spec_;
    os::SignalSet signals_;
    os::Fd listener_;
    LogWriter log_;
    ShimStatus status_;
    os::Process app_;
    bool app_ended_ = false;
    bool leave_ = false;
    bool leave_when_ended_ = false;
    uint64_t oom_kills_before_ = 0;
    uint64_t lost_told_ = 0;
    std::optional<SteadyTime> kill_at_;
    std::optional<SteadyTime> drained_by_;
    SteadyTime tick_at_{};
    std::vector<Pipe> pipes_;
    std::vector<Connection> connections_;
    std::vector<pid_t> compressors_;
};

/// Compresses in a child, so that the app's output is not held up and the memory goes back when it
/// is done.
void Shim::compress_in_child(const std::string& path) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        [[maybe_unused]] const int niceness = ::nice(10);
        _exit(observe::compress_file_blocking(path) ? 0 : 1);
    }
    compressors_.push_back(pid);
}

/// What the app has started and is still there, itself included; not what the shim does for itself.
std::vector<pid_t> Shim::app_processes() const {
    std::vector<pid_t> processes = os::descendants(::getpid());
    std::erase_if(processes, [this](pid_t pid) {
        return std::ranges::find(compressors_, pid) != compressors_.end();
    });
    return processes;
}

/// Whether any of them is left. As long as nothing is being compressed the kernel answers that in
/// one call, and exactly; what is not yet collected counts then, and its SIGCHLD is on the way.
bool Shim::app_left_processes() const {
    return os::has_children() && (compressors_.empty() || !app_processes().empty());
}

void Shim::start_app() {
    status_.shim_pid = ::getpid();
    status_.boot_id = os::boot_id();
    status_.started_at = clock_.wall_now();
    oom_kills_before_ = os::cgroup_oom_kills(spec_.cgroups);
    os::SpawnOptions options = spawn_options(spec_, spec_.argv);
    options.new_session = true;
    options.parent_death_signal = SIGKILL;
    std::vector<os::Fd> write_ends;
    for (const async::OutputStream stream :
         {async::OutputStream::kStdout, async::OutputStream::kStderr}) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) < 0) {
            status_.error = os::last_error("pipe for output").text();
            status_.phase = ShimPhase::kNotStarted;
            return;
        }
        pipes_.push_back({stream, os::Fd(ends[0])});
        write_ends.emplace_back(ends[1]);
        (void)os::set_nonblocking(ends[0], true);
    }
    options.standard_output = write_ends[0].get();
    options.standard_error = write_ends[1].get();
    auto app = os::Process::spawn(options);
    if (!app) {
        status_.phase = ShimPhase::kNotStarted;
        status_.error = app.error().text();
        status_.error_errno = app.error().errno_value();
        status_.ended_at = clock_.wall_now();
        pipes_.clear();
        return;
    }
    app_ = std::move(*app);
    status_.phase = ShimPhase::kRunning;
    status_.pid = app_.pid();
    status_.start_ticks = os::process_start_ticks(app_.pid()).value_or(0);
}

int Shim::run() {
    start_app();
    publish();
    tick_at_ = clock_.steady_now() + kTick;
    while (!leave_) {
        wait_for_events();
    }
    (void)os::remove_file(std::string(kShimSocketName));
    return 0;
}

int Shim::timeout() const {
    SteadyTime next = tick_at_;
    if (kill_at_) {
        next = std::min(next, *kill_at_);
    }
    if (drained_by_) {
        next = std::min(next, *drained_by_);
    }
    const auto left = std::chrono::ceil<milliseconds>(next - clock_.steady_now()).count();
    return static_cast<int>(std::max<int64_t>(left, 0));
}

void Shim::wait_for_events() {
    std::vector<pollfd> polled;
    polled.push_back({signals_.descriptor(), POLLIN, 0});
    const bool room = connections_.size() < kShimConnectionsMax;
    polled.push_back({room ? listener_.get() : -1, POLLIN, 0});
    for (const Pipe& pipe : pipes_) {
        polled.push_back({pipe.read_end.get(), POLLIN, 0});
    }
    for (const Connection& connection : connections_) {
        const short events = connection.outgoing.empty() ? POLLIN : POLLIN | POLLOUT;
        polled.push_back({connection.socket.get(), events, 0});
    }
    const size_t pipes = pipes_.size();
    const size_t connections = connections_.size();
    if (::poll(polled.data(), polled.size(), timeout()) < 0) {
        return;
    }
    for (size_t i = 0; i < pipes; ++i) {
        if (polled[2 + i].revents != 0) {
            read_pipe(pipes_[i]);
        }
    }
    std::erase_if(pipes_, [](const Pipe& pipe) { return !pipe.read_end; });
    if (polled[0].revents != 0) {
        handle_signals();
    }
    for (size_t i = 0; i < connections; ++i) {
        if (polled[2 + pipes + i].revents != 0) {
            read_connection(connections_[i]);
        }
    }
    if (polled[1].revents != 0) {
        accept_connections();
    }
    on_time();
    for (Connection& connection : connections_) {
        flush(connection);
    }
    std::erase_if(connections_, [](const Connection& connection) { return !connection.socket; });
}

void Shim::handle_signals() {
    while (const auto signal = signals_.take()) {
        // A service manager ends every process of its unit: then the app is stopped as by the
        // daemon, and the shim goes too.
        if (signal->number == SIGTERM) {
            leave_when_ended_ = true;
            begin_stop(spec_.stop_signal, spec_.stop_grace_period);
        }
    }
    reap();
}

void Shim::reap() {
    while (const auto reaped = os::reap_any()) {
        std::erase(compressors_, reaped->pid);
        if (reaped->pid != status_.pid || app_ended_) {
            continue;
        }
        app_ended_ = true;
        status_.end = reaped->status;
        status_.ended_at = clock_.wall_now();
        status_.oom_killed = reaped->status.signal == SIGKILL &&
                             os::cgroup_oom_kills(spec_.cgroups) > oom_kills_before_;
        if (!kill_at_) {
            kill_everything();  // As a container ends with its first process.
        } else {
            for (const pid_t pid : app_processes()) {
                os::signal_child(pid, spec_.stop_signal);
            }
        }
    }
    advance_end();
}

void Shim::read_pipe(Pipe& pipe) {
    std::array<char, size_t{64} * 1024> buffer;
    // A few reads at most, so that a flood of output cannot keep requests and signals waiting.
    for (int round = 0; round < 4; ++round) {
        size_t count = 0;
        switch (os::read_some(pipe.read_end.get(), buffer, count)) {
            case os::Transfer::kSome:
                log_.feed(pipe.stream, {buffer.data(), count});
                break;
            case os::Transfer::kWouldBlock:
                return;
            case os::Transfer::kEnded:
                log_.finish(pipe.stream);
                pipe.read_end.close();
                return;
        }
    }
}

void Shim::accept_connections() {
    while (connections_.size() < kShimConnectionsMax) {
        auto socket = os::accept_unix(listener_.get());
        if (!socket) {
            return;
        }
        connections_.push_back({std::move(*socket), "", to_json(current_status()) + "\n"});
    }
}

void Shim::read_connection(Connection& connection) {
    std::array<char, 4096> buffer;
    while (connection.socket) {
        size_t count = 0;
        const os::Transfer transfer = os::read_some(connection.socket.get(), buffer, count);
        if (transfer == os::Transfer::kWouldBlock) {
            return;
        }
        connection.incoming.append(buffer.data(), count);
        if (transfer == os::Transfer::kEnded || connection.incoming.size() > kShimLineMax) {
            connection.socket.close();
            return;
        }
        size_t end = 0;
        while ((end = connection.incoming.find('\n')) != std::string::npos) {
            const auto request = parse_shim_request(connection.incoming.substr(0, end));
            connection.incoming.erase(0, end + 1);
            if (!request) {
                connection.socket.close();  // Not a daemon of ours.
                return;
            }
            obey(*request);
            if (request->verb == ShimVerb::kStatus) {
                connection.outgoing += to_json(current_status()) + "\n";
            }
        }
    }
}

void Shim::obey(const ShimRequest& request) {
    const bool alive = status_.phase == ShimPhase::kRunning;
    switch (request.verb) {
        case ShimVerb::kStatus:
            break;
        case ShimVerb::kStop:
            begin_stop(request.signal, request.grace);
            break;
        case ShimVerb::kKill:
            begin_stop(SIGKILL, Duration::zero());
            break;
        case ShimVerb::kSignal:
            if (alive && !app_ended_) {
                (void)app_.send_signal(request.signal);
            }
            break;
        case ShimVerb::kLeave:
            leave_ = leave_ || !alive;
            break;
    }
}

void Shim::flush(Connection& connection) {
    while (connection.socket && !connection.outgoing.empty()) {
        size_t count = 0;
        const auto sent = os::send_some(connection.socket.get(), connection.outgoing, count);
        connection.outgoing.erase(0, count);
        if (sent == os::Transfer::kWouldBlock && connection.outgoing.size() <= kOutgoingMax) {
            return;
        }
        if (sent != os::Transfer::kSome) {
            connection.socket.close();
        }
    }
}

void Shim::begin_stop(int signal, Duration grace) {
    if (status_.phase != ShimPhase::kRunning) {
        leave_ = leave_ || leave_when_ended_;
        return;
    }
    const SteadyTime by = clock_.steady_now() + grace;
    kill_at_ = kill_at_ ? std::min(*kill_at_, by) : by;
    if (!app_ended_ && signal != SIGKILL) {
        (void)app_.send_signal(signal);
        (void)app_.send_signal(SIGCONT);  // A stopped process would not see the signal.
    }
}

void Shim::kill_everything() {
    if (!app_ended_) {
        (void)app_.send_signal(SIGKILL);
    }
    (void)os::signal_group(status_.pid, SIGKILL);
    for (const pid_t pid : app_processes()) {
        os::signal_child(pid, SIGKILL);
    }
    os::cgroup_kill(spec_.cgroups);
}

/// The app's main process has ended: waits for the rest of what it started and of what it wrote,
/// then tells.
void Shim::advance_end() {
    if (!app_ended_ || status_.phase != ShimPhase::kRunning) {
        return;
    }
    const SteadyTime now = clock_.steady_now();
    if (app_left_processes()) {
        if (!kill_at_) {
            kill_at_ = now + kKillAgain;
        }
        return;
    }
    kill_at_.reset();
    for (Pipe& pipe : pipes_) {
        read_pipe(pipe);
    }
    std::erase_if(pipes_, [](const Pipe& pipe) { return !pipe.read_end; });
    if (!pipes_.empty()) {
        if (!drained_by_) {
            drained_by_ = now + kDrainTime;
        }
        if (now < *drained_by_) {
            return;
        }
        for (const Pipe& pipe : pipes_) {
            log_.finish(pipe.stream);
        }
        pipes_.clear();
    }
    drained_by_.reset();
    status_.phase = ShimPhase::kExited;
    publish();
    leave_ = leave_ || leave_when_ended_;
}

void Shim::on_time() {
    const SteadyTime now = clock_.steady_now();
    if (kill_at_ && now >= *kill_at_) {
        kill_at_ = now + kKillAgain;
        kill_everything();
    }
    advance_end();
    if (log_.losing()) {
        tick_at_ = std::min<SteadyTime>(tick_at_, now + kTickWhileLosing);
    }
    if (now >= tick_at_) {
        tick_at_ = now + kTick;
        log_.tick();
        if (log_.lost_lines() != lost_told_) {
            lost_told_ = log_.lost_lines();
            publish();
        }
    }
}

ShimStatus Shim::current_status() const {
    ShimStatus status = status_;
    status.lost_lines = log_.lost_lines();
    status.lost_why = log_.lost_why();
    status.tail.assign(log_.tail().begin(), log_.tail().end());
    return status;
}

void Shim::publish() {
    const std::string line = to_json(current_status()) + "\n";
    // The disk may be full; the socket still tells.
    (void)os::write_file_atomically("status.json", line, 0600, os::Durability::kVisible);
    for (Connection& connection : connections_) {
        connection.outgoing += line;
        flush(connection);
    }
}

int refuse(const std::string& directory, std::string_view why) {
    std::fprintf(stderr, "shore shim: %s: %.*s\n", directory.c_str(), static_cast<int>(why.size()),
                 why.data());
    return 1;
}

}  // namespace

int run_shim(const std::string& directory) {
    os::ignore_broken_pipe();
    ::signal(SIGXFSZ, SIG_IGN);
    if (::chdir(directory.c_str()) < 0) {
        return refuse(directory, os::last_error("enter").text());
    }
    auto text = os::read_file("spec.json", Bytes{kRecordBytesMax});
    if (!text) {
        return refuse(directory, text.error().text());
    }
    auto spec = parse_launch_spec(*text);
    if (!spec) {
        return refuse(directory, spec.error().text());
    }
    constexpr int kSignals[] = {SIGCHLD, SIGTERM};
    auto signals = os::SignalSet::open(kSignals);
    if (!signals) {
        return refuse(directory, signals.error().text());
    }
    if (const auto reaper = os::become_reaper(); !reaper) {
        return refuse(directory, reaper.error().text());
    }
    if (const auto claimed = os::claim_listener(kShimListenDescriptor); !claimed) {
        return refuse(directory, claimed.error().text());
    }
    Shim shim(std::move(*spec), std::move(*signals));
    return shim.run();
}

}  // namespace shore::supervise
