// Calls about engines: real servers under their agents.
#include "api/service.h"

namespace shore::api {

async::Task<Answered> Service::ask_engine(const Call& call) {
    SHORE_CO_TRY(const StackStatus stack, find_stack(call));
    const std::string engine = call.arguments.text("engine");
    if (call.endpoint->operation == Operation::kListEngines) {
        SHORE_CO_TRY(const wire::Json list, co_await ports_.engines.list(stack.name));
        co_return Reply::of(list);
    }
    if (call.endpoint->operation == Operation::kViewEngine) {
        SHORE_CO_TRY(const wire::Json view,
                     co_await ports_.engines.view(stack.name, engine, call.arguments.text("view")));
        co_return Reply::of(view);
    }
    SHORE_CO_TRY(
        const wire::Json result,
        co_await ports_.engines.act(stack.name, engine, call.arguments.text("action"), call.body));
    co_return Reply::of(result);
}

}  // namespace shore::api
