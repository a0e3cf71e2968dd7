// Controller: the operations on stacks. One per daemon; it owns a Runner per stack and the
// Publisher for all.
//
// Deploys of one stack: the newer one wins. A deploy (or rollback) that arrives while a rollout is
// under way takes over at once; the unfinished release becomes superseded, its waiters are told,
// and the newest release that was active stays what a failure falls back to. scale, stop, start and
// restart are overrides beside the manifest: they act on whatever release is current, make no
// release, persist, and end with `down`.
//
// Everything lives on the control plane's loop; database work goes through the store. Operations
// return as soon as the intention is stored; the rollout goes on in the background and is followed
// with watch().
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "base/clock.h"
#include "base/result.h"
#include "config/diff.h"
#include "model/event.h"
#include "model/release.h"
#include "model/stack_spec.h"
#include "release/goals.h"
#include "release/ports.h"
#include "release/preview.h"
#include "release/progress.h"
#include "release/status.h"
#include "store/store.h"

namespace shore::release {

class Publisher;
class Runner;
struct LoadedRelease;

struct DeployRequest {
    model::StackSpec stack;  ///< As config::load gave it.
    std::string manifest;    ///< config::Loaded::manifest_yaml.
    std::string origin;      ///< "up", "deploy"; kept with the release.
    bool force = false;  ///< A new release that replaces every instance, even when nothing changed.
};

struct Deployed {
    std::string stack;
    uint64_t release = 0;
    bool changed =
        false;  ///< False: the manifest is the active one and everything it asks for runs.
};

struct Collaborators {
    async::Loop& loop;
    store::Store& store;
    model::EventSink& events;
    Runtime& runtime;
    Gateway& gateway;
};

class Controller final {
 public:
    /// The collaborators outlive the controller.
    explicit Controller(Collaborators with);
    ~Controller();

    /// Loads every stack that is up and continues what was under way. Call once, after the runtime
    /// has adopted its instances and before any other operation. A release whose manifest cannot be
    /// read any more is reported as trouble of its stack; its instances are left alone.
    async::Task<Result<void>> resume();

    /// kConflict when its routes or ports collide with another stack's (nothing is stored then);
    /// kInvalid when the manifest is broken. Unchanged and healthy: `changed` is false and nothing
    /// happens. Unchanged with failed or stopped services: those are started again, without a new
    /// release.
    async::Task<Result<Deployed>> deploy(DeployRequest request);
    /// A new release with the manifest of release `number`, or of the newest one before the current
    /// that was ever active. kNotFound without such a release.
    async::Task<Result<Deployed>> rollback(std::string stack, std::optional<uint64_t> number);

    /// Replicas per service, until changed or down. kInvalid above kReplicasMax, for static and
    /// one-shot services, and above 1 for a fixed port.
    async::Task<Result<void>> scale(std::string stack, std::map<std::string, uint32_t> replicas);
    /// Empty `services`: all of them. Dependants are not stopped along.
    async::Task<Result<void>> stop(std::string stack, std::vector<std::string> services);
    async::Task<Result<void>> start(std::string stack, std::vector<std::string> services);
    /// Rolling, by update_config: new instances are healthy before old ones go. One-shot services
    /// run again.
    async::Task<Result<void>> restart(std::string stack, std::vector<std::string> services);
    /// Stops everything in reverse order of dependencies, takes its routes away, and completes when
    /// nothing is left.
    async::Task<Result<void>> down(std::string stack, bool with_volumes);

    async::Task<Result<Preview>> preview(DeployRequest request);
    /// Newest first.
    async::Task<Result<std::vector<model::Release>>> releases(std::string stack, uint32_t limit);
    async::Task<Result<model::Release>> release(std::string stack, uint64_t number);
    async::Task<Result<std::vector<config::Change>>> diff(std::string stack, uint64_t from,
                                                          uint64_t to);

    /// Every stack that is up, sorted by name.
    std::vector<StackStatus> status() const;
    /// The spec in force, or nullptr when the stack is not up. Valid until control returns to the
    /// loop.
    const model::StackSpec* spec(std::string_view stack) const;
    /// Reports from now on, beginning with the present state. kNotFound when the stack is not up;
    /// kExhausted when too many listen.
    Result<std::unique_ptr<ProgressSubscription>> watch(std::string_view stack);

    /// The runtime's notice that instances of the stack have changed. Cheap; may be called from
    /// anywhere on the loop.
    void instance_changed(std::string_view stack);
    /// The gateway was started again or has come back: everything is published anew.
    void gateway_changed();

    /// Stops planning; instances and gateway go on. May be called twice.
    void stop_planning();

 private:
    struct Resumable;

    Runner* find(std::string_view stack) const;
    Result<Runner*> find_up(std::string_view stack) const;
    Runner& find_or_make(const std::string& stack);
    async::Task<Result<Deployed>> begin(LoadedRelease release, Overrides overrides);
    std::set<std::string> in_trouble(const Runner& runner) const;
    async::Task<Result<Deployed>> keep_as_it_is(std::string stack);
    async::Task<Result<std::vector<Resumable>>> load_all();
    void resume_one(Resumable stack);
    async::Task<Result<void>> override_services(std::string stack, std::string kind,
                                                std::vector<store::ServiceOverride> values);
    /// While what a stack left behind is removed, nothing of it may be started.
    async::Task<void> wait_for_removal(std::string stack);
    async::Task<void> finish_down(std::string stack, bool with_volumes);
    void record(std::string stack, std::string kind, std::string message);

    Collaborators with_;
    std::unique_ptr<Publisher> publisher_;
    std::map<std::string, std::unique_ptr<Runner>, std::less<>> runners_;
    std::map<std::string, Result<void>, std::less<>> downs_;  // Outcome of the last one, by stack.
    std::set<std::string, std::less<>> removing_;
    std::vector<StackStatus> unreadable_;  // Stacks whose release could not be loaded.
    async::Event down_ended_;
    async::Scope scope_;
};

}  // namespace shore::release
