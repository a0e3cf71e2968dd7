// The rows of schema.h. Keep them sorted by name.
#include "api/schema.h"
#include "base/assert.h"

namespace shore::api {
namespace {

constexpr auto kRequired = Property::Need::kRequired;
constexpr auto kOptional = Property::Need::kOptional;
constexpr std::string_view kPhases = "settled,rolling,succeeded,rolled_back,failed,superseded";

constexpr Property kAccepted[] = {
    {"stack", Type::kString, kRequired, "Name of the stack."},
    {"release", Type::kInteger, kRequired,
     "The release that this leads to; 0: none, the change is an override."},
    {"changed", Type::kBool, kRequired, "False: the stack already is what was asked for."},
    {"notes", Type::kObjectList, kRequired,
     "What the manifest asks that does not act here and the last deploy did not tell.", "Finding"},
};
constexpr Property kAuthority[] = {
    {"pem", Type::kString, kRequired, "The certificate in PEM form (RFC 7468)."},
    {"file", Type::kString, kOptional, "Where this machine's programs find it now."},
};
constexpr Property kCertificate[] = {
    {"file", Type::kString, kRequired, "PEM file of the certificate and its chain."},
    {"used_by", Type::kString, kRequired, "Who shows it to clients.", "", 0, 0,
     "listeners,engines"},
    {"state", Type::kString, kRequired, "valid, expired, or why the file cannot be used."},
    {"private", Type::kBool, kRequired, "Signed by Shore's own authority, which renews it."},
    {"names", Type::kStringList, kRequired, "DNS names and IP addresses."},
    {"issuer", Type::kString, kRequired, "Who signed it."},
    {"key", Type::kString, kRequired, "Kind of key: ECDSA P-256, RSA 2048."},
    {"fingerprint", Type::kString, kRequired, "SHA-256, hexadecimal."},
    {"not_before", Type::kTime, kRequired, "Valid from."},
    {"not_after", Type::kTime, kRequired, "Valid until."},
};
constexpr Property kCachePurge[] = {
    {"url", Type::kString, kOptional, "Exactly this URL, all its variants."},
    {"prefix", Type::kString, kOptional, "URLs that begin so."},
    {"tag", Type::kString, kOptional, "A word of the answer's Surrogate-Key or Cache-Tag."},
    {"service", Type::kString, kOptional,
     "shop/api: answers of that service; shop/: of that stack."},
    {"all", Type::kBool, kOptional, "Everything; alone."},
};
constexpr Property kCachePurged[] = {
    {"purged", Type::kInteger, kRequired, "Answers that were dropped."},
};
constexpr Property kCacheRoute[] = {
    {"route", Type::kString, kRequired, "Name of the route, as in metrics."},
    {"memory_hits", Type::kInteger, kRequired, "Answered from memory, fresh."},
    {"disk_hits", Type::kInteger, kRequired, "Answered from disk, fresh."},
    {"stale", Type::kInteger, kRequired, "Answered by a stale one, as the app allows."},
    {"revalidated", Type::kInteger, kRequired, "Answered after the app said that it holds."},
    {"collapsed", Type::kInteger, kRequired, "Answered by another request's fetch."},
    {"misses", Type::kInteger, kRequired, "Answered by the app."},
    {"bypassed", Type::kInteger, kRequired, "Requests that no stored answer may answer."},
};
constexpr Property kCacheStatus[] = {
    {"tiers", Type::kObjectList, kRequired, "Where answers are kept.", "CacheTier"},
    {"routes", Type::kObjectList, kRequired, "Cached routes that had requests.", "CacheRoute"},
};
constexpr Property kCacheTier[] = {
    {"tier", Type::kString, kRequired, "Where.", "", 0, 0, "memory,disk"},
    {"entries", Type::kInteger, kRequired, "Stored answers."},
    {"entries_max", Type::kInteger, kRequired, "The limit."},
    {"bytes", Type::kInteger, kRequired, "What they take."},
    {"bytes_max", Type::kInteger, kRequired, "The limit."},
    {"stored", Type::kInteger, kRequired, "Answers stored so far."},
    {"evicted", Type::kInteger, kRequired, "Dropped to make room."},
    {"purged", Type::kInteger, kRequired, "Dropped by purges."},
    {"damaged", Type::kInteger, kRequired, "Found damaged, and dropped."},
    {"failed", Type::kInteger, kRequired, "Could not be written."},
};
constexpr Property kCertificateList[] = {
    {"certificates", Type::kObjectList, kRequired,
     "The first of the listeners' serves clients that name no other.", "Certificate"},
};
constexpr Property kChange[] = {
    {"path", Type::kString, kRequired, "Place in the manifest: services.api.deploy.replicas."},
    {"kind", Type::kString, kRequired, "What happened to it.", "", 0, 0, "added,removed,changed"},
    {"before", Type::kString, kRequired, "Old value as one line of YAML; empty when added."},
    {"after", Type::kString, kRequired, "New value as one line of YAML; empty when removed."},
    {"text", Type::kString, kRequired, "The change as one line for people."},
};
constexpr Property kDeployRequest[] = {
    {"directory", Type::kString, kRequired, "Where the command was given; absolute."},
    {"files", Type::kStringList, kOptional,
     "Manifests in merge order; empty: the default names in the directory and its parents."},
    {"project_directory", Type::kString, kOptional,
     "Base of relative paths; empty: the directory of the first file."},
    {"environment", Type::kString, kOptional,
     "Environment, such as testing; empty: the default one."},
    {"variables", Type::kStringMap, kOptional,
     "The caller's environment variables, for interpolation."},
    {"profiles", Type::kStringList, kOptional, "Active profiles."},
    {"project_name", Type::kString, kOptional, "Overrides the manifest's name."},
    {"env_files", Type::kStringList, kOptional, "Read instead of .env."},
    {"origin", Type::kString, kOptional, "Kept with the release.", "", 0, 0, "up,deploy"},
    {"force", Type::kBool, kOptional, "Replace every instance, even when nothing changed."},
};
constexpr Property kDiff[] = {
    {"stack", Type::kString, kRequired, "Name of the stack."},
    {"from", Type::kInteger, kRequired, "The older side of the comparison."},
    {"to", Type::kInteger, kRequired, "The newer side of the comparison."},
    {"changes", Type::kObjectList, kRequired, "Sorted by path; empty: the manifests are equal.",
     "Change"},
};
constexpr Property kEvent[] = {
    {"id", Type::kInteger, kRequired, "Grows by one; the cursor."},
    {"at", Type::kTime, kRequired, "When it happened."},
    {"stack", Type::kString, kRequired, "Name of the stack."},
    {"service", Type::kString, kRequired, "May be empty."},
    {"instance", Type::kString, kRequired, "May be empty."},
    {"kind", Type::kString, kRequired, "Dotted and stable: instance.started."},
    {"message", Type::kString, kRequired, "One sentence for people."},
};
constexpr Property kEventPage[] = {
    {"events", Type::kObjectList, kRequired, "Oldest first.", "Event"},
    {"next_cursor", Type::kString, kOptional,
     "Give it as cursor for what follows; absent on the last page."},
};
constexpr Property kExecOutput[] = {
    {"kind", Type::kString, kRequired, "exit and error come last.", "", 0, 0,
     "stdout,stderr,exit,error"},
    {"bytes", Type::kString, kOptional, "With stdout and stderr: base64 (RFC 4648 section 4)."},
    {"exit_code", Type::kInteger, kOptional, "With exit: 128 + n for signal n."},
    {"detail", Type::kString, kOptional, "With error: why the command could not be run."},
};
constexpr Property kExecRequest[] = {
    {"target", Type::kString, kRequired,
     "Instance (api-7) or service (api: its first running instance)."},
    {"command", Type::kStringList, kRequired, "Program and arguments."},
};
constexpr Property kFinding[] = {
    {"file", Type::kString, kOptional, "As the user wrote it."},
    {"line", Type::kInteger, kOptional, "From 1."},
    {"column", Type::kInteger, kOptional, "From 1, in characters."},
    {"path", Type::kString, kOptional, "Place in the manifest: services.api.deploy.replicas."},
    {"pointer", Type::kString, kOptional,
     "Place in the request body, as a JSON pointer (RFC 6901)."},
    {"detail", Type::kString, kRequired, "What is wrong and what was expected."},
};
constexpr Property kHealth[] = {
    {"stack", Type::kString, kRequired, "Name of the stack."},
    {"trouble", Type::kStringList, kRequired, "What hinders, each a sentence."},
    {"healthy", Type::kBool, kRequired, "Every service has the ready instances it should have."},
    {"services", Type::kObjectList, kRequired, "Sorted by name.", "ServiceHealth"},
};
constexpr Property kInstance[] = {
    {"id", Type::kString, kRequired, "Service and an ordinal never used twice: api-7."},
    {"state", Type::kString, kRequired, "What it does now.", "", 0, 0,
     "starting,running,unhealthy,backoff,stopping,completed,failed,stopped"},
    {"pid", Type::kInteger, kRequired, "Process id of the app; 0: none."},
    {"port", Type::kInteger, kRequired, "Its $PORT on 127.0.0.1; 0: none."},
    {"restarts", Type::kInteger, kRequired, "How often it was started again."},
    {"release", Type::kInteger, kRequired, "The newest release that it is part of."},
    {"slot", Type::kInteger, kRequired, "Replica slot, from 1."},
    {"started_at", Type::kTime, kOptional, "Of the current process."},
    {"changed_at", Type::kTime, kOptional, "Of the last change of state."},
    {"exit_code", Type::kInteger, kRequired, "Of the last exit; 128 + n for signal n."},
    {"reason", Type::kString, kRequired, "Why it is in this state; may be empty."},
};
constexpr Property kLogLine[] = {
    {"time", Type::kTime, kRequired, "When it was written."},
    {"stack", Type::kString, kRequired, "Name of the stack."},
    {"service", Type::kString, kRequired, "Name of the service."},
    {"instance", Type::kString, kRequired, "Id of the instance."},
    {"stream", Type::kString, kRequired, "Where the app wrote it.", "", 0, 0, "stdout,stderr"},
    {"message", Type::kString, kRequired, "The line."},
};
constexpr Property kPlan[] = {
    {"stack", Type::kString, kRequired, "Name of the stack."},
    {"release", Type::kInteger, kRequired, "The number that the deploy would get."},
    {"changed", Type::kBool, kRequired, "False: the deploy would do nothing."},
    {"changes", Type::kObjectList, kRequired,
     "Of the manifest against the active release, sorted by path.", "Change"},
    {"steps", Type::kObjectList, kRequired, "What would be done, in order.", "PlanStep"},
    {"warnings", Type::kStringList, kRequired,
     "Risks: a single replica that is stopped before its successor runs."},
    {"notes", Type::kObjectList, kRequired,
     "What the manifest asks that does not act here and the last deploy did not tell.", "Finding"},
};
constexpr Property kPlanStep[] = {
    {"kind", Type::kString, kRequired, "What is done.", "", 0, 0,
     "start,stop,route,adopt,activate"},
    {"service", Type::kString, kRequired, "May be empty."},
    {"instance", Type::kString, kRequired,
     "An existing one, or one to come: api (new); may be empty."},
    {"text", Type::kString, kRequired, "One line for people."},
};
constexpr Property kProblem[] = {
    {"type", Type::kString, kRequired, "urn:shore:problem: and the code."},
    {"title", Type::kString, kRequired, "The kind of problem, always the same for a type."},
    {"status", Type::kInteger, kRequired, "The HTTP status."},
    {"code", Type::kString, kRequired, "Stable name of the kind: not_found."},
    {"detail", Type::kString, kRequired, "What was tried, on what, what happened, what to do."},
    {"errors", Type::kObjectList, kOptional, "Each thing wrong with a manifest or a body.",
     "Finding"},
};
constexpr Property kProgress[] = {
    {"stack", Type::kString, kRequired, "Name of the stack."},
    {"release", Type::kInteger, kRequired, "The release that is meant."},
    {"phase", Type::kString, kRequired, "What the rollout is doing.", "", 0, 0, kPhases},
    {"message", Type::kString, kRequired, "What has just happened; may be empty."},
    {"at", Type::kTime, kRequired, "When."},
    {"services", Type::kObjectList, kRequired, "Sorted by name.", "ServiceProgress"},
};
constexpr Property kRelease[] = {
    {"number", Type::kInteger, kRequired, "From 1 within its stack."},
    {"status", Type::kString, kRequired, "What became of it.", "", 0, 0,
     "deploying,active,superseded,failed,rolled_back"},
    {"origin", Type::kString, kRequired, "up, deploy, rollback to 3, …"},
    {"reason", Type::kString, kRequired, "Why it failed or was left; may be empty."},
    {"digest", Type::kString, kRequired, "SHA-256 of the manifest, in hexadecimal."},
    {"created_at", Type::kTime, kRequired, "When it was accepted."},
    {"changed_at", Type::kTime, kRequired, "When its status last changed."},
    {"manifest", Type::kString, kOptional, "Normalised, secrets hidden; only in showRelease."},
};
constexpr Property kReleasePage[] = {
    {"releases", Type::kObjectList, kRequired, "Newest first.", "Release"},
    {"next_cursor", Type::kString, kOptional,
     "Give it as cursor for what follows; absent on the last page."},
};
constexpr Property kRollbackRequest[] = {
    {"release", Type::kInteger, kOptional, "Absent: the one that was active before.", "", 1},
};
constexpr Property kScaleRequest[] = {
    {"services", Type::kIntegerMap, kRequired, "Replicas by service.", "", 0, 1000},
};
constexpr Property kService[] = {
    {"name", Type::kString, kRequired, "Name of the service."},
    {"kind", Type::kString, kRequired, "How it runs.", "", 0, 0, "process,one_shot,static"},
    {"desired", Type::kInteger, kRequired, "Instances that should be ready."},
    {"ready", Type::kInteger, kRequired, "Instances that can serve, or that completed."},
    {"stopped", Type::kBool, kRequired, "Stopped on request."},
    {"urls", Type::kStringList, kRequired, "Where the gateway publishes it."},
    {"instances", Type::kObjectList, kRequired, "By slot, then by age.", "Instance"},
};
constexpr Property kServiceHealth[] = {
    {"name", Type::kString, kRequired, "Name of the service."},
    {"healthy", Type::kBool, kRequired, "ready is at least desired."},
    {"desired", Type::kInteger, kRequired, "Instances that should be ready."},
    {"ready", Type::kInteger, kRequired, "Instances that can serve."},
    {"reason", Type::kString, kRequired, "Why an instance is not ready; may be empty."},
};
constexpr Property kServiceProgress[] = {
    {"name", Type::kString, kRequired, "Name of the service."},
    {"kind", Type::kString, kRequired, "\"static\": files, nothing to count; else \"process\"."},
    {"desired", Type::kInteger, kRequired, "Instances that should be ready."},
    {"ready", Type::kInteger, kRequired, "Healthy ones of any release."},
    {"updated", Type::kInteger, kRequired, "Healthy ones that are as this release wants them."},
    {"note", Type::kString, kRequired, "What it waits for, or why it fails; may be empty."},
};
constexpr Property kServicesRequest[] = {
    {"services", Type::kStringList, kOptional, "Empty: every service."},
};
constexpr Property kSettled[] = {
    {"ok", Type::kBool, kRequired, "It ended well."},
    {"release", Type::kInteger, kRequired, "The release that serves now; 0: none."},
    {"phase", Type::kString, kRequired, "How it ended.", "", 0, 0, kPhases},
    {"message", Type::kString, kRequired, "One sentence: how it ended, and why."},
};
constexpr Property kStack[] = {
    {"name", Type::kString, kRequired, "shop, or shop@testing in an environment."},
    {"environment", Type::kString, kRequired, "Empty: the default one."},
    {"directory", Type::kString, kRequired, "Absolute project directory."},
    {"release", Type::kInteger, kRequired,
     "The active release, or the first one that is being deployed."},
    {"deploying", Type::kInteger, kRequired, "The release that is being rolled out; 0: none."},
    {"state", Type::kString, kRequired, "Of the stack as a whole.", "", 0, 0,
     "running,changing,degraded,stopped"},
    {"phase", Type::kString, kRequired, "What the newest rollout is doing.", "", 0, 0, kPhases},
    {"reason", Type::kString, kRequired, "Why the last rollout failed; may be empty."},
    {"trouble", Type::kStringList, kRequired, "What hinders, each a sentence."},
    {"urls", Type::kStringList, kRequired, "Where the gateway publishes it."},
    {"services", Type::kObjectList, kRequired, "Sorted by name.", "Service"},
};
constexpr Property kStatus[] = {
    {"stacks", Type::kObjectList, kRequired, "Sorted by name.", "Stack"},
};
constexpr Property kGatewayUpgrade[] = {
    {"pid", Type::kInteger, kRequired, "Number of the new gateway's process."},
};
constexpr Property kRenewal[] = {
    {"renewed", Type::kInteger, kRequired, "Certificates that were made anew."},
};
constexpr Property kRouteEndpoint[] = {
    {"instance", Type::kString, kRequired, "shop/api-7."},
    {"address", Type::kString, kRequired, "127.0.0.1:20001."},
    {"state", Type::kString, kRequired, "Ejected: out of balancing until it answers again.", "", 0,
     0, "ready,draining,ejected"},
    {"weight", Type::kInteger, kRequired, "Percent of its full share; below 100 in a slow start.",
     "", 0, 100},
    {"outstanding", Type::kInteger, kRequired, "Requests and upgraded connections under way."},
};
constexpr Property kRouteTarget[] = {
    {"service", Type::kString, kRequired, "shop/api."},
    {"weight", Type::kInteger, kRequired, "Its share, against the other targets' weights."},
    {"endpoints", Type::kObjectList, kRequired, "Its instances.", "RouteEndpoint"},
};
constexpr Property kRoute[] = {
    {"name", Type::kString, kRequired, "Label of metrics and logs: shop/api."},
    {"stack", Type::kString, kRequired, "Stack."},
    {"service", Type::kString, kRequired, "Service whose manifest asks for it."},
    {"listeners", Type::kStringList, kRequired, "http://:8080."},
    {"host", Type::kString, kRequired, "Host or *.NAME; empty: any."},
    {"match", Type::kString, kRequired, "Everything that it asks of a request, in words."},
    {"to", Type::kString, kRequired, "What becomes of the request, in words."},
    {"targets", Type::kObjectList, kRequired, "Services that get its requests; empty: none.",
     "RouteTarget"},
};
constexpr Property kRouteList[] = {
    {"routes", Type::kObjectList, kRequired, "In the order in which they are looked at.", "Route"},
};
constexpr Property kRouteCandidate[] = {
    {"name", Type::kString, kRequired, "Label of the route."},
    {"host", Type::kString, kRequired, "Of its hosts the one that fits; empty: any."},
    {"match", Type::kString, kRequired, "Everything that it asks of a request, in words."},
    {"takes", Type::kBool, kRequired, "Whether it takes the request."},
    {"reason", Type::kString, kRequired, "Why it does or does not."},
};
constexpr Property kRouteExplanation[] = {
    {"method", Type::kString, kRequired, "As asked."},
    {"url", Type::kString, kRequired, "As asked."},
    {"client", Type::kString, kRequired, "The client's address."},
    {"listener", Type::kString, kRequired, "Where the request would come in."},
    {"candidates", Type::kObjectList, kRequired, "Routes whose host fits, in order.",
     "RouteCandidate"},
    {"route", Type::kObject, kOptional, "The one that takes the request.", "Route"},
    {"status", Type::kInteger, kRequired,
     "What the gateway answers by itself; 0: the service or the file decides."},
    {"outcome", Type::kString, kRequired, "What becomes of the request, in words."},
};
constexpr Property kRouteTraffic[] = {
    {"name", Type::kString, kRequired, "Label of the route; none: what no route took."},
    {"requests", Type::kInteger, kRequired, "Answered in this time."},
    {"rate", Type::kNumber, kRequired, "Requests per second."},
    {"errors", Type::kInteger, kRequired, "Answered 5xx."},
    {"client_errors", Type::kInteger, kRequired, "Answered 4xx."},
    {"aborted", Type::kInteger, kRequired, "The client left before an answer."},
    {"p50_ms", Type::kNumber, kRequired, "Half of the requests took at most this long."},
    {"p95_ms", Type::kNumber, kRequired, "95 of 100 took at most this long."},
    {"p99_ms", Type::kNumber, kRequired, "99 of 100 took at most this long."},
    {"bytes_in_rate", Type::kNumber, kRequired, "Bytes of request bodies per second."},
    {"bytes_out_rate", Type::kNumber, kRequired, "Bytes of answers per second."},
};
constexpr Property kTraffic[] = {
    {"seconds", Type::kNumber, kRequired, "The time that the numbers are about."},
    {"routes", Type::kObjectList, kRequired, "Those that had requests.", "RouteTraffic"},
};
constexpr Property kEngineProcess[] = {
    {"engine", Type::kString, kRequired, "Service of the manifest: db."},
    {"part", Type::kString, kRequired, "What it runs: postgres, pgbouncer, redis, …"},
    {"instance", Type::kString, kRequired, "db-1."},
    {"state", Type::kString, kRequired, "Of the instance."},
    {"port", Type::kInteger, kRequired, "On 127.0.0.1."},
    {"database", Type::kString, kOptional, "postgres: the one that users get by default."},
    {"status", Type::kAny, kOptional, "What its agent says: an object of its part."},
    {"error", Type::kString, kOptional, "Why its agent says nothing."},
};
constexpr Property kEngineList[] = {
    {"processes", Type::kObjectList, kRequired, "By engine.", "EngineProcess"},
};
constexpr Property kEngineColumn[] = {
    {"name", Type::kString, kRequired, "Title."},
    {"kind", Type::kString, kRequired, "What the values are.", "", 0, INT64_MAX,
     "text,number,bytes,seconds"},
};
constexpr Property kEngineTable[] = {
    {"instance", Type::kString, kRequired, "Whose rows they are."},
    {"part", Type::kString, kRequired, "What it runs."},
    {"columns", Type::kObjectList, kRequired, "From left to right.", "EngineColumn"},
    {"rows", Type::kAny, kRequired, "A list of lists, as long as the columns are many."},
    {"notes", Type::kStringList, kRequired, "Sentences about the rows."},
};
constexpr Property kEngineView[] = {
    {"tables", Type::kObjectList, kRequired, "One of each process that knows the view.",
     "EngineTable"},
};
constexpr Property kEngineAction[] = {
    {"instance", Type::kString, kOptional, "db-2; absent: the first that knows the action."},
    {"arguments", Type::kAny, kOptional,
     "An object. For a Redis failover: to, the instance that becomes the primary."},
};
constexpr Property kEngineResult[] = {
    {"instance", Type::kString, kRequired, "Which one did it."},
    {"result", Type::kAny, kRequired, "An object."},
};
constexpr Property kVersion[] = {
    {"version", Type::kString, kRequired, "Of the daemon."},
    {"started_at", Type::kTime, kRequired, "When the daemon started."},
    {"state_directory", Type::kString, kRequired, "Where the daemon keeps everything."},
};

constexpr Schema kSchemas[] = {
    {"Accepted", "A change that goes on whether or not anybody watches.", kAccepted},
    {"Authority", "The private authority.", kAuthority},
    {"CachePurge", "Which stored answers to drop.", kCachePurge},
    {"CachePurged", "What a purge did.", kCachePurged},
    {"CacheRoute", "What the cache did for a route.", kCacheRoute},
    {"CacheStatus", "The gateway's response cache.", kCacheStatus},
    {"CacheTier", "One place where answers are kept.", kCacheTier},
    {"Certificate", "A certificate of https listeners, or of engines that speak TLS.",
     kCertificate},
    {"CertificateList", "Certificates in use.", kCertificateList},
    {"Change", "One difference between two manifests.", kChange},
    {"DeployRequest", "Which manifest, for which environment.", kDeployRequest},
    {"Diff", "Differences between two releases.", kDiff},
    {"EngineAction", "Of which process, and with what.", kEngineAction},
    {"EngineColumn", "A column of a table.", kEngineColumn},
    {"EngineList", "Processes of engines.", kEngineList},
    {"EngineProcess", "One process of an engine.", kEngineProcess},
    {"EngineResult", "What an action came to.", kEngineResult},
    {"EngineTable", "Rows of one process.", kEngineTable},
    {"EngineView", "Rows about an engine.", kEngineView},
    {"Event", "Something that happened to a stack.", kEvent},
    {"EventPage", "A page of events.", kEventPage},
    {"ExecOutput", "A line of an exec session.", kExecOutput},
    {"ExecRequest", "A command to run beside an instance.", kExecRequest},
    {"Finding", "A thing wrong with, or to know about, a manifest or a request body.", kFinding},
    {"GatewayUpgrade", "The gateway after an upgrade.", kGatewayUpgrade},
    {"Health", "Whether a stack can serve.", kHealth},
    {"Instance", "One replica of a service.", kInstance},
    {"LogLine", "One line of an app's output.", kLogLine},
    {"Plan", "What a deploy would change, and the steps it would take.", kPlan},
    {"PlanStep", "One step of a plan.", kPlanStep},
    {"Problem", "Why a request was refused (RFC 9457).", kProblem},
    {"Progress", "A report of a rollout.", kProgress},
    {"Release", "A manifest that was deployed.", kRelease},
    {"ReleasePage", "A page of releases.", kReleasePage},
    {"Renewal", "What a renewal did.", kRenewal},
    {"RollbackRequest", "The release to go back to.", kRollbackRequest},
    {"Route", "Which requests go where.", kRoute},
    {"RouteCandidate", "A route that was looked at.", kRouteCandidate},
    {"RouteEndpoint", "An instance as the gateway sees it.", kRouteEndpoint},
    {"RouteExplanation", "Why a request goes where it goes.", kRouteExplanation},
    {"RouteList", "Every route of the gateway.", kRouteList},
    {"RouteTarget", "A service behind a route.", kRouteTarget},
    {"RouteTraffic", "What a route did lately.", kRouteTraffic},
    {"ScaleRequest", "Replicas to run.", kScaleRequest},
    {"Service", "A service as it is now.", kService},
    {"ServiceHealth", "Whether a service can serve.", kServiceHealth},
    {"ServiceProgress", "A service in a rollout.", kServiceProgress},
    {"ServicesRequest", "Services to act on.", kServicesRequest},
    {"Settled", "How an operation ended.", kSettled},
    {"Stack", "A stack as it is now.", kStack},
    {"Status", "Every stack as it is now.", kStatus},
    {"Traffic", "What the routes did lately.", kTraffic},
    {"Version", "The daemon.", kVersion},
};

}  // namespace

std::span<const Schema> schemas() {
    return kSchemas;
}

const Schema& schema(std::string_view name) {
    const auto* found = std::ranges::find(kSchemas, name, &Schema::name);
    SHORE_ASSERT(found != std::end(kSchemas));
    return *found;
}

}  // namespace shore::api
