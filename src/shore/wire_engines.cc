#include "shore/wire_engines.h"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "async/deadline.h"
#include "engines/samples.h"
#include "net/http_client.h"
#include "net/port_probe.h"
#include "os/directory.h"
#include "wire/certificate.h"

namespace shore {

using async::Deadline;
using async::Task;
using model::EnginePart;
using wire::Json;

namespace {

/// How long a service waits at its start until an engine knows its role, and how often it looks.
constexpr auto kUserPatience = std::chrono::seconds(30);
constexpr auto kUserPause = std::chrono::milliseconds(50);
/// How long an agent may take for an answer, and for something that it is told to do.
constexpr auto kAnswerTime = std::chrono::seconds(10);
constexpr auto kActionTime = std::chrono::minutes(5);
constexpr auto kMetricsTime = std::chrono::seconds(2);
constexpr auto kCertificatePause = std::chrono::seconds(20);

engines::ProvisionPlace provision_place(const StatePaths& paths,
                                        GatewayCertificates& certificates) {
    return {.run_directory = paths.run().native(),
            .volume_directory = paths.volumes().native(),
            .is_root = ::geteuid() == 0,
            .tls = [&certificates] { return certificates.engine_certificate_blocking(); }};
}

Result<net::HttpResponse> as_result(Result<net::HttpResponse> answer) {
    if (!answer || answer->success()) {
        return answer;
    }
    const auto problem = Json::parse(answer->body);
    const std::string text(problem ? (*problem)["error"].text() : answer->body);
    switch (answer->status) {
        case 404:
            return fail(ErrorCode::kNotFound, "{}", text);
        case 409:
            return fail(ErrorCode::kConflict, "{}", text);
        case 422:
            return fail(ErrorCode::kInvalid, "{}", text);
        case 501:
            return fail(ErrorCode::kUnsupported, "{}", text);
        case 504:
            return fail(ErrorCode::kTimeout, "{}", text);
        default:
            return fail(ErrorCode::kUnavailable, "{}", text);
    }
}

/// Who is asked first to do something: what clients talk to, then the servers.
int order_of(EnginePart part) {
    switch (part) {
        case EnginePart::kRedisEndpoint:
        case EnginePart::kPgBouncer:
            return 0;
        case EnginePart::kPostgres:
        case EnginePart::kRedis:
            return 1;
        case EnginePart::kRedisSentinel:
            break;
    }
    return 2;
}

}  // namespace

// ---- at an instance's start

EngineProvider::EngineProvider(async::Loop& loop, async::WorkerPool& workers,
                               const StatePaths& paths, GatewayCertificates& certificates)
    : loop_(loop),
      workers_(workers),
      place_(provision_place(paths, certificates)),
      records_(
          place_.volume_directory,
          [](uint16_t port) { return net::is_tcp_port_free(port).value_or(false); },
          engines::first_port_of(place_.volume_directory)) {
}

Task<Result<supervise::Provided>> EngineProvider::provide(supervise::InstanceOrder order) {
    if (order.service.engine) {
        co_return co_await provide_agent(std::move(order));
    }
    supervise::Provided provided;
    for (const model::EngineUse& use : order.service.uses) {
        SHORE_CO_TRY(auto variables, co_await provide_use(order.stack, order.service.name, use));
        provided.environment.merge(variables);
    }
    co_return provided;
}

Task<Result<supervise::Provided>> EngineProvider::provide_agent(supervise::InstanceOrder order) {
    auto work = [this, order = std::move(order)] {
        return engines::provide_agent_blocking(records_, place_,
                                               {.stack = order.stack,
                                                .instance = order.id,
                                                .slot = order.slot,
                                                .service = order.service});
    };
    SHORE_CO_TRY(engines::AgentProvision agent,
                 co_await workers_.run<engines::AgentProvision>(loop_, std::move(work)));
    supervise::Provided provided;
    provided.port = agent.assignment.port;
    provided.user = std::move(agent.user);
    provided.files.push_back({.content = engines::to_json(agent.assignment),
                              .target = "assignment.json",
                              .mode = 0400,
                              .secret = true});
    co_return provided;
}

Task<Result<std::map<std::string, std::string>>> EngineProvider::provide_use(std::string stack,
                                                                             std::string service,
                                                                             model::EngineUse use) {
    using Variables = std::map<std::string, std::string>;
    const SteadyTime until = loop_.now() + kUserPatience;
    while (true) {
        auto work = [this, stack, service, use]() -> Result<Variables> {
            SHORE_TRY(const engines::Record record, records_.read_blocking(stack, use.service));
            return engines::use_variables(
                record, use, service,
                model::engine_socket_directory(place_.run_directory, stack, use.service));
        };
        auto variables = co_await workers_.run<Variables>(loop_, std::move(work));
        Result<void> ready = {};
        if (!variables) {
            ready = fail(std::move(variables).error());
        } else {
            ready = co_await user_ready(stack, use.service, service);
        }
        if (ready) {
            co_return variables;
        }
        if (loop_.now() >= until) {
            co_return fail(ErrorCode::kUnavailable, "engine {}: {}", use.service,
                           ready.error().text());
        }
        co_await async::sleep_for(loop_, kUserPause);
    }
}

/// Every agent of the engine that answers must know the user.
Task<Result<void>> EngineProvider::user_ready(std::string stack, std::string engine,
                                              std::string service) {
    const std::string directory =
        model::engine_socket_directory(place_.run_directory, stack, engine);
    SHORE_CO_TRY(const auto names, os::list_directory(directory));
    size_t answered = 0;
    for (const std::string& name : names) {
        if (!name.ends_with(".sock")) {
            continue;
        }
        SHORE_CO_TRY(net::Address address,
                     net::Address::unix_path(fmt::format("{}/{}", directory, name)));
        auto answer =
            co_await net::http_fetch(loop_, std::move(address), {.target = "/users/" + service},
                                     Deadline::in(loop_, kAnswerTime));
        if (!answer) {
            continue;  // Left by an instance that is gone, or one that is just starting.
        }
        SHORE_CO_CHECK(as_result(std::move(answer)));
        ++answered;
    }
    if (answered == 0) {
        co_return fail(ErrorCode::kUnavailable, "no process of it answers");
    }
    co_return Result<void>();
}

// ---- questions

Result<std::vector<EngineAgents::Agent>> EngineAgents::agents(std::string stack,
                                                              std::string engine) const {
    const model::StackSpec* const spec = controller_.spec(stack);
    if (spec == nullptr) {
        return fail(ErrorCode::kNotFound, "stack {} is not up", stack);
    }
    std::vector<Agent> agents;
    for (const model::ServiceSpec& service : spec->services) {
        if (!service.engine || (!engine.empty() && service.engine->spec.service != engine)) {
            continue;
        }
        for (model::Instance& instance : supervisor_.instances(stack)) {
            if (instance.service == service.name && model::is_live(instance.state)) {
                agents.push_back(
                    {.engine = service.engine->spec.service,
                     .database = service.engine->spec.engine == model::Engine::kPostgres
                                     ? service.engine->spec.postgres.database
                                     : "",
                     .part = service.engine->part,
                     .speaks_tls = service.engine->spec.engine == model::Engine::kRedis &&
                                   service.engine->spec.redis.tls,
                     .instance = std::move(instance)});
            }
        }
    }
    std::ranges::sort(agents, {}, [](const Agent& agent) {
        return std::tuple(std::string_view(agent.engine), order_of(agent.part),
                          agent.instance.slot);
    });
    if (agents.empty() && !engine.empty()) {
        return fail(ErrorCode::kNotFound, "stack {} has no engine {} that runs", stack, engine);
    }
    return agents;
}

Task<Result<std::string>> EngineAgents::fetch(Agent agent, std::string method, std::string target,
                                              std::string body) {
    const std::string directory =
        model::engine_socket_directory(paths_.run().native(), agent.instance.stack, agent.engine);
    SHORE_CO_TRY(net::Address address,
                 net::Address::unix_path(model::engine_socket(directory, agent.instance.id)));
    const Deadline deadline =
        Deadline::in(loop_, method == "GET" ? Duration(kAnswerTime) : Duration(kActionTime));
    auto answer = as_result(co_await net::http_fetch(
        loop_, std::move(address),
        {.method = std::move(method), .target = std::move(target), .body = std::move(body)},
        deadline));
    if (!answer) {
        co_return fail(std::move(answer).error().with(agent.instance.id));
    }
    co_return std::move(answer->body);
}

Task<Result<Json>> EngineAgents::ask(Agent agent, std::string method, std::string target,
                                     std::string body) {
    SHORE_CO_TRY(const std::string text, co_await fetch(std::move(agent), std::move(method),
                                                        std::move(target), std::move(body)));
    co_return Json::parse(text);
}

Task<Result<Json>> EngineAgents::list(std::string stack) {
    SHORE_CO_TRY(const std::vector<Agent> all, agents(stack, ""));
    Json processes = Json::array();
    for (const Agent& agent : all) {
        Json entry = Json::object()
                         .set("engine", agent.engine)
                         .set("part", model::to_string(agent.part))
                         .set("instance", agent.instance.id)
                         .set("state", model::to_string(agent.instance.state))
                         .set("port", uint32_t{agent.instance.port});
        if (!agent.database.empty()) {
            entry.set("database", agent.database);
        }
        auto status = co_await ask(agent, "GET", "/status", "");
        if (status) {
            entry.set("status", std::move(*status));
        } else {
            entry.set("error", status.error().text());
        }
        processes.push(std::move(entry));
    }
    co_return Json::object().set("processes", std::move(processes));
}

Task<Result<Json>> EngineAgents::view(std::string stack, std::string engine, std::string name) {
    SHORE_CO_TRY(const std::vector<Agent> all, agents(stack, engine));
    Json tables = Json::array();
    std::optional<Error> failure;
    for (const Agent& agent : all) {
        auto table = co_await ask(agent, "GET", "/views/" + name, "");
        if (table) {
            tables.push(std::move(*table)
                            .set("instance", agent.instance.id)
                            .set("part", model::to_string(agent.part)));
        } else if (table.error().code() != ErrorCode::kNotFound || !failure) {
            failure = std::move(table).error();
        }
    }
    if (tables.items().empty() && failure) {
        co_return fail(std::move(*failure));
    }
    co_return Json::object().set("tables", std::move(tables));
}

Task<Result<Json>> EngineAgents::act(std::string stack, std::string engine, std::string name,
                                     Json request) {
    SHORE_CO_TRY(const std::vector<Agent> all, agents(stack, engine));
    const std::string_view wanted = request["instance"].text();
    Json arguments = request.find("arguments") == nullptr ? Json::object() : request["arguments"];
    Error failure(ErrorCode::kNotFound,
                  fmt::format("engine {} has no instance {}", engine, wanted));
    bool is_known = false;
    for (const Agent& agent : all) {
        if (!wanted.empty() && agent.instance.id != wanted) {
            continue;
        }
        auto result = co_await ask(agent, "POST", "/actions/" + name, arguments.dump());
        if (result) {
            co_return Json::object()
                .set("instance", agent.instance.id)
                .set("result", std::move(*result));
        }
        // One that knows the action and is not the one for it (a primary cannot be promoted) leaves
        // it to the next; its reason counts when no other can.
        const ErrorCode code = result.error().code();
        if (!is_known) {
            failure = std::move(result).error();
            is_known = code != ErrorCode::kNotFound;
        }
        if (code != ErrorCode::kNotFound && code != ErrorCode::kConflict) {
            break;
        }
    }
    co_return fail(std::move(failure));
}

Task<Result<void>> EngineAgents::check(const model::StackSpec& stack) {
    const std::string id = model::stack_id(stack);
    for (const model::ServiceSpec& service : stack.services) {
        if (!service.engine) {
            continue;
        }
        const model::EngineSpec& spec = service.engine->spec;
        for (const Agent& agent : agents(id, spec.service).value_or(std::vector<Agent>{})) {
            if (agent.part != service.engine->part) {
                continue;
            }
            const auto checked = co_await ask(agent, "POST", "/check", model::to_json(spec));
            // One that does not answer is starting or ending: its next start will tell.
            if (!checked && checked.error().code() != ErrorCode::kUnavailable) {
                co_return fail(Error(ErrorCode::kInvalid, checked.error().text())
                                   .with(fmt::format("engine {}", spec.service)));
            }
        }
    }
    co_return Result<void>();
}

std::vector<EngineAgents::Agent> EngineAgents::agents_with_tls() const {
    std::vector<Agent> found;
    for (const release::StackStatus& stack : controller_.status()) {
        std::ranges::copy_if(agents(stack.name, "").value_or(std::vector<Agent>{}),
                             std::back_inserter(found), &Agent::speaks_tls);
    }
    return found;
}

Task<void> EngineAgents::watch_certificates(GatewayCertificates& certificates,
                                            async::WorkerPool& workers, model::EventSink& events) {
    std::string everywhere;  // The certificate that all of them had at the last look.
    std::string trouble;
    while (true) {
        co_await async::sleep_for(loop_, kCertificatePause);
        const std::vector<Agent> all = agents_with_tls();
        if (all.empty()) {
            continue;
        }
        auto work = [&certificates]() -> Result<std::string> {
            SHORE_TRY(const engines::EngineTls tls, certificates.engine_certificate_blocking());
            SHORE_TRY(auto facts, wire::read_certificate(tls.certificate));
            return std::move(facts.fingerprint);
        };
        const auto newest = co_await workers.run<std::string>(loop_, std::move(work));
        const std::string failure = newest ? "" : newest.error().text();
        if (!newest && failure != trouble) {
            events.record({.stack = all.front().instance.stack,
                           .service = all.front().engine,
                           .kind = "engine.certificate_not_renewed",
                           .message = failure});
        }
        trouble = failure;
        if (newest && *newest != everywhere && co_await hand_out(*newest, events)) {
            everywhere = *newest;
        }
    }
}

Task<bool> EngineAgents::hand_out(std::string fingerprint, model::EventSink& events) {
    bool everywhere = true;
    for (const Agent& agent : agents_with_tls()) {
        const auto status = co_await ask(agent, "GET", "/status", "");
        if (status && (*status)["certificate"]["fingerprint"].text() == fingerprint) {
            continue;
        }
        everywhere = false;  // One that does not answer is starting or ending: the next look tells.
        const model::Instance& instance = agent.instance;
        if (status &&
            supervisor_.provide_anew(supervise::instance_key(instance.stack, instance.id))) {
            events.record({.stack = instance.stack,
                           .service = instance.service,
                           .instance = instance.id,
                           .kind = "instance.certificate_renewed",
                           .message = "is given its new certificate"});
        }
    }
    co_return everywhere;
}

Task<std::string> EngineAgents::metrics() {
    std::map<std::string, std::string> families;  // By name: HELP, TYPE and all samples.
    for (const release::StackStatus& stack : controller_.status()) {
        const auto all = agents(stack.name, "");
        if (!all) {
            continue;
        }
        for (const Agent& agent : *all) {
            auto text =
                co_await async::with_deadline(loop_, Deadline::in(loop_, kMetricsTime), "metrics",
                                              fetch(agent, "GET", "/metrics", ""));
            if (text) {
                engines::add_samples(families, *text,
                                     fmt::format("stack=\"{}\",service=\"{}\",instance=\"{}\"",
                                                 stack.name, agent.engine, agent.instance.id));
            }
        }
    }
    std::string all;
    for (const auto& [name, text] : families) {
        all += text;
    }
    co_return all;
}

}  // namespace shore
