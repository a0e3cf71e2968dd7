// The endpoint table: every call of the control API, once. Routing, authorisation, checks of
// parameters and bodies, the OpenAPI document and docs/reference/api.md all come from its rows.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace shore::api {

enum class Operation : uint8_t {
    kLive,
    kReady,
    kMetrics,
    kOpenApi,
    kVersion,
    kShutDown,
    kUpgradeDaemon,
    kUpgradeGateway,
    kCacheStatus,
    kPurgeCache,
    kListStacks,
    kDeploy,
    kPlan,
    kShowStack,
    kDown,
    kHealth,
    kWatch,
    kListReleases,
    kShowRelease,
    kDiff,
    kRollback,
    kScale,
    kRestart,
    kStop,
    kStart,
    kLogs,
    kExec,
    kEvents,
    kListCertificates,
    kRenewCertificates,
    kShowAuthority,
    kTrustAuthority,
    kListRoutes,
    kExplainRoute,
    kTraffic,
    kListEngines,
    kViewEngine,
    kActOnEngine,
};
inline constexpr size_t kOperationCount = static_cast<size_t>(Operation::kActOnEngine) + 1;

/// What a caller must be. Each role may do what the ones before it may.
enum class Role : uint8_t { kAnyone, kViewer, kOperator, kOwner };
std::string_view to_string(Role role);

/// How the answer comes.
enum class Answer : uint8_t {
    kJson,
    kText,
    kLines,          ///< application/x-ndjson: one JSON object a line, as they come.
    kEventStream,    ///< text/event-stream (server-sent events, WHATWG HTML section 9.2).
    kLinesOrEvents,  ///< kLines; kEventStream with follow=true.
    kJsonOrEvents,   ///< kJson; kEventStream with follow=true.
};

struct Parameter {
    enum class In : uint8_t { kPath, kQuery, kHeader };
    enum class Kind : uint8_t { kString, kInteger, kBool, kTime, kStringList };
    std::string_view name;
    In in = In::kQuery;
    Kind kind = Kind::kString;
    std::string_view description;
};

struct Endpoint {
    Operation operation;
    std::string_view method;
    std::string_view path;  ///< "/v1/stacks/{stack}": a part in braces matches one path segment.
    std::string_view id;    ///< operationId.
    std::string_view tag;
    std::string_view summary;
    std::string_view description;
    Role role = Role::kViewer;
    std::span<const Parameter> parameters;
    std::string_view request;   ///< Schema of the JSON body; empty: none is taken; "bytes": octets.
    std::string_view response;  ///< Schema of the answer, of a line, or of an event's data; empty:
                                ///< text or nothing.
    uint16_t status = 200;      ///< Of success.
    Answer answer = Answer::kJson;
    bool idempotency_key = false;  ///< Takes Idempotency-Key.
};

/// Every endpoint, in the order of Operation.
std::span<const Endpoint> endpoints();

}  // namespace shore::api
