// The daemon's main function: arguments, signals, the lock on the state directory, the loop.
#include <array>
#include <charconv>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <malloc.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "async/block_on.h"
#include "net/address.h"
#include "net/dial.h"
#include "observe/log.h"
#include "os/signal.h"
#include "shore/arguments.h"
#include "shore/daemon.h"
#include "shore/daemon_start.h"
#include "shore/roles.h"

namespace shore {

namespace {

constexpr std::array<std::string_view, 2> kWithValue = {"--state", "--ready-fd"};
constexpr std::array<std::string_view, 1> kFlags = {"--leave-when-empty"};
constexpr auto kLockPatience = std::chrono::seconds(5);
constexpr auto kLockPause = std::chrono::milliseconds(20);

/// serve()'s word that the process goes on as the program on disk.
constexpr int kBeginAnew = -1;

struct Settings {
    StatePaths paths;
    int ready_descriptor = -1;
    bool leave_when_empty = false;
};

Result<Settings> read_settings(const Invocation& invocation) {
    SHORE_TRY(const RoleArguments arguments,
              parse_role_arguments(invocation.arguments, kWithValue, kFlags));
    if (!arguments.positional.empty()) {
        return fail(ErrorCode::kInvalid, "unexpected argument {}", arguments.positional.front());
    }
    SHORE_TRY(StatePaths paths, find_state(arguments.value("--state"), invocation.variables,
                                           invocation.is_root, invocation.directory));
    Settings settings{.paths = std::move(paths),
                      .ready_descriptor = -1,
                      .leave_when_empty = arguments.has("--leave-when-empty")};
    const std::string descriptor = arguments.value("--ready-fd");
    if (!descriptor.empty()) {
        std::from_chars(descriptor.data(), descriptor.data() + descriptor.size(),
                        settings.ready_descriptor);
        // Instances must not inherit it: the starter waits for its end.
        if (fcntl(settings.ready_descriptor, F_SETFD, FD_CLOEXEC) < 0) {
            return fail(os::last_error("--ready-fd " + descriptor));
        }
    }
    return settings;
}

/// True when a daemon answers on the control socket.
async::Task<bool> answers(async::Loop& loop, std::string socket) {
    auto address = net::Address::unix_path(socket);
    if (!address) {
        co_return false;
    }
    const auto stream = co_await net::dial(loop, std::move(*address),
                                           async::Deadline::in(loop, std::chrono::seconds(1)));
    co_return stream.has_value();
}

/// The lock on the state directory. Nothing when another daemon serves it; one that is just ending
/// is waited for.
async::Task<Result<std::optional<os::FileLock>>> take_lock(async::Loop& loop,
                                                           const StatePaths& paths) {
    const SteadyTime until = loop.now() + kLockPatience;
    while (true) {
        SHORE_CO_TRY(auto lock, os::FileLock::try_lock(paths.lock().native()));
        if (lock || loop.now() > until || co_await answers(loop, paths.api_socket().native())) {
            co_return std::move(lock);
        }
        co_await async::sleep_for(loop, kLockPause);
    }
}

/// systemd's Type=notify (sd_notify(3)): one datagram to the socket it names.
void tell_systemd(const std::map<std::string, std::string>& variables) {
    const auto found = variables.find("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (found == variables.end() || found->second.empty() ||
        found->second.size() >= sizeof address.sun_path) {
        return;
    }
    found->second.copy(address.sun_path, found->second.size());
    if (address.sun_path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    const os::Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    constexpr std::string_view kReady = "READY=1";
    const auto size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + found->second.size());
    // Without systemd at the other end nobody misses the message.
    [[maybe_unused]] const ssize_t sent =
        sendto(socket.get(), kReady.data(), kReady.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), size);
}

async::Task<int> serve(const Invocation& invocation, const Settings& settings,
                       const base::Clock& clock, async::Loop& loop, os::SignalSet signals,
                       observe::Log log) {
    int ready_descriptor = settings.ready_descriptor;
    auto lock = co_await take_lock(loop, settings.paths);
    if (!lock) {
        log.error("cannot lock the state directory", lock.error());
        tell_starter(ready_descriptor, fail(std::move(lock).error()));
        co_return 1;
    }
    if (!*lock) {
        log.info("another daemon serves this state directory",
                 {{"state", settings.paths.root().native()}});
        tell_starter(ready_descriptor, {});
        co_return ready_descriptor >= 0 ? 0 : 1;
    }
    Daemon daemon(clock, loop, std::move(signals),
                  {.paths = settings.paths,
                   .program = invocation.program,
                   .variables = invocation.variables,
                   .leave_when_empty = settings.leave_when_empty});
    Result<void> started = co_await daemon.start();
    if (started) {
        log.info("ready", {{"state", settings.paths.root().native()}, {"pid", getpid()}});
        tell_systemd(invocation.variables);
    } else {
        log.error("cannot start", started.error());
    }
    tell_starter(ready_descriptor, started);
    if (started) {
        co_await daemon.wait_for_end();
        log.info(daemon.begins_anew() ? "beginning anew" : "stopping");
    }
    co_await daemon.stop();
    if (daemon.begins_anew()) {
        co_return kBeginAnew;
    }
    co_return started ? 0 : 1;
}

/// Goes on as the program that is on disk now. Returns only when that fails.
int begin_anew(const Invocation& invocation, const Settings& settings, const observe::Log& log) {
    std::vector<std::string> words = {invocation.program, "daemon", "--state",
                                      settings.paths.root().native()};
    if (settings.leave_when_empty) {
        words.emplace_back("--leave-when-empty");
    }
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    execv(invocation.program.c_str(), argv.data());
    log.error("cannot begin anew", os::last_error("exec " + invocation.program));
    return 1;
}

}  // namespace

int run_daemon_role(const Invocation& invocation) {
    const base::SystemClock clock;
    observe::FdLogSink sink(STDERR_FILENO);
    const observe::Log log(sink, clock);
    const auto refuse = [&](const Error& error) {
        log.error("cannot start", error);
        return error.code() == ErrorCode::kInvalid ? 2 : 1;
    };
    // One arena: the daemon is one busy thread and two idle ones, and arenas are resident memory.
    mallopt(M_ARENA_MAX, 1);
    os::ignore_broken_pipe();
    const std::array<int, 3> numbers = {SIGTERM, SIGINT, SIGHUP};
    auto signals = os::SignalSet::open(numbers);
    if (!signals) {
        return refuse(signals.error());
    }
    const auto settings = read_settings(invocation);
    if (!settings) {
        return refuse(settings.error());
    }
    if (const auto created = create_directories(settings->paths); !created) {
        tell_starter(settings->ready_descriptor, created);
        return refuse(created.error());
    }
    auto loop = async::Loop::open(clock);
    if (!loop) {
        return refuse(loop.error());
    }
    const int status = async::block_on(
        **loop, serve(invocation, *settings, clock, **loop, std::move(*signals), log));
    return status == kBeginAnew ? begin_anew(invocation, *settings, log) : status;
}

}  // namespace shore
