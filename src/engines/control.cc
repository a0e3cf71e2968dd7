#include "engines/control.h"

#include "base/strings.h"

namespace shore::engines {

using async::Task;
using net::HttpRequest;
using net::HttpResponse;
using wire::Json;

namespace {

uint16_t status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalid:
            return 422;
        case ErrorCode::kNotFound:
            return 404;
        case ErrorCode::kConflict:
            return 409;
        case ErrorCode::kUnavailable:
        case ErrorCode::kStopped:
            return 503;
        case ErrorCode::kTimeout:
            return 504;
        case ErrorCode::kUnsupported:
            return 501;
        default:
            return 500;
    }
}

HttpResponse problem(const Error& error) {
    return HttpResponse::json(
        status_of(error.code()),
        Json::object().set("error", error.text()).set("code", to_string(error.code())).dump());
}

}  // namespace

Task<Result<Json>> Control::answer(const HttpRequest& request) {
    const std::string_view path = request.path();
    const bool is_get = request.method == "GET";
    if (is_get && path == "/status") {
        co_return co_await server_.status();
    }
    constexpr std::string_view kViews = "/views/";
    if (is_get && path.starts_with(kViews)) {
        co_return co_await server_.view(std::string(path.substr(kViews.size())));
    }
    constexpr std::string_view kUsers = "/users/";
    if (is_get && path.starts_with(kUsers)) {
        SHORE_CO_CHECK(co_await server_.user_ready(std::string(path.substr(kUsers.size()))));
        co_return Json::object();
    }
    if (request.method == "POST" && path == "/check") {
        SHORE_CO_TRY(model::EngineSpec spec, model::parse_engine_spec(request.body));
        SHORE_CO_CHECK(co_await server_.check(std::move(spec)));
        co_return Json::object();
    }
    constexpr std::string_view kActions = "/actions/";
    if (request.method == "POST" && path.starts_with(kActions)) {
        Json arguments = Json::object();
        if (!request.body.empty()) {
            SHORE_CO_TRY(arguments, Json::parse(request.body));
        }
        co_return co_await server_.act(std::string(path.substr(kActions.size())),
                                       std::move(arguments));
    }
    co_return fail(ErrorCode::kNotFound, "an agent has no {} {}", request.method, path);
}

Task<void> Control::handle(const HttpRequest& request, net::HttpResponder& responder) {
    // A client that has gone needs no answer: what send() says is not looked at.
    if (request.method == "GET" && request.path() == "/health") {
        const Health health = server_.health();
        const Json json = Json::object().set("ready", health.ready).set("detail", health.detail);
        (void)co_await responder.send(
            HttpResponse::json(health.ready ? uint16_t{200} : uint16_t{503}, json.dump()));
        co_return;
    }
    if (request.method == "GET" && request.path() == "/metrics") {
        (void)co_await responder.send(HttpResponse::text(200, co_await server_.metrics()));
        co_return;
    }
    const auto answered = co_await answer(request);
    (void)co_await responder.send(answered ? HttpResponse::json(200, answered->dump())
                                           : problem(answered.error()));
}

}  // namespace shore::engines
