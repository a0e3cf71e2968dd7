#include "prove/laboratory.h"

#include "async/deadline.h"
#include "async/timer.h"
#include "net/port_probe.h"
#include "net/sse.h"

namespace shore::prove {

using async::Deadline;
using async::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr seconds kReadyWithin{20};
constexpr seconds kSettledWithin{120};
constexpr milliseconds kLookAgain{50};
/// Ports for gateways under proof: below the kernel's outgoing range, above the range for $PORT.
constexpr uint16_t kGatewayPortFirst = 30'000;
constexpr uint16_t kGatewayPortLast = 32'000;

std::string service_yaml(std::string_view name, std::string_view executable,
                         std::string_view version, int replicas) {
    return fmt::format(
        "  {0}:\n"
        "    command: [\"{1}\", \"prove\", \"--app\"]\n"
        "    environment: {{VERSION: \"{2}\"}}\n"
        "    healthcheck: {{interval: 500ms, timeout: 2s, retries: 3, start_period: 20s, "
        "start_interval: 50ms}}\n"
        "    deploy: {{replicas: {3}}}\n"
        "    x-shore: {{http: {{route: /{0}, health: /healthz}}}}\n",
        name, executable, version, replicas);
}

}  // namespace

Laboratory::Laboratory(async::Loop& loop, Machine& machine) : loop_(loop), machine_(machine) {
}

std::string Laboratory::manifest(std::string_view version) const {
    return "name: proof\nservices:\n" + service_yaml("api", machine_.executable(), version, 2) +
           service_yaml("events", machine_.executable(), "fixed", 1) +
           fmt::format("x-shore:\n  gateway: {{listen: [\"http://{}\"], drain_timeout: 10s}}\n",
                       gateway_.to_text());
}

Task<Result<wire::Json>> Laboratory::call(std::string method, std::string target,
                                          std::string body) {
    net::HttpRequest request{.method = std::move(method), .target = std::move(target)};
    if (!body.empty()) {
        request.fields.add("Content-Type", "application/json");
        request.body = std::move(body);
    }
    const std::string what = fmt::format("{} {}", request.method, request.target);
    SHORE_CO_TRY(const net::HttpResponse answer,
                 co_await net::http_fetch(loop_, api_, std::move(request),
                                          Deadline::in(loop_, kSettledWithin)));
    if (!answer.success()) {
        co_return fail(ErrorCode::kConflict, "{}: {} {}", what, answer.status, answer.body);
    }
    if (answer.body.empty() || !answer.body.starts_with('{')) {
        co_return wire::Json();
    }
    co_return wire::Json::parse(answer.body);
}

Task<Result<void>> Laboratory::start_daemon() {
    SHORE_CO_TRY(api_, net::Address::unix_path(machine_.directory() + "/state/run/api.sock"));
    if (gateway_.port() == 0) {
        const auto spread = static_cast<uint16_t>(loop_.wall_now().time_since_epoch().count() /
                                                  1000 % (kGatewayPortLast - kGatewayPortFirst));
        SHORE_CO_TRY(const uint16_t port,
                     net::find_free_tcp_port(kGatewayPortFirst, kGatewayPortLast,
                                             static_cast<uint16_t>(kGatewayPortFirst + spread)));
        gateway_ = net::Address::loopback(port);
    }
    SHORE_CO_TRY(daemon_pid_, machine_.start_daemon());
    const Deadline deadline = Deadline::in(loop_, kReadyWithin);
    while (true) {
        const auto answer = co_await net::http_fetch(loop_, api_, {.target = "/readyz"}, deadline);
        if (answer && answer->success()) {
            co_return Result<void>();
        }
        if (loop_.now() >= deadline.at) {
            co_return fail(ErrorCode::kTimeout, "the daemon was not ready within {} s: {}",
                           kReadyWithin.count(), answer ? answer->body : answer.error().text());
        }
        co_await async::sleep_for(loop_, kLookAgain);
    }
}

Task<Result<void>> Laboratory::wait_until_settled(int64_t release) {
    const Deadline deadline = Deadline::in(loop_, kSettledWithin);
    net::HttpClient client(loop_, api_);
    SHORE_CO_TRY(
        const auto exchange,
        co_await client.start(
            {.target = fmt::format("/v1/stacks/proof/progress?release={}", release)}, deadline));
    net::SseReader reader;
    while (true) {
        SHORE_CO_TRY(const std::string bytes, co_await exchange->read(deadline));
        if (bytes.empty()) {
            co_return fail(ErrorCode::kUnavailable, "the progress of release {} ended early",
                           release);
        }
        SHORE_CO_CHECK(reader.feed(bytes));
        while (const auto event = reader.next()) {
            if (event->event != "settled") {
                continue;
            }
            SHORE_CO_TRY(const wire::Json settled, wire::Json::parse(event->data));
            if (!settled["ok"].truth()) {
                co_return fail(ErrorCode::kConflict, "release {}: {}", release,
                               settled["message"].text());
            }
            co_return Result<void>();
        }
    }
}

Task<Result<void>> Laboratory::deploy(std::string version) {
    co_return co_await deploy_manifest(manifest(version));
}

Task<Result<void>> Laboratory::act(std::string engine, std::string action) {
    SHORE_CO_CHECK(co_await call(
        "POST", fmt::format("/v1/stacks/proof/engines/{}/actions/{}", engine, action), "{}"));
    co_return Result<void>();
}

Task<Result<std::vector<wire::Json>>> Laboratory::processes(std::string engine) {
    SHORE_CO_TRY(const wire::Json answer, co_await call("GET", "/v1/stacks/proof/engines", ""));
    std::vector<wire::Json> found;
    for (const wire::Json& process : answer["processes"].items()) {
        if (process["engine"].text() == engine) {
            found.push_back(process);
        }
    }
    co_return found;
}

Task<Result<void>> Laboratory::deploy_manifest(std::string text) {
    SHORE_CO_CHECK(machine_.write_file("compose.yaml", text));
    wire::Json request = wire::Json::object();
    request.set("directory", machine_.directory());
    const std::string files[] = {machine_.directory() + "/compose.yaml"};
    request.set("files", wire::Json::strings(files));
    SHORE_CO_TRY(const wire::Json accepted, co_await call("POST", "/v1/stacks", request.dump()));
    co_return co_await wait_until_settled(accepted["release"].integer());
}

Task<Result<void>> Laboratory::end() {
    SHORE_CO_CHECK(co_await call("DELETE", "/v1/stacks/proof", ""));
    SHORE_CO_CHECK(co_await call("POST", "/v1/daemon/shutdown", ""));
    co_return Result<void>();
}

Task<Result<std::vector<SeenInstance>>> Laboratory::instances(std::string service) {
    SHORE_CO_TRY(const wire::Json stack, co_await call("GET", "/v1/stacks/proof", ""));
    std::vector<SeenInstance> result;
    for (const wire::Json& one : stack["services"].items()) {
        if (one["name"].text() != service) {
            continue;
        }
        for (const wire::Json& instance : one["instances"].items()) {
            result.push_back({.id = std::string(instance["id"].text()),
                              .state = std::string(instance["state"].text()),
                              .pid = static_cast<int>(instance["pid"].integer()),
                              .restarts = instance["restarts"].integer()});
        }
    }
    std::ranges::sort(result, {}, &SeenInstance::id);
    co_return result;
}

Task<Result<std::vector<SeenInstance>>> Laboratory::wait_until_running(std::string service,
                                                                       size_t count, int not_pid,
                                                                       seconds limit) {
    const Deadline deadline = Deadline::in(loop_, limit);
    while (true) {
        SHORE_CO_TRY(auto seen, co_await instances(service));
        const bool ready =
            seen.size() == count && std::ranges::all_of(seen, [not_pid](const SeenInstance& one) {
                return one.state == "running" && one.pid != not_pid;
            });
        if (ready) {
            co_return seen;
        }
        if (loop_.now() >= deadline.at) {
            co_return fail(ErrorCode::kTimeout, "{} instances of {} were not running within {} s",
                           count, service, limit.count());
        }
        co_await async::sleep_for(loop_, kLookAgain);
    }
}

}  // namespace shore::prove
