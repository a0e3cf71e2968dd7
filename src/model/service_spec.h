// ServiceSpec: one service of a stack after parsing, merging, interpolation and validation; every
// default is filled in. Durations and sizes are typed; names refer to other services of the same
// StackSpec and are known to exist. Source of the keys: the compose-spec; Shore's own are marked
// (x-shore).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "model/engine_spec.h"
#include "model/http_route.h"

namespace shore::model {

/// When a dependant may start.
enum class DependencyCondition : uint8_t { kStarted = 1, kHealthy = 2, kCompleted = 3 };

struct Dependency {
    std::string service;
    DependencyCondition condition = DependencyCondition::kStarted;
    bool restart = false;  ///< Restart the dependant when the dependency is restarted by a deploy.
    bool required = true;  ///< False: a missing or failed dependency is only warned about.
    friend bool operator==(const Dependency&, const Dependency&) = default;
};

enum class HealthProbe : uint8_t {
    kNone = 1,
    kHttp = 2,
    kTcp = 3,
    kCommand = 4,
    kEngine = 5,  ///< An engine's agent answers on its socket (engine_socket).
};

/// How an instance proves that it can serve. Times as in Compose.
struct HealthCheck {
    HealthProbe probe = HealthProbe::kNone;
    std::vector<std::string>
        command;            ///< kCommand: argv; CMD-SHELL becomes {"/bin/sh", "-c", text}.
    std::string http_path;  ///< kHttp: request target, begins with '/'; with kGrpc behind it the
                            ///< service that grpc.health.v1 is asked about.
    UpstreamProtocol http_protocol = UpstreamProtocol::kHttp1;
    uint16_t http_status_min = 200;  ///< kHttp: accepted statuses, both ends included.
    uint16_t http_status_max = 399;
    std::string
        http_body;  ///< kHttp: RE2 pattern the first 64 KiB of the body must match; empty: any.
    Duration interval = std::chrono::seconds(5);
    Duration timeout = std::chrono::seconds(5);
    uint32_t retries = 3;
    Duration start_period = std::chrono::seconds(0);
    Duration start_interval = std::chrono::seconds(1);
    friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

enum class RestartCondition : uint8_t { kNo = 1, kOnFailure = 2, kAlways = 3, kUnlessStopped = 4 };

struct RestartPolicy {
    RestartCondition condition = RestartCondition::kUnlessStopped;
    Duration delay = std::chrono::milliseconds(500);  ///< First back-off; doubles up to delay_max.
    Duration delay_max = std::chrono::seconds(30);
    std::optional<uint32_t> attempts_max;        ///< Absent: for ever.
    Duration window = std::chrono::seconds(10);  ///< Living this long resets the back-off.
    friend bool operator==(const RestartPolicy&, const RestartPolicy&) = default;
};

enum class UpdateOrder : uint8_t { kStartFirst = 1, kStopFirst = 2 };
enum class FailureAction : uint8_t { kRollback = 1, kPause = 2, kContinue = 3 };

/// deploy.update_config and deploy.rollback_config.
struct UpdateConfig {
    uint32_t parallelism = 1;                  ///< Instances replaced at once; 0: all.
    Duration delay = std::chrono::seconds(0);  ///< Between batches.
    Duration monitor =
        std::chrono::seconds(0);  ///< How long a new instance must stay well after it got healthy.
    UpdateOrder order = UpdateOrder::kStartFirst;
    FailureAction failure_action = FailureAction::kRollback;
    double failure_ratio_max = 0;  ///< Share of instances that may fail before failure_action.
    friend bool operator==(const UpdateConfig&, const UpdateConfig&) = default;
};

struct Resources {
    std::optional<double> cpus;  ///< Whole CPUs, e.g. 0.5.
    std::optional<Bytes> memory;
    std::optional<uint32_t> pids;
    friend bool operator==(const Resources&, const Resources&) = default;
};

struct Ulimit {
    std::string name;   ///< "nofile", "core", … as in setrlimit(2), lower case without RLIMIT_.
    int64_t soft = -1;  ///< -1: unlimited.
    int64_t hard = -1;
    friend bool operator==(const Ulimit&, const Ulimit&) = default;
};

/// post_start and pre_stop.
struct Hook {
    std::vector<std::string> command;
    std::string user;
    std::string working_dir;
    std::map<std::string, std::string> environment;
    friend bool operator==(const Hook&, const Hook&) = default;
};

/// Files served by the gateway itself (x-shore.static).
struct StaticFiles {
    std::string root;  ///< Absolute directory.
    std::string index = "index.html";
    std::string fallback;  ///< For single-page apps: the file served for unknown paths; empty: 404.
    bool immutable = true;      ///< Names with a digest in them may be kept for a year.
    bool precompressed = true;  ///< "app.js.br" beside "app.js" is sent to who accepts it.
    friend bool operator==(const StaticFiles&, const StaticFiles&) = default;
};

/// A file placed before start: configs and secrets.
struct FileMount {
    std::string source;   ///< Absolute path of the source file; empty when `content` is set.
    std::string content;  ///< Inline content.
    std::string
        target;  ///< Path relative to the instance's file directory, or absolute as written.
    uint32_t mode = 0444;
    bool secret = false;
    std::string digest;  ///< SHA-256 of the source file when the manifest was read; empty: unknown.
    friend bool operator==(const FileMount&, const FileMount&) = default;
};

enum class VolumeKind : uint8_t { kNamed = 1, kBind = 2, kTmpfs = 3 };

struct VolumeMount {
    VolumeKind kind = VolumeKind::kNamed;
    std::string source;  ///< Volume name, or absolute path for a bind.
    std::string target;
    bool read_only = false;
    friend bool operator==(const VolumeMount&, const VolumeMount&) = default;
};

/// ports: a published port becomes a listener of the gateway that routes to this service.
struct PublishedPort {
    std::string address;     ///< Empty: every address.
    uint16_t published = 0;  ///< 0: not published.
    uint16_t target = 0;
    std::string protocol = "tcp";
    friend bool operator==(const PublishedPort&, const PublishedPort&) = default;
};

/// x-shore.tcp: a port whose connections go to the service byte by byte.
struct TcpListen {
    uint16_t port = 0;
    bool tls = false;                          ///< The gateway ends TLS.
    Duration hold = std::chrono::seconds(10);  ///< A connection waits so long for an instance.
    Duration idle = std::chrono::hours(1);     ///< Without a byte in either direction.
    uint8_t proxy_protocol = 0;                ///< Version told to instances; 0: none.
    friend bool operator==(const TcpListen&, const TcpListen&) = default;
};

struct LogLimits {
    Bytes file_size_max = Bytes::mib(10);
    uint32_t files_max = 5;  ///< Rotated files kept, compressed.
    Duration age_max =
        std::chrono::hours(24 * 7);  ///< A file older than this is rotated, then deleted.
    friend bool operator==(const LogLimits&, const LogLimits&) = default;
};

struct ServiceSpec {
    std::string name;
    std::string image;  ///< Empty on the process runtime.
    bool has_build = false;
    std::vector<std::string>
        command;  ///< argv after entrypoint; may be empty for a static service.
    std::vector<std::string> entrypoint;
    std::map<std::string, std::string> environment;  ///< env_file and environment, merged.
    std::string working_dir;        ///< Absolute; defaults to the project directory.
    std::string user;               ///< "name", "uid", "uid:gid"; empty: Shore's own.
    std::optional<uint32_t> umask;  ///< (x-shore)
    std::vector<Dependency> depends_on;
    HealthCheck health;
    RestartPolicy restart;
    uint32_t replicas = 1;
    UpdateConfig update;
    UpdateConfig rollback;
    Resources limits;
    Resources reservations;
    std::vector<Ulimit> ulimits;
    int stop_signal = 15;
    Duration stop_grace_period = std::chrono::seconds(10);
    std::vector<Hook> post_start;
    std::vector<Hook> pre_stop;
    std::vector<PublishedPort> ports;
    std::vector<VolumeMount> volumes;
    std::vector<FileMount> files;
    std::map<std::string, std::string> labels;
    std::vector<std::string> profiles;
    LogLimits log;
    bool one_shot =
        false;  ///< (x-shore) Runs to completion; exit 0 is success and is not restarted.
    bool needs_port =
        false;  ///< PORT is allocated: it has a route, a published port or an HTTP/TCP probe.
    uint16_t fixed_port =
        0;  ///< (x-shore.http.port) The app cannot follow $PORT; at most one replica.
    std::optional<HttpRoute> http;          ///< (x-shore.http) The first route.
    std::vector<HttpRoute> further_routes;  ///< (x-shore.http) Those behind it, in file order.
    UpstreamPolicy upstream;                ///< (x-shore.http)
    std::optional<TcpListen> tcp;           ///< (x-shore.tcp)
    std::string external;        ///< (x-shore.http.upstream) "HOST:PORT" outside Shore; no process.
    bool shares_routes = false;  ///< Another service's split sends requests here.
    std::optional<EngineRole> engine;  ///< (x-shore.engine) Expanded: one part of an engine.
    std::vector<EngineUse> uses;       ///< (x-shore.uses, depends_on) Engines, sorted by service.
    std::optional<StaticFiles>
        static_files;  ///< (x-shore.static) No process: the gateway serves the files.

    friend bool operator==(const ServiceSpec&, const ServiceSpec&) = default;
};

/// Every route of the service, in the file's order.
inline std::vector<HttpRoute> routes_of(const ServiceSpec& service) {
    std::vector<HttpRoute> routes;
    if (service.http) {
        routes.push_back(*service.http);
        routes.insert(routes.end(), service.further_routes.begin(), service.further_routes.end());
    }
    return routes;
}

/// True when the service has processes to run (a static service has none).
inline bool has_process(const ServiceSpec& service) {
    return !service.command.empty() || !service.entrypoint.empty();
}

}  // namespace shore::model
