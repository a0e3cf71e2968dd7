// What the command line needs from the program around it: shore/ gives it, tests script it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shore::cli {

/// What `shore config` and the choice of a stack ask of the manifest in a directory.
struct ManifestQuery {
    std::vector<std::string> files;  ///< -f, in order; empty: the default names.
    std::string environment;         ///< --env.
    std::vector<std::string> profiles;
    std::string project_name;  ///< -p.
    std::vector<std::string> env_files;
};

struct ManifestText {
    std::string stack;  ///< stack_id(): "shop@testing".
    std::string yaml;   ///< Normalised, content of secrets hidden.
    std::string json;   ///< The same as indented JSON with its newline.
    std::vector<std::string> services;
    std::string
        notes;  ///< One "file:line:column: path: message" a line, each line ended; may be empty.
};

/// The manifest as config reads it, without the daemon.
class Manifests {
 public:
    virtual ~Manifests() = default;
    /// kNotFound: no file was named and the directory has none; otherwise the error's message lists
    /// every problem, one a line.
    virtual Result<ManifestText> read(const ManifestQuery& query) = 0;
};

/// The daemon's process, as far as a command line may start it.
class DaemonStarter {
 public:
    virtual ~DaemonStarter() = default;
    /// Starts the daemon for the state directory in the background, whether or not one runs (a
    /// second one ends itself). Returns at once; the caller asks /readyz. An error says why it
    /// cannot be started, and where its log is.
    virtual Result<void> start() = 0;
    /// Where the daemon writes its log: for messages.
    virtual std::string log_path() const = 0;
};

/// A client of an engine, to be run for a person.
struct EngineShell {
    std::string stack;
    std::string engine;
    bool is_redis = false;
    std::string database;  ///< PostgreSQL.
    uint16_t port = 0;     ///< On 127.0.0.1.
    std::vector<std::string> arguments;
};

/// The engines' own clients: psql, redis-cli.
class EngineShells {
 public:
    virtual ~EngineShells() = default;
    /// Becomes the client, as the engine's administrator; returns only when that fails: kNotFound
    /// names the package that is missing, kPermission who may.
    virtual Result<int> run(const EngineShell& shell) = 0;
};

/// Where output goes. The two streams are told apart because each may be a terminal or not.
class Terminal {
 public:
    virtual ~Terminal() = default;
    /// Writes all of it. False: nobody reads any more (EPIPE); the verb should end.
    virtual bool write_stdout(std::string_view text) = 0;
    virtual void write_stderr(std::string_view text) = 0;
    virtual bool stdout_is_terminal() const = 0;
    virtual bool stderr_is_terminal() const = 0;
    virtual bool stdin_is_terminal() const = 0;
    struct Size {
        uint16_t rows = 24;
        uint16_t columns = 80;
    };
    virtual Size size() const = 0;
};

struct Surroundings {
    std::string version;
    std::string state_directory;  ///< Default, after SHORE_STATE; --state replaces it.
    std::string directory;        ///< The current one; absolute.
    std::map<std::string, std::string> variables;  ///< The process's environment.
};

}  // namespace shore::cli
