// StatePaths: where everything of one state directory lives. One daemon serves one state directory.
// The layout is documented in docs/internals/file-formats.md and readable without Shore.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"

namespace shore {

class StatePaths final {
 public:
    explicit StatePaths(std::filesystem::path root) : root_(std::move(root)) {}

    const std::filesystem::path& root() const { return root_; }
    std::filesystem::path database() const { return root_ / "state.db"; }
    std::filesystem::path run() const { return root_ / "run"; }
    std::filesystem::path api_socket() const { return run() / "api.sock"; }
    std::filesystem::path gateway_socket() const { return run() / "gateway.sock"; }
    std::filesystem::path snapshot() const { return run() / "snapshot.json"; }
    /// Held locked by the daemon for as long as it lives.
    std::filesystem::path lock() const { return run() / "daemon.lock"; }
    std::filesystem::path logs() const { return root_ / "logs"; }
    /// The private authority and the certificate that it signed.
    std::filesystem::path tls() const { return root_ / "tls"; }
    std::filesystem::path volumes() const { return root_ / "volumes"; }
    /// Logs of Shore's own processes.
    std::filesystem::path own_logs() const { return logs() / "_shore"; }
    std::filesystem::path daemon_log() const { return own_logs() / "daemon.log"; }

 private:
    std::filesystem::path root_;
};

/// The state directory for a caller: `flag` (--state) when given, else SHORE_STATE, else
/// /var/lib/shore for root, else $XDG_STATE_HOME/shore, else ~/.local/state/shore. Made absolute
/// against `working_directory`. kInvalid when none of these is known, or when the sockets' paths
/// would be too long for the kernel.
Result<StatePaths> find_state(std::string_view flag,
                              const std::map<std::string, std::string>& variables, bool is_root,
                              const std::filesystem::path& working_directory);

/// Creates the directories that the daemon needs, closed to other users (mode 0700).
Result<void> create_directories(const StatePaths& paths);

}  // namespace shore
