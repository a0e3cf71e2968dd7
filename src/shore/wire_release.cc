#include "shore/wire_release.h"

#include <algorithm>
#include <utility>

namespace shore {

namespace {

api::Phase to_api(release::Phase phase) {
    switch (phase) {
        case release::Phase::kSettled:
            return api::Phase::kSettled;
        case release::Phase::kRolling:
            return api::Phase::kRolling;
        case release::Phase::kSucceeded:
            return api::Phase::kSucceeded;
        case release::Phase::kRolledBack:
            return api::Phase::kRolledBack;
        case release::Phase::kFailed:
            return api::Phase::kFailed;
        case release::Phase::kSuperseded:
            return api::Phase::kSuperseded;
    }
    return api::Phase::kSettled;
}

api::Progress to_api(release::Progress progress) {
    api::Progress result{.release = progress.release,
                         .phase = to_api(progress.phase),
                         .message = std::move(progress.message),
                         .at = progress.at};
    for (release::ServiceProgress& service : progress.services) {
        result.services.push_back({.name = std::move(service.name),
                                   .desired = service.desired,
                                   .ready = service.ready,
                                   .updated = service.updated,
                                   .note = std::move(service.note),
                                   .is_static = service.is_static});
    }
    return result;
}

api::StackStatus to_api(release::StackStatus status, const model::StackSpec* spec) {
    api::StackStatus result{.name = std::move(status.name),
                            .release = status.release,
                            .deploying = status.deploying,
                            .phase = to_api(status.phase),
                            .reason = std::move(status.reason),
                            .trouble = std::move(status.trouble),
                            .urls = std::move(status.urls)};
    if (spec != nullptr) {
        result.environment = spec->environment;
        result.directory = spec->directory;
    }
    for (release::ServiceStatus& service : status.services) {
        result.services.push_back({.name = std::move(service.name),
                                   .desired = service.desired,
                                   .ready = service.ready,
                                   .stopped = service.stopped,
                                   .is_static = service.is_static,
                                   .one_shot = service.one_shot,
                                   .urls = std::move(service.urls),
                                   .instances = std::move(service.instances)});
    }
    return result;
}

class Reports final : public api::ProgressStream {
 public:
    explicit Reports(std::unique_ptr<release::ProgressSubscription> subscription)
        : subscription_(std::move(subscription)) {}

    async::Task<std::optional<api::Progress>> next() override {
        auto report = co_await subscription_->next();
        if (!report) {
            co_return std::nullopt;
        }
        co_return to_api(std::move(*report));
    }

 private:
    std::unique_ptr<release::ProgressSubscription> subscription_;
};

std::unexpected<api::Rejection> reject(Error error) {
    return std::unexpected(api::Rejection{.error = std::move(error), .problems = {}});
}

std::unexpected<api::Rejection> reject(config::Problems problems) {
    Error error = config::to_error(problems);
    return std::unexpected(
        api::Rejection{.error = std::move(error), .problems = std::move(problems)});
}

release::DeployRequest to_release(config::Loaded& loaded, std::string origin, bool force) {
    return {.stack = std::move(loaded.stack),
            .manifest = std::move(loaded.manifest_yaml),
            .origin = std::move(origin),
            .force = force};
}

/// Counts for as long as it lives, also when the task that holds it is cancelled.
class Counted final {
 public:
    explicit Counted(size_t& count) : count_(count) { ++count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --count_; }

 private:
    size_t& count_;
};

}  // namespace

async::Task<std::expected<config::Loaded, api::Rejection>> ControlledStacks::load(
    config::LoadRequest request) {
    auto work = [request = std::move(request)]() -> Result<config::Outcome> {
        config::Outcome outcome = config::load(request);
        if (!outcome) {
            return outcome;
        }
        config::Problems problems = config::check_runtime(*outcome, config::Runtime::kProcess);
        if (!problems.empty()) {
            return config::Outcome(std::unexpected(std::move(problems)));
        }
        return outcome;
    };
    auto outcome = co_await workers_.run<config::Outcome>(loop_, std::move(work));
    if (!outcome) {
        co_return reject(std::move(outcome).error());
    }
    if (!*outcome) {
        co_return reject(std::move(*outcome).error());
    }
    co_return std::move(**outcome);
}

std::vector<config::Note> ControlledStacks::news(std::string_view stack,
                                                 std::vector<config::Note> notes) const {
    if (const auto told = told_.find(stack); told != told_.end()) {
        std::erase_if(notes, [&](const config::Note& note) {
            return std::ranges::any_of(told->second, [&](const config::Note& old) {
                return old.path == note.path && old.message == note.message;
            });
        });
    }
    return notes;
}

std::vector<api::StackStatus> ControlledStacks::status() const {
    std::vector<api::StackStatus> result;
    for (release::StackStatus& status : controller_.status()) {
        const model::StackSpec* const spec = controller_.spec(status.name);
        result.push_back(to_api(std::move(status), spec));
    }
    return result;
}

Result<std::unique_ptr<api::ProgressStream>> ControlledStacks::watch(std::string_view stack) {
    SHORE_TRY(auto subscription, controller_.watch(stack));
    return std::make_unique<Reports>(std::move(subscription));
}

async::Task<std::expected<api::Accepted, api::Rejection>> ControlledStacks::deploy(
    api::DeployRequest request) {
    const Counted counted(deploys_);
    auto loaded = co_await load(std::move(request.manifest));
    if (!loaded) {
        co_return std::unexpected(std::move(loaded).error());
    }
    if (auto checked = co_await engines_.check(loaded->stack); !checked) {
        co_return reject(std::move(checked).error());
    }
    auto deployed =
        co_await controller_.deploy(to_release(*loaded, std::move(request.origin), request.force));
    if (!deployed) {
        co_return reject(std::move(deployed).error());
    }
    std::vector<config::Note> notes = news(deployed->stack, loaded->notes);
    told_.insert_or_assign(deployed->stack, std::move(loaded->notes));
    co_return api::Accepted{.stack = std::move(deployed->stack),
                            .release = deployed->release,
                            .changed = deployed->changed,
                            .notes = std::move(notes)};
}

async::Task<std::expected<api::Plan, api::Rejection>> ControlledStacks::plan(
    api::DeployRequest request) {
    auto loaded = co_await load(std::move(request.manifest));
    if (!loaded) {
        co_return std::unexpected(std::move(loaded).error());
    }
    if (auto checked = co_await engines_.check(loaded->stack); !checked) {
        co_return reject(std::move(checked).error());
    }
    std::string stack = model::stack_id(loaded->stack);
    std::vector<config::Note> notes = news(stack, std::move(loaded->notes));
    auto preview =
        co_await controller_.preview(to_release(*loaded, std::move(request.origin), request.force));
    if (!preview) {
        co_return reject(std::move(preview).error());
    }
    api::Plan plan{.stack = std::move(stack),
                   .release = preview->release,
                   .changed = preview->changed,
                   .changes = std::move(preview->changes),
                   .warnings = std::move(preview->warnings),
                   .notes = std::move(notes)};
    for (release::Step& step : preview->steps) {
        plan.steps.push_back({.kind = std::string(to_string(step.kind)),
                              .service = std::move(step.service),
                              .instance = std::move(step.instance),
                              .text = std::move(step.text)});
    }
    co_return plan;
}

async::Task<Result<api::Accepted>> ControlledStacks::rollback(std::string stack,
                                                              std::optional<uint64_t> release) {
    SHORE_CO_TRY(release::Deployed deployed, co_await controller_.rollback(stack, release));
    co_return api::Accepted{.stack = std::move(deployed.stack),
                            .release = deployed.release,
                            .changed = deployed.changed};
}

async::Task<Result<void>> ControlledStacks::scale(std::string stack,
                                                  std::map<std::string, uint32_t> replicas) {
    return controller_.scale(std::move(stack), std::move(replicas));
}

async::Task<Result<void>> ControlledStacks::restart(std::string stack,
                                                    std::vector<std::string> services) {
    return controller_.restart(std::move(stack), std::move(services));
}

async::Task<Result<void>> ControlledStacks::stop(std::string stack,
                                                 std::vector<std::string> services) {
    return controller_.stop(std::move(stack), std::move(services));
}

async::Task<Result<void>> ControlledStacks::start(std::string stack,
                                                  std::vector<std::string> services) {
    return controller_.start(std::move(stack), std::move(services));
}

async::Task<Result<void>> ControlledStacks::down(std::string stack, Volumes volumes) {
    SHORE_CO_CHECK(co_await controller_.down(stack, volumes == Volumes::kRemove));
    told_.erase(stack);
    if (on_down_) {
        on_down_();
    }
    co_return Result<void>();
}

async::Task<Result<std::vector<model::Release>>> ControlledStacks::releases(std::string stack,
                                                                            uint32_t limit) {
    return controller_.releases(std::move(stack), limit);
}

async::Task<Result<model::Release>> ControlledStacks::release(std::string stack, uint64_t number) {
    return controller_.release(std::move(stack), number);
}

async::Task<Result<std::vector<config::Change>>> ControlledStacks::diff(std::string stack,
                                                                        uint64_t from,
                                                                        uint64_t to) {
    return controller_.diff(std::move(stack), from, to);
}

}  // namespace shore
