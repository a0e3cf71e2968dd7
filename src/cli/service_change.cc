#include "cli/service_change.h"

#include "base/strings.h"
#include "cli/progress.h"

namespace shore::cli {

async::Task<Result<int>> change_services(Context& context, Arguments arguments, std::string action,
                                         std::string done) {
    const std::vector<std::string> services = arguments.values("SERVICE");
    SHORE_CO_CHECK(co_await context.connect(Context::Start::kIfState));
    SHORE_CO_TRY(const std::string stack, co_await context.choose_stack(arguments));
    SHORE_CO_TRY(wire::Json accepted,
                 co_await context.client.post(
                     stack_target(stack, "/" + action),
                     wire::Json::object().set("services", wire::Json::strings(services))));
    std::string message = fmt::format(
        "{}: {} {}", stack, services.empty() ? "every service" : base::join(services, ", "), done);
    co_return co_await finish_change(context, std::move(accepted), std::move(arguments),
                                     std::move(message));
}

}  // namespace shore::cli
