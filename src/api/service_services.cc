// Calls that change services of a stack: scale, restart, stop, start.
#include "api/encode.h"
#include "api/service.h"
#include "base/strings.h"

namespace shore::api {
namespace {

Reply accepted_override(const StackStatus& stack) {
    return accepted_reply({.stack = stack.name, .release = 0, .changed = true, .notes = {}});
}

}  // namespace

async::Task<Answered> Service::scale(const Call& call) {
    SHORE_CO_TRY(const StackStatus stack, find_stack(call));
    const std::vector<std::string> names = service_names(stack);
    std::map<std::string, uint32_t> replicas;
    for (const wire::Json::Member& member : call.body["services"].members()) {
        if (!is_one_of(names, member.key)) {
            co_return fail(ErrorCode::kNotFound, "stack {} has no service \"{}\"{}", stack.name,
                           base::printable(member.key), hint(member.key, names));
        }
        replicas[member.key] = static_cast<uint32_t>(member.value.integer());
    }
    SHORE_CO_CHECK(co_await ports_.stacks.scale(stack.name, std::move(replicas)));
    co_return accepted_override(stack);
}

async::Task<Answered> Service::restart(const Call& call) {
    SHORE_CO_TRY(const StackStatus stack, find_stack(call));
    SHORE_CO_TRY(auto services, named_services(stack, call));
    SHORE_CO_CHECK(co_await ports_.stacks.restart(stack.name, std::move(services)));
    co_return accepted_override(stack);
}

async::Task<Answered> Service::stop_services(const Call& call) {
    SHORE_CO_TRY(const StackStatus stack, find_stack(call));
    SHORE_CO_TRY(auto services, named_services(stack, call));
    SHORE_CO_CHECK(co_await ports_.stacks.stop(stack.name, std::move(services)));
    co_return accepted_override(stack);
}

async::Task<Answered> Service::start_services(const Call& call) {
    SHORE_CO_TRY(const StackStatus stack, find_stack(call));
    SHORE_CO_TRY(auto services, named_services(stack, call));
    SHORE_CO_CHECK(co_await ports_.stacks.start(stack.name, std::move(services)));
    co_return accepted_override(stack);
}

async::Task<Answered> Service::stop_or_start(const Call& call) {
    return call.endpoint->operation == Operation::kStop ? stop_services(call)
                                                        : start_services(call);
}

}  // namespace shore::api
