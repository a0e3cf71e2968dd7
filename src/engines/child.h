// Child: the real server as the agent's child process, in the agent's session, so that the shim
// ends it too. Its output is the agent's own: the instance's log.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "async/task.h"
#include "os/process.h"

namespace shore::engines {

using Variables = std::map<std::string, std::string>;

/// Lives on its loop.
class Child final {
 public:
    /// `variables` is the agent's environment, which every child gets.
    Child(async::Loop& loop, Variables variables);
    ~Child();

    /// Starts `argv` in `directory`, with `more` in its environment. The kernel sends it
    /// `death_signal` when the agent dies. kNotFound when the program is missing.
    Result<void> start(std::vector<std::string> argv, std::string directory, int death_signal,
                       const Variables& more = {});
    bool running() const { return running_; }
    pid_t pid() const { return process_.pid(); }
    /// kNotFound when it has ended.
    Result<void> signal(int number) const;
    /// Completes when it has ended (at once when it does not run), and says how.
    async::Task<os::ExitStatus> ended();
    /// Sends `signal`, once more every `again` (0: once), and SIGKILL after `grace`; completes when
    /// it has ended.
    async::Task<void> stop(int signal, std::chrono::milliseconds grace,
                           std::chrono::milliseconds again = {});

 private:
    async::Task<void> wait();

    async::Loop& loop_;
    Variables variables_;
    os::Process process_;
    os::ExitStatus status_;
    bool running_ = false;
    async::Event ended_;
    async::Scope scope_;
};

/// A helper program run to its end (initdb, pg_basebackup), within `limit`; what it wrote. An error
/// says how it ended and the end of what it wrote.
async::Task<Result<std::string>> run_to_end(async::Loop& loop, const Variables& variables,
                                            std::vector<std::string> argv, std::string directory,
                                            std::chrono::milliseconds limit);

/// Absolute path of a program of a Debian package: looked for in `directories`, then in PATH.
/// kNotFound: "pgbouncer is not installed: apt-get install pgbouncer".
Result<std::string> find_program(const Variables& variables, std::string_view name,
                                 const std::vector<std::string>& directories,
                                 std::string_view package);

}  // namespace shore::engines
