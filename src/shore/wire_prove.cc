#include "shore/wire_prove.h"

#include <charconv>
#include <cstdio>
#include <filesystem>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "async/block_on.h"
#include "os/directory.h"
#include "os/file.h"
#include "os/process.h"
#include "os/process_stats.h"
#include "os/signal.h"
#include "prove/prove.h"
#include "prove/sample_app.h"
#include "shore/proof_network.h"

namespace shore {

namespace {

/// How much of the daemon's log a failure shows.
constexpr size_t kLogTail = 4000;
constexpr std::chrono::seconds kGoneWithin{5};

/// A temporary directory and the processes of the Shore that lives in it.
class TemporaryMachine final : public prove::Machine {
 public:
    TemporaryMachine(os::TemporaryDirectory directory, std::string program,
                     const std::map<std::string, std::string>& variables,
                     const ProofNetwork& network)
        : directory_(std::move(directory)), program_(std::move(program)), network_(network) {
        for (const auto& [name, value] : variables) {
            if (!name.starts_with("SHORE_")) {
                environment_.push_back(fmt::format("{}={}", name, value));
            }
        }
    }
    ~TemporaryMachine() override { end_everything(); }

    const std::string& directory() const override { return directory_.path(); }
    const std::string& executable() const override { return program_; }

    Result<void> write_file(std::string_view name, std::string_view text) override {
        return os::write_file_atomically(directory_.file(name), text);
    }

    Result<std::string> read_file(std::string_view name) const override {
        return os::read_file(directory_.file(name), Bytes::mib(16));
    }

    Result<int> start_daemon() override {
        SHORE_TRY(daemon_, os::Process::spawn(
                               {.argv = {program_, "daemon", "--state", directory_.file("state")},
                                .environment = environment_,
                                .working_directory = directory_.path(),
                                .new_session = true}));
        return daemon_.pid();
    }

    Result<void> kill_with_parent(int pid) override {
        SHORE_TRY(const os::ProcessStats stats, os::process_stats(pid));
        SHORE_TRY(const os::Process parent, os::Process::open(stats.parent));
        // Both are at hand before the first is lost: the other may follow it by itself.
        SHORE_TRY(const os::Process process, os::Process::open(pid));
        SHORE_CHECK(parent.send_signal(SIGKILL));
        (void)process.send_signal(SIGKILL);
        return wait_until_gone(process, pid);
    }

    Result<void> kill(int pid) override {
        SHORE_TRY(const os::Process process, os::Process::open(pid));
        SHORE_CHECK(process.send_signal(SIGKILL));
        if (daemon_ && pid == daemon_.pid()) {
            SHORE_CHECK(daemon_.wait_blocking());
            daemon_ = {};
            return {};
        }
        return wait_until_gone(process, pid);
    }

    Result<std::string> cut_off(int pid, uint16_t port) override {
        const auto cut = network_.cut_off(port);
        if (cut) {
            return std::string("its TCP port was unreachable (network namespace)");
        }
        SHORE_CHECK(send(pid, SIGSTOP));
        paused_ = pid;
        return fmt::format("its process was paused ({})", cut.error().text());
    }
    Result<void> heal(int pid, uint16_t port) override {
        return std::exchange(paused_, 0) == pid ? send(pid, SIGCONT) : network_.heal(port);
    }

    std::string daemon_log() const override {
        auto text = os::read_file(directory_.file("state/logs/_shore/daemon.log"), Bytes::mib(16));
        if (!text) {
            return {};
        }
        return text->size() <= kLogTail ? *text : text->substr(text->size() - kLogTail);
    }

 private:
    static Result<void> wait_until_gone(const os::Process& process, int pid) {
        if (!process.wait_ended_blocking(kGoneWithin)) {
            return fail(ErrorCode::kTimeout, "process {} lives on after SIGKILL", pid);
        }
        return {};
    }
    static Result<void> send(int pid, int signal) {
        SHORE_TRY(const os::Process process, os::Process::open(pid));
        return process.send_signal(signal);
    }

    /// Part of this machine: it works in the directory, or was told of it.
    bool is_ours(pid_t pid) const {
        std::error_code error;
        const auto place =
            std::filesystem::read_symlink(fmt::format("/proc/{}/cwd", pid), error).native();
        const auto command =
            os::read_file(fmt::format("/proc/{}/cmdline", pid), Bytes::mib(4)).value_or("");
        return pid != getpid() &&
               (place.starts_with(directory_.path()) || command.contains(directory_.path()));
    }

    void end_everything() {
        const auto all = os::all_processes().value_or(std::vector<os::ProcessStats>());
        for (const os::ProcessStats& one : all) {
            if (is_ours(one.pid)) {
                ::kill(one.pid, SIGKILL);
            }
        }
        if (daemon_) {
            [[maybe_unused]] const auto collected = daemon_.wait_blocking();
        }
    }

    os::TemporaryDirectory directory_;
    std::string program_;
    const ProofNetwork& network_;
    int paused_ = 0;
    std::vector<std::string> environment_;
    os::Process daemon_;
};

int complain(const Error& error) {
    std::fprintf(stderr, "shore prove: %s\n", error.text().c_str());
    return 2;
}

int run_app(async::Loop& loop, const std::map<std::string, std::string>& variables) {
    const auto find = [&variables](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? std::string() : found->second;
    };
    const std::string text = find("PORT");
    uint16_t port = 0;
    std::from_chars(text.data(), text.data() + text.size(), port);
    const auto ended = async::block_on(
        loop, prove::run_sample_app(loop, {.port = port, .version = find("VERSION")}));
    return ended ? 0 : complain(ended.error());
}

}  // namespace

int run_prove_role(std::span<const std::string> arguments,
                   const std::map<std::string, std::string>& variables,
                   const std::string& program) {
    os::ignore_broken_pipe();
    // A thousand clients at once are a thousand descriptors.
    rlimit descriptors{};
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &descriptors);
    const base::SystemClock clock;
    const bool is_app = arguments.size() == 1 && arguments.front() == "--app";
    const auto options = is_app ? prove::ProveOptions() : prove::parse_prove_arguments(arguments);
    if (!options) {
        return complain(options.error());
    }
    const auto network = is_app || options->list ? Result<ProofNetwork>(ProofNetwork())
                                                 : ProofNetwork::enter(variables);
    if (!network) {
        return complain(network.error());
    }
    auto loop = async::Loop::open(clock);
    if (!loop) {
        return complain(loop.error());
    }
    if (is_app) {
        return run_app(**loop, variables);
    }
    const auto new_machine = [&]() -> Result<std::unique_ptr<prove::Machine>> {
        SHORE_TRY(auto directory, os::TemporaryDirectory::create());
        // Started by root, engines run as other users: they pass through to what is theirs.
        if (::chmod(directory.path().c_str(), ::geteuid() == 0 ? 0711 : 0700) < 0) {
            return fail(os::last_error("give way through " + directory.path()));
        }
        return std::make_unique<TemporaryMachine>(std::move(directory), program, variables,
                                                  *network);
    };
    return prove::run_prove(**loop, *options, new_machine, [](std::string_view text) {
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
    });
}

}  // namespace shore
