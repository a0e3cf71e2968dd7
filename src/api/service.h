// Service: what each call does: translation to the ports and back. Decides nothing about stacks.
//
// One file per tag of the endpoint table: service_stacks.cc, service_releases.cc, …
#pragma once

#include <functional>
#include <map>
#include <string>

#include "api/call.h"
#include "api/idempotency.h"
#include "api/ports.h"
#include "async/event.h"
#include "async/scope.h"
#include "async/task.h"

namespace shore::async {
class Loop;
}

namespace shore::api {

/// Lives on the control plane's loop. Ports and loop outlive it; replies' feeds do not outlive it.
class Service final {
 public:
    Service(async::Loop& loop, Ports ports);

    /// Carries a routed and authorised call out. The task may be cancelled: what a port has
    /// accepted goes on.
    async::Task<Answered> answer(Call call);

    /// Ends what still runs for clients that have gone. May be called twice.
    void stop();

 private:
    async::Task<Answered> dispatch(const Call& call);

    // daemon
    Answered ready() const;
    async::Task<Answered> metrics();
    Answered version() const;
    Answered shut_down();
    Answered upgrade_daemon();
    async::Task<Answered> upgrade_gateway();
    // stacks
    Answered list_stacks() const;
    Answered show_stack(const Call& call) const;
    Answered health(const Call& call) const;
    Answered watch(const Call& call);
    async::Task<Answered> deploy(const Call& call);
    async::Task<Answered> plan(const Call& call);
    async::Task<Answered> down(const Call& call);
    // releases
    async::Task<Answered> list_releases(const Call& call);
    async::Task<Answered> show_release(const Call& call);
    async::Task<Answered> diff(const Call& call);
    async::Task<Answered> rollback(const Call& call);
    // services
    async::Task<Answered> scale(const Call& call);
    async::Task<Answered> restart(const Call& call);
    async::Task<Answered> stop_services(const Call& call);
    async::Task<Answered> start_services(const Call& call);
    async::Task<Answered> stop_or_start(const Call& call);
    // logs, exec, events
    Answered logs(const Call& call);
    Answered exec(const Call& call);
    async::Task<Answered> events(const Call& call);

    // certificates
    async::Task<Answered> ask_certificates(const Call& call);
    async::Task<Answered> list_certificates();
    async::Task<Answered> renew_certificates();
    async::Task<Answered> show_authority();
    async::Task<Answered> trust_authority();
    // gateway
    async::Task<Answered> ask_gateway(const Call& call);
    async::Task<Answered> list_routes();
    async::Task<Answered> explain_route(const Call& call);
    async::Task<Answered> cache_status();
    async::Task<Answered> purge_cache(const Call& call);
    async::Task<Answered> traffic(const Call& call);

    // engines
    async::Task<Answered> ask_engine(const Call& call);

    /// The stack that the call names. kNotFound with the nearest name.
    Result<StackStatus> find_stack(const Call& call) const;
    /// The services that the body names. kNotFound with the nearest name.
    Result<std::vector<std::string>> named_services(const StackStatus& stack,
                                                    const Call& call) const;

    /// A down under way or just ended, and who waits for it.
    struct Down {
        explicit Down(async::Loop& loop) : ended(loop) {}
        async::Event ended;
        Result<void> result;
    };
    async::Task<void> run_down(std::string stack, Stacks::Volumes volumes,
                               std::shared_ptr<Down> down);

    async::Loop& loop_;
    Ports ports_;
    Idempotency idempotency_;
    std::map<std::string, std::shared_ptr<Down>, std::less<>> downs_;
    size_t execs_ = 0;
    async::Scope background_;
};

/// Names of a stack's services; and whether a name is among names.
std::vector<std::string> service_names(const StackStatus& stack);
bool is_one_of(const std::vector<std::string>& names, std::string_view name);
/// For the end of "there is no such service": the nearest name, or the few that there are.
std::string hint(std::string_view name, const std::vector<std::string>& names);

/// The answer to a change: 202 with where to follow it.
Reply accepted_reply(const Accepted& accepted);

}  // namespace shore::api
