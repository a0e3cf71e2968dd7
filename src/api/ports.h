// The calls that the API translates requests to. shore/ implements them with release, supervise,
// gateway and store; tests implement them with a scripted fake.
//
// Everything here runs on the control plane's loop. Arguments are by value because the calls are
// coroutines. Errors are answered to the client as problems, with the status that belongs to their
// code.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/engines_port.h"
#include "async/task.h"
#include "base/clock.h"
#include "base/result.h"
#include "config/diff.h"
#include "config/finding.h"
#include "config/load.h"
#include "model/instance.h"
#include "model/release.h"
#include "wire/json.h"

namespace shore::store {
class EventLog;
}  // namespace shore::store

namespace shore::api {

struct ServiceStatus {
    std::string name;
    uint32_t desired =
        0;  ///< Replicas that should be ready; 0 for a stopped service and for static files.
    uint32_t ready = 0;             ///< Instances that can serve (a completed one-shot counts).
    bool stopped = false;           ///< On request.
    bool is_static = false;         ///< Files served by the gateway; no instances.
    bool one_shot = false;          ///< Runs to completion.
    std::vector<std::string> urls;  ///< Where the gateway publishes it; may be empty.
    std::vector<model::Instance> instances;  ///< By slot, then by age.
    friend bool operator==(const ServiceStatus&, const ServiceStatus&) = default;
};

/// What a stack's rollout is doing. Sent by name: "settled", "rolling", …
enum class Phase : uint8_t {
    kSettled = 1,     ///< Nothing is under way.
    kRolling = 2,     ///< Starting, replacing, stopping.
    kSucceeded = 3,   ///< The release has become active.
    kRolledBack = 4,  ///< It failed and the one before serves again.
    kFailed = 5,      ///< It failed and there was nothing to go back to, or it is paused.
    kSuperseded = 6,  ///< A newer deploy has taken over.
};
std::string_view to_string(Phase phase);

struct StackStatus {
    std::string name;  ///< stack_id(): "shop@testing".
    std::string environment;
    std::string directory;
    uint64_t release = 0;    ///< The active release, or the first one that is being deployed.
    uint64_t deploying = 0;  ///< The release that is being rolled out; 0: none.
    Phase phase = Phase::kSettled;
    std::string reason;                ///< Why the last rollout failed; empty otherwise.
    std::vector<std::string> trouble;  ///< What hinders: "listen on http://:8080: address in use".
    std::vector<std::string> urls;     ///< "http://localhost:8080/".
    std::vector<ServiceStatus> services;  ///< Sorted by name.
    friend bool operator==(const StackStatus&, const StackStatus&) = default;
};

struct DeployRequest {
    config::LoadRequest manifest;
    std::string origin = "deploy";  ///< "up" or "deploy": kept with the release.
    bool force = false;             ///< Replace every instance, even when nothing changed.
};

/// A change that was accepted and goes on whether or not anybody watches.
struct Accepted {
    std::string stack;
    uint64_t release = 0;  ///< The release that it leads to; 0 when it makes none (scale, stop, …).
    bool changed = true;   ///< False: the stack already is what was asked for.
    std::vector<config::Note> notes;
};

/// Why a deploy was refused; `problems` is empty when it was not the manifest.
struct Rejection {
    Error error;
    config::Problems problems;
};

struct PlanStep {
    std::string kind;      ///< "start", "stop", "route", "adopt", "activate".
    std::string service;   ///< May be empty.
    std::string instance;  ///< "api-3", or "api (new)"; may be empty.
    std::string text;      ///< One line for people.
};

struct Plan {
    std::string stack;
    uint64_t release = 0;                 ///< The number that the deploy would get.
    bool changed = false;                 ///< False: the deploy would do nothing.
    std::vector<config::Change> changes;  ///< Of the manifest, against the active release.
    std::vector<PlanStep> steps;          ///< In order.
    std::vector<std::string> warnings;
    std::vector<config::Note> notes;
};

struct ServiceProgress {
    std::string name;
    uint32_t desired = 0;
    uint32_t ready = 0;      ///< Healthy ones of any release.
    uint32_t updated = 0;    ///< Healthy ones that are as this release wants them.
    std::string note;        ///< "waits for db to be healthy", "crash loop: …"; may be empty.
    bool is_static = false;  ///< Files served by the gateway: nothing to count.
};

struct Progress {
    uint64_t release = 0;
    Phase phase = Phase::kRolling;
    std::string message;                    ///< What has just happened; may be empty.
    std::vector<ServiceProgress> services;  ///< Sorted by name.
    WallTime at{};
};

/// One watcher of a stack's rollouts. Destroying it ends the watching only.
class ProgressStream {
 public:
    virtual ~ProgressStream() = default;
    /// The next report; nothing once the stack is gone.
    virtual async::Task<std::optional<Progress>> next() = 0;
};

/// Stacks and what changes them. Changes return when they are accepted and go on by themselves;
/// watch() follows them. A stack or service that does not exist is kNotFound.
class Stacks {
 public:
    virtual ~Stacks() = default;

    /// Every stack that is up, sorted by name.
    virtual std::vector<StackStatus> status() const = 0;
    /// Reports from now on, beginning with the present state.
    virtual Result<std::unique_ptr<ProgressStream>> watch(std::string_view stack) = 0;

    /// Loads the manifest and begins to make it so.
    virtual async::Task<std::expected<Accepted, Rejection>> deploy(DeployRequest request) = 0;
    /// What deploy() would do, without doing it.
    virtual async::Task<std::expected<Plan, Rejection>> plan(DeployRequest request) = 0;
    /// Makes the manifest of `release` (absent: the newest before the current that was ever active)
    /// a new release.
    virtual async::Task<Result<Accepted>> rollback(std::string stack,
                                                   std::optional<uint64_t> release) = 0;

    virtual async::Task<Result<void>> scale(std::string stack,
                                            std::map<std::string, uint32_t> replicas) = 0;
    /// Services empty: all of them.
    virtual async::Task<Result<void>> restart(std::string stack,
                                              std::vector<std::string> services) = 0;
    virtual async::Task<Result<void>> stop(std::string stack,
                                           std::vector<std::string> services) = 0;
    virtual async::Task<Result<void>> start(std::string stack,
                                            std::vector<std::string> services) = 0;
    enum class Volumes : uint8_t { kKeep, kRemove };
    /// Stops and forgets the stack; unlike the others it completes when nothing is left. The API
    /// does not cancel it.
    virtual async::Task<Result<void>> down(std::string stack, Volumes volumes) = 0;

    /// Newest first, at most `limit`.
    virtual async::Task<Result<std::vector<model::Release>>> releases(std::string stack,
                                                                      uint32_t limit) = 0;
    virtual async::Task<Result<model::Release>> release(std::string stack, uint64_t number) = 0;
    virtual async::Task<Result<std::vector<config::Change>>> diff(std::string stack, uint64_t from,
                                                                  uint64_t to) = 0;
};

struct LogQuery {
    std::string stack;
    std::vector<std::string> services;   ///< With `instances` empty: all.
    std::vector<std::string> instances;  ///< "api-7".
    std::optional<WallTime> since;
    std::optional<uint32_t> tail;  ///< Only the last so many lines, all instances together.
    bool follow = false;
};

class LogStream {
 public:
    virtual ~LogStream() = default;
    /// The next lines, each a JSON object as it stands in the log file, without its end. Empty: the
    /// end; with `follow` it waits for lines instead. May be cancelled and called again.
    virtual async::Task<Result<std::vector<std::string>>> next() = 0;
};

class Logs {
 public:
    virtual ~Logs() = default;
    /// Opens at once; errors of reading come from next(). The stream may outlive the query, not the
    /// port.
    virtual std::unique_ptr<LogStream> open(LogQuery query) = 0;
};

struct ExecRequest {
    std::string stack;
    std::string instance;  ///< "api-7".
    std::vector<std::string> command;
};

enum class ExecStream : uint8_t { kStdout, kStderr };

class Exec {
 public:
    virtual ~Exec() = default;
    /// Runs the command in the instance's surroundings and returns its exit status (128 + n for
    /// signal n). `output` gets what it writes, on the loop. Destroying the task kills the command.
    virtual async::Task<Result<int32_t>> run(
        ExecRequest request, std::function<void(ExecStream, std::string_view)> output) = 0;
};

/// The daemon itself.
class Daemon {
 public:
    virtual ~Daemon() = default;
    virtual std::string version() const = 0;
    virtual WallTime started_at() const = 0;
    virtual std::string state_directory() const = 0;
    /// An error says what is not ready yet: adoption, the gateway.
    virtual Result<void> ready() const = 0;
    /// Prometheus text of the daemon and of the gateway.
    virtual async::Task<std::string> metrics() = 0;
    /// Replaces the gateway's process by the binary that is on disk now, without closing a
    /// connection; the new process's number.
    virtual async::Task<Result<int>> upgrade_gateway() = 0;
    /// Begins soon after this call anew with the program that is on disk now: the same process
    /// number; apps and gateway keep running. kUnavailable when there is no such program.
    virtual Result<void> upgrade() = 0;
    /// Ends the daemon soon after this call; apps and gateway keep running.
    virtual void shut_down() = 0;
};

/// A certificate of https listeners, or of engines that speak TLS.
struct CertificateStatus {
    std::string file;
    bool for_engines = false;        ///< Else for listeners.
    std::string state;               ///< "valid", "expired", or why the file cannot be used.
    bool is_private = false;         ///< Signed by Shore's own authority, which renews it.
    std::vector<std::string> names;  ///< DNS names and IP addresses.
    std::string issuer;
    std::string key;          ///< "ECDSA P-256".
    std::string fingerprint;  ///< SHA-256, hexadecimal.
    WallTime not_before{};
    WallTime not_after{};
};

class Certificates {
 public:
    virtual ~Certificates() = default;
    /// The gateway's, of which the first serves clients that name no other; then the engines'.
    virtual async::Task<Result<std::vector<CertificateStatus>>> list() = 0;
    /// Makes the private authority's certificates anew and reads the others' files again; how many
    /// were made.
    virtual async::Task<Result<uint32_t>> renew() = 0;
    /// The private authority's certificate in PEM form.
    virtual async::Task<Result<std::string>> authority() = 0;
    /// Puts it among those that this machine's programs trust, and says where. kPermission without
    /// root.
    virtual async::Task<Result<std::string>> trust() = 0;
};

/// The gateway's view of its own work. JSON in the shape that the API answers.
class Gateway {
 public:
    virtual ~Gateway() = default;
    /// Schema RouteList. kUnavailable when no gateway answers.
    virtual async::Task<Result<wire::Json>> routes() = 0;
    /// Schema RouteExplanation of a request with "method", "url", "headers" and "from". kInvalid
    /// for what is no request; kNotFound when nothing listens there; kUnavailable.
    virtual async::Task<Result<wire::Json>> explain(wire::Json request) = 0;
    /// Schema CacheStatus. kUnavailable.
    virtual async::Task<Result<wire::Json>> cache_status() = 0;
    /// Schema CachePurged, of a CachePurge: what fits all that it names is dropped, and none of it
    /// is sent any more. kUnavailable.
    virtual async::Task<Result<wire::Json>> purge_cache(wire::Json purge) = 0;
    /// Schema Traffic of about the last seconds. kUnavailable.
    virtual async::Task<Result<wire::Json>> traffic(uint64_t seconds) = 0;
};

struct Ports {
    Stacks& stacks;
    store::EventLog& events;
    Logs& logs;
    Exec& exec;
    Daemon& daemon;
    Certificates& certificates;
    Gateway& gateway;
    Engines& engines;
};

}  // namespace shore::api
