#include "shore/daemon_start.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/strings.h"
#include "os/file.h"
#include "os/process.h"

namespace shore {

namespace {

constexpr std::string_view kReady = "ready\n";
constexpr int kStartMillisecondsMax = 30'000;

struct Pipe {
    os::Fd read;
    os::Fd write;
};

Result<Pipe> open_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        return fail(os::last_error("start the daemon: pipe"));
    }
    return Pipe{os::Fd(ends[0]), os::Fd(ends[1])};
}

/// Everything the daemon writes to the pipe until it closes it.
Result<std::string> read_answer_blocking(int descriptor) {
    std::string answer;
    while (true) {
        pollfd wait{.fd = descriptor, .events = POLLIN, .revents = 0};
        if (poll(&wait, 1, kStartMillisecondsMax) == 0) {
            return fail(ErrorCode::kTimeout, "the daemon did not become ready within {} s",
                        kStartMillisecondsMax / 1000);
        }
        char buffer[4096];
        const ssize_t got = read(descriptor, buffer, sizeof buffer);
        if (got <= 0) {
            return answer;
        }
        answer.append(buffer, static_cast<size_t>(got));
    }
}

}  // namespace

Result<void> start_daemon_blocking(const StatePaths& paths, const std::string& program,
                                   const std::map<std::string, std::string>& variables) {
    SHORE_CHECK(create_directories(paths));
    const std::string log_path = paths.daemon_log().native();
    os::Fd log(open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!log) {
        return fail(os::last_error("start the daemon: open " + log_path));
    }
    SHORE_TRY(Pipe pipe, open_pipe());

    os::SpawnOptions options;
    options.argv = {program,
                    "daemon",
                    "--state",
                    paths.root().native(),
                    "--ready-fd",
                    std::to_string(kReadyDescriptor),
                    "--leave-when-empty"};
    options.executable = program;
    for (const auto& [name, value] : variables) {
        options.environment.push_back(fmt::format("{}={}", name, value));
    }
    options.working_directory = "/";
    options.standard_output = log.get();
    options.standard_error = log.get();
    options.descriptors = {{.source = pipe.write.get(), .target = kReadyDescriptor}};
    options.new_session = true;
    auto daemon = os::Process::spawn(options);
    if (!daemon) {
        return fail(std::move(daemon).error().with("start the daemon"));
    }
    pipe.write.close();

    auto answer = read_answer_blocking(pipe.read.get());
    if (!answer) {
        return fail(std::move(answer).error().with("see " + log_path));
    }
    if (answer->ends_with(kReady)) {
        return {};
    }
    const std::string words(base::trim(*answer));
    return fail(ErrorCode::kUnavailable, "the daemon could not start: {} (its log: {})",
                words.empty() ? "it ended without a word" : words, log_path);
}

void tell_starter(int descriptor, const Result<void>& outcome) {
    if (descriptor < 0) {
        return;
    }
    const os::Fd pipe(descriptor);
    const std::string words = outcome ? std::string(kReady) : outcome.error().text() + "\n";
    // The starter may have gone; then nobody wants to know.
    [[maybe_unused]] const auto written = os::write_all_blocking(pipe.get(), words);
}

}  // namespace shore
