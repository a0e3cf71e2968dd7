// A new daemon takes over: which release of each stack is in force, and what was under way.
#include <algorithm>

#include <fmt/format.h>

#include "config/load.h"
#include "release/controller.h"
#include "release/limits.h"
#include "release/publisher.h"
#include "release/runner.h"

namespace shore::release {

using model::ReleaseStatus;

/// A stack as the database has it.
struct Controller::Resumable {
    store::StackRecord record;
    LoadedRelease current;
    std::optional<LoadedRelease> active;
    std::vector<std::shared_ptr<const model::StackSpec>> remnants;
    Overrides overrides;
    std::string trouble;  ///< Why it cannot be resumed; empty when it can.
};

namespace {

/// The newest release that the operator left in force, and the active one behind it when it is not
/// active itself.
struct Found {
    const model::Release* current = nullptr;
    const model::Release* active = nullptr;
    const model::Release* failed = nullptr;  ///< The newest failed one after the active one.
};

Found find_in_force(const std::vector<model::Release>& newest_first) {
    Found found;
    for (const model::Release& release : newest_first) {
        if (release.status == ReleaseStatus::kActive) {
            found.active = &release;
            break;
        }
        if (release.status == ReleaseStatus::kDeploying && found.current == nullptr) {
            found.current = &release;
        }
        if (release.status == ReleaseStatus::kFailed && found.failed == nullptr) {
            found.failed = &release;
        }
    }
    const bool in_force =
        found.failed != nullptr && (found.failed->reason.starts_with(kPausedReason) ||
                                    found.failed->reason.starts_with(kUnfinishedReason));
    const bool nothing_else = found.active == nullptr;
    if (found.current == nullptr && found.failed != nullptr && (in_force || nothing_else)) {
        found.current = found.failed;
    }
    if (found.current == nullptr) {
        found.current = found.active;
    }
    return found;
}

Result<LoadedRelease> load(const model::Release& release, const std::string& environment) {
    auto loaded = config::load_normalised(release.manifest, release.directory, environment);
    if (!loaded) {
        return fail(config::to_error(loaded.error())
                        .with(fmt::format("the manifest of release {} cannot be read any more",
                                          release.number)));
    }
    return LoadedRelease{release,
                         std::make_shared<const model::StackSpec>(std::move(loaded->stack))};
}

}  // namespace

async::Task<Result<std::vector<Controller::Resumable>>> Controller::load_all() {
    co_return co_await with_.store.run<std::vector<Resumable>>(
        [](store::Records& records) -> Result<std::vector<Resumable>> {
            std::vector<Resumable> all;
            SHORE_TRY(const auto stacks, records.stacks());
            for (const store::StackRecord& record : stacks) {
                Resumable it;
                it.record = record;
                SHORE_TRY(const auto releases, records.releases(record.id, kReleasesSearched));
                SHORE_TRY(const auto overrides, records.overrides(record.id));
                for (const store::ServiceOverride& value : overrides) {
                    it.overrides.emplace(value.service, value);
                }
                const Found found = find_in_force(releases);
                const model::Release* newest = releases.empty() ? nullptr : &releases.front();
                const model::Release* wanted = found.current != nullptr ? found.current : newest;
                if (wanted == nullptr) {
                    continue;
                }
                auto current = load(*wanted, record.environment);
                if (!current) {
                    it.current.release = *wanted;
                    it.trouble = current.error().text();
                    all.push_back(std::move(it));
                    continue;
                }
                it.current = std::move(*current);
                const auto also = [&](const model::Release* release) {
                    return release != nullptr && release != wanted
                               ? load(*release, record.environment)
                               : fail(ErrorCode::kNotFound, "no such release");
                };
                if (auto active = also(found.active)) {
                    it.active = std::move(*active);
                }
                if (auto failed = also(found.failed)) {
                    it.remnants.push_back(failed->spec);
                }
                all.push_back(std::move(it));
            }
            return all;
        });
}

void Controller::resume_one(Resumable stack) {
    const std::string id = stack.record.id;
    if (!stack.trouble.empty()) {
        if (stack.record.up) {
            record(id, "stack.unreadable", stack.trouble);
            unreadable_.push_back({.name = id,
                                   .environment = stack.record.environment,
                                   .directory = stack.current.release.directory,
                                   .release = stack.current.release.number,
                                   .phase = Phase::kFailed,
                                   .trouble = {stack.trouble}});
        }
        return;
    }
    if (!stack.record.up && with_.runtime.instances(id).empty()) {
        return;
    }
    Runner& runner = find_or_make(id);
    runner.resume(std::move(stack.current), std::move(stack.active), std::move(stack.remnants),
                  std::move(stack.overrides), with_.gateway.latest());
    runner.prepare_routes();
    if (!stack.record.up) {
        scope_.spawn(finish_down(id, false));
    }
}

async::Task<Result<void>> Controller::resume() {
    SHORE_CO_TRY(auto stacks, co_await load_all());
    for (Resumable& stack : stacks) {
        resume_one(std::move(stack));
    }
    publisher_->open();
    co_return Result<void>();
}

}  // namespace shore::release
