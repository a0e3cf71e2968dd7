// Calls about stacks as a whole: status, health, deploy, plan, down, and following a rollout.
#include "api/encode.h"
#include "api/progress_feed.h"
#include "api/service.h"

namespace shore::api {

Answered Service::list_stacks() const {
    wire::Json stacks = wire::Json::array();
    for (const StackStatus& stack : ports_.stacks.status()) {
        stacks.push(to_json(stack));
    }
    return Reply::of(wire::Json::object().set("stacks", std::move(stacks)));
}

Answered Service::show_stack(const Call& call) const {
    SHORE_TRY(const StackStatus stack, find_stack(call));
    return Reply::of(to_json(stack));
}

Answered Service::health(const Call& call) const {
    SHORE_TRY(const StackStatus stack, find_stack(call));
    return Reply::of(to_health(stack));
}

Answered Service::watch(const Call& call) {
    const std::string stack = call.arguments.text("stack");
    SHORE_CHECK(find_stack(call));
    SHORE_TRY(auto reports, ports_.stacks.watch(stack));
    Reply reply;
    reply.content_type = "text/event-stream";
    reply.feed = std::make_unique<ProgressFeed>(
        ports_.stacks, stack, call.arguments.integer("release"), std::move(reports));
    return reply;
}

async::Task<Answered> Service::deploy(const Call& call) {
    SHORE_CO_TRY(DeployRequest request, to_deploy_request(call.body));
    const auto accepted = co_await ports_.stacks.deploy(std::move(request));
    if (!accepted) {
        co_return std::unexpected(Problem(accepted.error()));
    }
    co_return accepted_reply(*accepted);
}

async::Task<Answered> Service::plan(const Call& call) {
    SHORE_CO_TRY(DeployRequest request, to_deploy_request(call.body));
    const auto plan = co_await ports_.stacks.plan(std::move(request));
    if (!plan) {
        co_return std::unexpected(Problem(plan.error()));
    }
    co_return Reply::of(to_json(*plan));
}

async::Task<Answered> Service::down(const Call& call) {
    SHORE_CO_TRY(const StackStatus stack, find_stack(call));
    // A copy: a down that has nothing to wait for takes itself out of the map at once.
    std::shared_ptr<Down> down = downs_[stack.name];
    if (!down) {
        down = downs_[stack.name] = std::make_shared<Down>(loop_);
        const auto volumes =
            call.arguments.flag("volumes") ? Stacks::Volumes::kRemove : Stacks::Volumes::kKeep;
        background_.spawn(run_down(stack.name, volumes, down));
    }
    co_await down->ended.wait();
    SHORE_CO_CHECK(down->result);
    co_return Reply::of(wire::Json::object()
                            .set("ok", true)
                            .set("release", 0)
                            .set("phase", to_string(Phase::kSettled))
                            .set("message", fmt::format("{} is down", stack.name)));
}

async::Task<void> Service::run_down(std::string stack, Stacks::Volumes volumes,
                                    std::shared_ptr<Down> down) {
    down->result = co_await ports_.stacks.down(stack, volumes);
    downs_.erase(stack);
    down->ended.set();
}

}  // namespace shore::api
