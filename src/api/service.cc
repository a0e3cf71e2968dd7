#include "api/service.h"

#include "api/encode.h"
#include "api/openapi.h"
#include "async/loop.h"
#include "base/strings.h"
#include "wire/uri.h"

namespace shore::api {

Service::Service(async::Loop& loop, Ports ports) : loop_(loop), ports_(ports), background_(loop) {
}

void Service::stop() {
    background_.stop();
}

async::Task<Answered> Service::answer(Call call) {
    if (call.idempotency_key.empty()) {
        co_return co_await dispatch(call);
    }
    if (auto kept = idempotency_.begin(call, loop_.now())) {
        co_return std::move(*kept);
    }
    /// Frees the key when the client goes before the answer, too.
    struct Claim {
        Idempotency& idempotency;
        const Call& call;
        bool kept = false;
        ~Claim() {
            if (!kept) {
                idempotency.abandon(call);
            }
        }
    } claim{idempotency_, call};
    Answered answered = co_await dispatch(call);
    if (answered) {
        idempotency_.finish(call, *answered);
        claim.kept = true;
    }
    co_return answered;
}

async::Task<Answered> Service::dispatch(const Call& call) {
    switch (call.endpoint->operation) {
        case Operation::kLive:
            co_return Reply::of_text("ok\n");
        case Operation::kReady:
            co_return ready();
        case Operation::kMetrics:
            co_return co_await metrics();
        case Operation::kOpenApi:
            co_return Reply::of(openapi_document(ports_.daemon.version()));
        case Operation::kVersion:
            co_return version();
        case Operation::kShutDown:
            co_return shut_down();
        case Operation::kUpgradeDaemon:
            co_return upgrade_daemon();
        case Operation::kListStacks:
            co_return list_stacks();
        case Operation::kDeploy:
            co_return co_await deploy(call);
        case Operation::kPlan:
            co_return co_await plan(call);
        case Operation::kShowStack:
            co_return show_stack(call);
        case Operation::kDown:
            co_return co_await down(call);
        case Operation::kHealth:
            co_return health(call);
        case Operation::kWatch:
            co_return watch(call);
        case Operation::kListReleases:
            co_return co_await list_releases(call);
        case Operation::kShowRelease:
            co_return co_await show_release(call);
        case Operation::kDiff:
            co_return co_await diff(call);
        case Operation::kRollback:
            co_return co_await rollback(call);
        case Operation::kScale:
            co_return co_await scale(call);
        case Operation::kRestart:
            co_return co_await restart(call);
        case Operation::kStop:
        case Operation::kStart:
            co_return co_await stop_or_start(call);
        case Operation::kLogs:
            co_return logs(call);
        case Operation::kExec:
            co_return exec(call);
        case Operation::kEvents:
            co_return co_await events(call);
        case Operation::kListCertificates:
        case Operation::kRenewCertificates:
        case Operation::kShowAuthority:
        case Operation::kTrustAuthority:
            co_return co_await ask_certificates(call);
        case Operation::kUpgradeGateway:
        case Operation::kCacheStatus:
        case Operation::kPurgeCache:
        case Operation::kListRoutes:
        case Operation::kExplainRoute:
        case Operation::kTraffic:
            co_return co_await ask_gateway(call);
        case Operation::kListEngines:
        case Operation::kViewEngine:
        case Operation::kActOnEngine:
            co_return co_await ask_engine(call);
    }
    co_return std::unexpected(Problem(500, "internal", "the call has no handler"));
}

Answered Service::ready() const {
    if (auto ready = ports_.daemon.ready(); !ready) {
        return std::unexpected(Problem(503, "not_ready", ready.error().text()));
    }
    return Reply::of_text("ok\n");
}

async::Task<Answered> Service::metrics() {
    Reply reply = Reply::of_text(co_await ports_.daemon.metrics());
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    co_return reply;
}

Answered Service::version() const {
    return Reply::of(wire::Json::object()
                         .set("version", ports_.daemon.version())
                         .set("started_at", base::to_rfc3339(ports_.daemon.started_at()))
                         .set("state_directory", ports_.daemon.state_directory()));
}

Answered Service::upgrade_daemon() {
    if (auto begun = ports_.daemon.upgrade(); !begun) {
        return std::unexpected(Problem(begun.error()));
    }
    return Reply::of_text("the daemon begins anew; apps and gateway keep running\n", 202);
}

async::Task<Answered> Service::upgrade_gateway() {
    auto pid = co_await ports_.daemon.upgrade_gateway();
    if (!pid) {
        co_return std::unexpected(Problem(pid.error()));
    }
    co_return Reply::of(wire::Json::object().set("pid", int64_t{*pid}));
}

Answered Service::shut_down() {
    ports_.daemon.shut_down();
    return Reply::of_text("the daemon ends; apps and gateway keep running\n", 202);
}

Result<StackStatus> Service::find_stack(const Call& call) const {
    const std::string name = call.arguments.text("stack");
    std::vector<std::string> names;
    for (StackStatus& stack : ports_.stacks.status()) {
        if (stack.name == name) {
            return std::move(stack);
        }
        names.push_back(stack.name);
    }
    return fail(ErrorCode::kNotFound, "there is no stack \"{}\"{}", base::printable(name),
                base::did_you_mean(name, names));
}

Result<std::vector<std::string>> Service::named_services(const StackStatus& stack,
                                                         const Call& call) const {
    const std::vector<std::string> names = service_names(stack);
    std::vector<std::string> wanted;
    for (const wire::Json& item : call.body["services"].items()) {
        const std::string name(item.text());
        if (!is_one_of(names, name)) {
            return fail(ErrorCode::kNotFound, "stack {} has no service \"{}\"{}", stack.name,
                        base::printable(name), hint(name, names));
        }
        wanted.push_back(name);
    }
    return wanted;
}

std::vector<std::string> service_names(const StackStatus& stack) {
    std::vector<std::string> names;
    for (const ServiceStatus& service : stack.services) {
        names.push_back(service.name);
    }
    return names;
}

bool is_one_of(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

std::string hint(std::string_view name, const std::vector<std::string>& names) {
    constexpr size_t kShown = 12;
    std::string text = base::did_you_mean(name, names);
    if (text.empty() && !names.empty() && names.size() <= kShown) {
        text = fmt::format("; it has {}", base::join(names, ", "));
    }
    return text;
}

Reply accepted_reply(const Accepted& accepted) {
    Reply reply = Reply::of(to_json(accepted), 202);
    reply.location = fmt::format("/v1/stacks/{}/progress", wire::percent_encode(accepted.stack));
    return reply;
}

}  // namespace shore::api
