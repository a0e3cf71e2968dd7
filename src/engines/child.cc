#include "engines/child.h"

#include <algorithm>
#include <csignal>

#include "async/command.h"
#include "async/deadline.h"
#include "async/process_watch.h"
#include "base/strings.h"
#include "engines/limits.h"
#include "os/file.h"

namespace shore::engines {

using async::Deadline;
using async::Task;

namespace {

os::SpawnOptions spawn_options(std::vector<std::string> argv, std::string directory,
                               const Variables& variables, const Variables& more) {
    os::SpawnOptions options;
    options.argv = std::move(argv);
    options.working_directory = std::move(directory);
    Variables all = more;
    all.insert(variables.begin(), variables.end());
    for (const auto& [name, value] : all) {
        options.environment.push_back(fmt::format("{}={}", name, value));
    }
    return options;
}

}  // namespace

Child::Child(async::Loop& loop, Variables variables)
    : loop_(loop), variables_(std::move(variables)), ended_(loop), scope_(loop) {
}

Child::~Child() = default;

Result<void> Child::start(std::vector<std::string> argv, std::string directory, int death_signal,
                          const Variables& more) {
    SHORE_ASSERT(!running_);
    os::SpawnOptions options =
        spawn_options(std::move(argv), std::move(directory), variables_, more);
    options.standard_output = os::SpawnOptions::kInherit;
    options.standard_error = os::SpawnOptions::kInherit;
    options.parent_death_signal = death_signal;
    SHORE_TRY(process_, os::Process::spawn(options));
    running_ = true;
    ended_.reset();
    scope_.spawn(wait());
    return {};
}

Task<void> Child::wait() {
    const auto status = co_await async::wait_for_exit(loop_, process_);
    status_ = status.value_or(os::ExitStatus{.code = 127});
    running_ = false;
    ended_.set();
}

Result<void> Child::signal(int number) const {
    return process_.send_signal(number);
}

Task<os::ExitStatus> Child::ended() {
    if (running_) {
        co_await ended_.wait();
    }
    co_return status_;
}

Task<void> Child::stop(int signal, std::chrono::milliseconds grace,
                       std::chrono::milliseconds again) {
    const SteadyTime last = loop_.now() + grace;
    while (running_ && loop_.now() < last) {
        // One that has ended in between is what was wanted.
        (void)process_.send_signal(signal);
        const SteadyTime next = again.count() == 0 ? last : loop_.now() + again;
        (void)co_await async::pulsed(loop_, ended_, Deadline{std::min(next, last)});
    }
    if (running_) {
        (void)process_.send_signal(SIGKILL);
        co_await ended_.wait();
    }
}

Task<Result<std::string>> run_to_end(async::Loop& loop, const Variables& variables,
                                     std::vector<std::string> argv, std::string directory,
                                     std::chrono::milliseconds limit) {
    const std::string program = argv.front();
    std::string output;
    const async::CommandOutput keep = [&output](async::OutputStream, std::string_view bytes) {
        output += bytes;
        if (output.size() > kHelperOutputKept) {
            output.erase(0, output.size() - kHelperOutputKept);
        }
    };
    async::CommandRunner runner(loop);
    auto end = co_await async::with_deadline(
        loop, Deadline::in(loop, limit), program,
        runner.run(spawn_options(std::move(argv), std::move(directory), variables, {}), keep));
    if (!end) {
        co_return fail(std::move(end).error());
    }
    if (!end->success()) {
        co_return fail(ErrorCode::kUnavailable, "{} failed ({}): {}", program, os::to_text(*end),
                       base::trim(output));
    }
    co_return output;
}

Result<std::string> find_program(const Variables& variables, std::string_view name,
                                 const std::vector<std::string>& directories,
                                 std::string_view package) {
    std::vector<std::string> candidates;
    for (const std::string& directory : directories) {
        candidates.push_back(fmt::format("{}/{}", directory, name));
    }
    if (const auto path = variables.find("PATH"); path != variables.end()) {
        std::ranges::copy(os::executable_candidates(name, path->second),
                          std::back_inserter(candidates));
    }
    const auto found = std::ranges::find_if(candidates, os::is_executable);
    if (found == candidates.end()) {
        return fail(ErrorCode::kNotFound, "{} is not installed: apt-get install {}", name, package);
    }
    return *found;
}

}  // namespace shore::engines
