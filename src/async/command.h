// CommandRunner: short-lived children of this process, with what they write: health commands,
// hooks, `shore exec`, an engine's helper programs. The process group of a command is killed when
// the task that runs it ends or is cancelled, and its first process by the kernel when the daemon
// dies.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/result.h"
#include "os/process.h"

namespace shore::async {

class Loop;

enum class OutputStream : uint8_t { kStdout = 1, kStderr = 2 };

/// Takes what a command writes, as it comes. Called on the loop's thread.
using CommandOutput = std::function<void(OutputStream, std::string_view)>;

class CommandRunner final {
 public:
    explicit CommandRunner(Loop& loop) : loop_(loop) {}
    CommandRunner(const CommandRunner&) = delete;
    CommandRunner& operator=(const CommandRunner&) = delete;

    /// Runs `options` to its end with empty input. Every process of its group is gone or dying when
    /// the task has completed or was destroyed. Fails when it cannot be started. The runner
    /// outlives the task.
    Task<Result<os::ExitStatus>> run(os::SpawnOptions options, CommandOutput output);

 private:
    class Child;
    void collect_dying();

    Loop& loop_;
    std::vector<os::Process> dying_;  // Killed, not collected yet.
};

}  // namespace shore::async
