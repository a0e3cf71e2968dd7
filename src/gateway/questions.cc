#include "gateway/questions.h"

#include <algorithm>

#include "base/strings.h"
#include "gateway/cache_view.h"
#include "gateway/limits.h"
#include "gateway/predecessors.h"
#include "gateway/route_view.h"
#include "gateway/service.h"

namespace shore::gateway {

using async::Task;
using wire::Json;

namespace {

RouteQuestion question_of(const Json& with) {
    RouteQuestion question;
    question.method = with["method"].text(question.method);
    question.url = with["url"].text();
    question.from = with["from"].text(question.from);
    for (const Json& field : with["headers"].items()) {
        question.fields.emplace_back(field.text());
    }
    return question;
}

}  // namespace

Task<Result<Json>> answer_question(Service& service, Predecessors&, Json question) {
    const std::string_view name = question["ask"].text();
    const std::shared_ptr<const Compiled> compiled = service.compiled();
    if (name == "routes") {
        co_return list_routes(*compiled, service.now());
    }
    if (name == "explain") {
        co_return explain_route(*compiled, question_of(question["with"]), service.now());
    }
    if (name == "cache_status") {
        co_return co_await cache_status(service);
    }
    if (name == "cache_purge") {
        co_return co_await purge_cache(service, question["with"]);
    }
    if (name == "traffic") {
        const int64_t wanted = question["with"]["seconds"].integer(10);
        co_return co_await service.traffic(std::chrono::seconds(
            std::clamp<int64_t>(wanted, 1, std::chrono::seconds(kTrafficWindow).count())));
    }
    co_return fail(ErrorCode::kUnsupported, "the gateway does not know the question \"{}\"",
                   base::printable(name, 40));
}

}  // namespace shore::gateway
