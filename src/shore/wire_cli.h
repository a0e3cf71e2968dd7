// What the command line needs of the program around it: the terminal, manifests read without the
// daemon, and the start of the daemon. One thread; everything may block, because nothing else runs
// in the CLI's process while it does.
#pragma once

#include <map>
#include <string>

#include "cli/ports.h"
#include "shore/state_paths.h"

namespace shore {

/// cli::Terminal on the process's stdout and stderr.
class ProcessTerminal final : public cli::Terminal {
 public:
    bool write_stdout(std::string_view text) override;
    void write_stderr(std::string_view text) override;
    bool stdout_is_terminal() const override;
    bool stderr_is_terminal() const override;
    bool stdin_is_terminal() const override;
    Size size() const override;
};

/// cli::Manifests by config.
class ManifestReader final : public cli::Manifests {
 public:
    ManifestReader(std::string directory, std::map<std::string, std::string> variables)
        : directory_(std::move(directory)), variables_(std::move(variables)) {}
    Result<cli::ManifestText> read(const cli::ManifestQuery& query) override;

 private:
    std::string directory_;
    std::map<std::string, std::string> variables_;
};

/// cli::DaemonStarter: the same program in its daemon role.
class BackgroundDaemon final : public cli::DaemonStarter {
 public:
    BackgroundDaemon(StatePaths paths, std::string program,
                     std::map<std::string, std::string> variables)
        : paths_(std::move(paths)),
          program_(std::move(program)),
          variables_(std::move(variables)) {}
    Result<void> start() override;
    std::string log_path() const override { return paths_.daemon_log().native(); }

 private:
    StatePaths paths_;
    std::string program_;
    std::map<std::string, std::string> variables_;
};

/// cli::EngineShells by the engines' records, which only the state directory's owner can read.
class AdminShells final : public cli::EngineShells {
 public:
    AdminShells(StatePaths paths, std::map<std::string, std::string> variables)
        : paths_(std::move(paths)), variables_(std::move(variables)) {}
    Result<int> run(const cli::EngineShell& shell) override;

 private:
    StatePaths paths_;
    std::map<std::string, std::string> variables_;
};

}  // namespace shore
