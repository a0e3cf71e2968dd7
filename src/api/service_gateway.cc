// Calls about the gateway's work: routes, and why a request goes where it goes.
#include "api/service.h"

namespace shore::api {

async::Task<Answered> Service::list_routes() {
    SHORE_CO_TRY(const wire::Json routes, co_await ports_.gateway.routes());
    co_return Reply::of(routes);
}

async::Task<Answered> Service::explain_route(const Call& call) {
    const Arguments& given = call.arguments;
    if (given.text("url").empty()) {
        co_return std::unexpected(
            Problem(Error(ErrorCode::kInvalid, "the query parameter url is missing")));
    }
    wire::Json request = wire::Json::object().set("url", given.text("url"));
    if (const std::string method = given.text("method"); !method.empty()) {
        request.set("method", method);
    }
    if (const std::string from = given.text("from"); !from.empty()) {
        request.set("from", from);
    }
    request.set("headers", wire::Json::strings(given.list("header")));
    SHORE_CO_TRY(const wire::Json explanation, co_await ports_.gateway.explain(std::move(request)));
    co_return Reply::of(explanation);
}

async::Task<Answered> Service::cache_status() {
    SHORE_CO_TRY(const wire::Json status, co_await ports_.gateway.cache_status());
    co_return Reply::of(status);
}

async::Task<Answered> Service::purge_cache(const Call& call) {
    bool some = false;
    for (const std::string_view key : {"url", "prefix", "tag", "service"}) {
        some = some || !call.body[key].text().empty();
    }
    if (call.body["all"].truth() == some) {
        co_return fail(ErrorCode::kInvalid,
                       "give url, prefix, tag or service; or all, and nothing else");
    }
    SHORE_CO_TRY(const wire::Json purged, co_await ports_.gateway.purge_cache(call.body));
    co_return Reply::of(purged);
}

async::Task<Answered> Service::ask_gateway(const Call& call) {
    switch (call.endpoint->operation) {
        case Operation::kUpgradeGateway:
            return upgrade_gateway();
        case Operation::kCacheStatus:
            return cache_status();
        case Operation::kPurgeCache:
            return purge_cache(call);
        case Operation::kExplainRoute:
            return explain_route(call);
        case Operation::kTraffic:
            return traffic(call);
        default:
            return list_routes();
    }
}

async::Task<Answered> Service::traffic(const Call& call) {
    constexpr uint64_t kSecondsUsual = 10;
    constexpr uint64_t kSecondsMax = 60;
    const uint64_t seconds = call.arguments.integer("seconds").value_or(kSecondsUsual);
    if (seconds < 1 || seconds > kSecondsMax) {
        co_return std::unexpected(
            Problem(Error(ErrorCode::kInvalid,
                          fmt::format("seconds must be 1..{}, got {}", kSecondsMax, seconds))));
    }
    SHORE_CO_TRY(const wire::Json traffic, co_await ports_.gateway.traffic(seconds));
    co_return Reply::of(traffic);
}

}  // namespace shore::api
