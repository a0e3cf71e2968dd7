#include "supervise/probe.h"

#include <re2/re2.h>

#include "async/deadline.h"
#include "base/strings.h"
#include "net/dial.h"
#include "net/http2_fetch.h"
#include "net/http_client.h"
#include "supervise/launch.h"
#include "supervise/limits.h"
#include "wire/json.h"

namespace shore::supervise {
namespace {

/// nullopt: healthy, with `message` said; an Error says why not.
using Verdict = Result<std::string>;

async::Task<Verdict> probe_tcp(ProbeTarget target, async::Deadline deadline) {
    SHORE_CO_TRY(const auto stream,
                 co_await net::dial(target.loop, net::Address::loopback(target.port), deadline));
    co_return fmt::format("port {} accepts connections", target.port);
}

/// As much of the body as is matched; the rest is not waited for.
async::Task<Result<std::string>> read_beginning(net::HttpExchange& exchange,
                                                async::Deadline deadline) {
    std::string body;
    while (body.size() < kProbeBodyMax) {
        SHORE_CO_TRY(const std::string piece, co_await exchange.read(deadline));
        if (piece.empty()) {
            break;
        }
        body += piece;
    }
    co_return body;
}

std::string answer_text(const ProbeTarget& target, uint16_t status) {
    return fmt::format("GET {}: {} {}", target.check.http_path, status, net::reason_phrase(status));
}

Result<void> judge_status(const ProbeTarget& target, uint16_t status) {
    if (status < target.check.http_status_min || status > target.check.http_status_max) {
        return fail(ErrorCode::kUnavailable, "{}, expected {}-{}", answer_text(target, status),
                    target.check.http_status_min, target.check.http_status_max);
    }
    return {};
}

Verdict judge_body(const ProbeTarget& target, uint16_t status, std::string_view body) {
    const re2::RE2 pattern(target.check.http_body, re2::RE2::Quiet);
    if (!pattern.ok()) {
        return fail(ErrorCode::kInvalid, "the pattern for the body is wrong: {}", pattern.error());
    }
    if (!re2::RE2::PartialMatch(body, pattern)) {
        return fail(ErrorCode::kUnavailable, "{}, but the body does not match \"{}\": {}",
                    answer_text(target, status), target.check.http_body, base::printable(body, 80));
    }
    return answer_text(target, status);
}

async::Task<Verdict> probe_http2(ProbeTarget target, async::Deadline deadline) {
    const net::Address address = net::Address::loopback(target.port);
    if (target.check.http_protocol == model::UpstreamProtocol::kGrpc) {
        co_return co_await net::grpc_health(target.loop, address, target.check.http_path.substr(1),
                                            deadline);
    }
    SHORE_CO_TRY(const net::HttpResponse answer,
                 co_await net::http2_fetch(
                     target.loop, address,
                     {.target = target.check.http_path, .fields = {{"user-agent", "shore-health"}}},
                     deadline));
    SHORE_CO_CHECK(judge_status(target, answer.status));
    if (target.check.http_body.empty()) {
        co_return answer_text(target, answer.status);
    }
    co_return judge_body(target, answer.status,
                         std::string_view(answer.body).substr(0, kProbeBodyMax));
}

async::Task<Verdict> probe_http(ProbeTarget target, async::Deadline deadline) {
    if (target.check.http_protocol != model::UpstreamProtocol::kHttp1) {
        co_return co_await probe_http2(target, deadline);
    }
    net::HttpRequest request;
    request.target = target.check.http_path;
    request.fields.add("User-Agent", "shore-health");
    request.fields.add("Connection", "close");
    net::HttpClient client(target.loop, net::Address::loopback(target.port));
    SHORE_CO_TRY(const auto exchange, co_await client.start(std::move(request), deadline));
    const uint16_t status = exchange->status();
    SHORE_CO_CHECK(judge_status(target, status));
    if (target.check.http_body.empty()) {
        co_return answer_text(target, status);
    }
    SHORE_CO_TRY(const std::string body, co_await read_beginning(*exchange, deadline));
    co_return judge_body(target, status, body);
}

async::Task<Verdict> run_command(ProbeTarget target) {
    std::vector<std::string> argv;
    const auto environment = environment_of(target.launch);
    for (const std::string& argument : target.check.command) {
        argv.push_back(expand(argument, environment));
    }
    std::string output;
    const async::CommandOutput keep = [&output](async::OutputStream, std::string_view bytes) {
        output += bytes.substr(0, kCommandOutputKept - std::min(kCommandOutputKept, output.size()));
    };
    SHORE_CO_TRY(const os::ExitStatus end,
                 co_await target.commands.run(spawn_options(target.launch, std::move(argv)), keep));
    const std::string said = base::printable(base::trim(output), kProbeMessageMax / 2);
    const std::string message =
        said.empty() ? os::to_text(end) : fmt::format("{}: {}", os::to_text(end), said);
    if (!end.success()) {
        co_return fail(ErrorCode::kUnavailable, "{}", message);
    }
    co_return message;
}

/// 200 and 503 carry the same JSON: {"ready": false, "detail": "recovering"}.
async::Task<Verdict> probe_engine(ProbeTarget target, async::Deadline deadline) {
    SHORE_CO_TRY(net::Address address, net::Address::unix_path(target.engine_socket));
    SHORE_CO_TRY(
        const net::HttpResponse answer,
        co_await net::http_fetch(target.loop, std::move(address), {.target = "/health"}, deadline));
    SHORE_CO_TRY(const wire::Json health, wire::Json::parse(answer.body));
    std::string detail(health["detail"].text());
    if (!answer.success()) {
        co_return fail(ErrorCode::kUnavailable, "{}", detail);
    }
    co_return detail;
}

async::Task<Verdict> ask(ProbeTarget target, async::Deadline deadline) {
    switch (target.check.probe) {
        case model::HealthProbe::kHttp:
            co_return co_await probe_http(target, deadline);
        case model::HealthProbe::kTcp:
            co_return co_await probe_tcp(target, deadline);
        case model::HealthProbe::kCommand:
            co_return co_await run_command(target);
        case model::HealthProbe::kEngine:
            co_return co_await probe_engine(target, deadline);
        case model::HealthProbe::kNone:
            break;
    }
    co_return std::string("no probe");
}

}  // namespace

async::Task<ProbeResult> probe(ProbeTarget target) {
    const SteadyTime begun = target.loop.now();
    const async::Deadline deadline = async::Deadline::in(target.loop, target.check.timeout);
    // The deadline stands around the whole: a command has no other, and its group is killed when
    // its task is destroyed.
    const Verdict verdict =
        co_await async::with_deadline(target.loop, deadline, "the probe", ask(target, deadline));
    ProbeResult result;
    result.ok = verdict.has_value();
    if (!verdict && verdict.error().code() == ErrorCode::kTimeout) {
        result.message = fmt::format("no answer within {}", base::to_text(target.check.timeout));
    } else {
        result.message =
            base::printable(verdict ? *verdict : verdict.error().text(), kProbeMessageMax);
    }
    result.at = target.loop.wall_now();
    result.took = target.loop.now() - begun;
    co_return result;
}

}  // namespace shore::supervise
