// What a Runner knows, as values: for plan(), for status, for those who watch.
#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "release/rules.h"
#include "release/runner.h"
#include "release/shared_options.h"

namespace shore::release {

using model::InstanceState;
using model::ReleaseStatus;

const Desired& Runner::desired() const {
    const DesiredKey key{
        course_,     current_.release.status, rolling_back_,    paused_,
        going_down_, one_shots_done_,         remnants_.size(), active_.has_value()};
    if (!desired_ || key != desired_key_) {
        desired_ = make_desired(goals(), overrides_);
        desired_key_ = key;
    }
    return *desired_;
}

GoalRequest Runner::goals() const {
    GoalRequest request;
    request.release = current_.release.number;
    request.status = going_down_ ? ReleaseStatus::kActive : current_.release.status;
    request.previous = active_ ? active_->release.number : 0;
    request.rolling_back = rolling_back_;
    request.paused = paused_;
    request.since = since_;
    request.one_shots_done = one_shots_done_;
    if (going_down_) {
        request.leaving.push_back(current_.spec.get());
    } else {
        request.spec = current_.spec.get();
    }
    if (active_) {
        request.leaving.push_back(active_->spec.get());
    }
    for (const auto& remnant : remnants_) {
        request.leaving.push_back(remnant.get());
    }
    return request;
}

Observed Runner::observed() const {
    Observed observed;
    observed.published = published_;
    observed.publishing = publishing_;
    const auto add = [&](const model::Instance& instance, const Note* note, bool pending) {
        ObservedInstance it;
        it.instance = instance;
        it.start_pending = pending;
        if (note != nullptr) {
            it.state_since = note->state_since;
            it.stop_pending = note->stop_pending;
            it.adopted = note->adopted;
            it.serving = note->serving;
            it.draining_since = note->draining_since;
            it.drained = note->drained;
        } else {
            it.state_since = wiring_.loop.now();
        }
        observed.instances.push_back(std::move(it));
    };
    for (const model::Instance& instance : wiring_.runtime.instances(stack_)) {
        const auto note = notes_.find(instance.id);
        add(instance, note == notes_.end() ? nullptr : &note->second, false);
    }
    for (const auto& [id, note] : notes_) {
        if (note.pending) {
            add(*note.pending, &note, !note.start_refused);
        }
    }
    return observed;
}

PlanOptions Runner::plan_options() const {
    return {.drain_timeout = current_.spec->gateway.drain_timeout};
}

std::vector<ServiceProgress> Runner::service_progress() const {
    const Desired& wanted = desired();
    const Observed seen = observed();
    std::vector<ServiceProgress> services;
    for (const ServiceGoal& goal : wanted.services) {
        ServiceProgress progress{.name = goal.spec.name,
                                 .desired = goal.replicas,
                                 .is_static = goal.spec.static_files.has_value()};
        for (const ObservedInstance& it : seen.instances) {
            if (it.instance.service != goal.spec.name) {
                continue;
            }
            const bool done = it.instance.state == InstanceState::kCompleted;
            const bool ready = is_running(it) || done;
            progress.ready += ready;
            progress.updated += ready && it.instance.digest == goal.digest;
            if (!it.instance.reason.empty() && !ready && !is_leaving(it)) {
                progress.note = it.instance.reason;
            }
        }
        if (goal.done_before && progress.ready == 0) {
            progress.ready = progress.updated = goal.replicas;
        }
        for (const std::string& phrase : waiting_) {
            if (phrase.starts_with(goal.spec.name + " ")) {
                progress.note = phrase.substr(goal.spec.name.size() + 1);
            }
        }
        if (!goal.removed || progress.ready > 0) {
            services.push_back(std::move(progress));
        }
    }
    return services;
}

Phase Runner::phase_now() const {
    if (is_rolling() || going_down_) {
        return Phase::kRolling;
    }
    if (!last_failure_.empty()) {
        return current_.release.status == ReleaseStatus::kFailed ? Phase::kFailed
                                                                 : Phase::kRolledBack;
    }
    if (!obstacle_.empty()) {
        return Phase::kFailed;
    }
    return under_way_ ? Phase::kRolling : Phase::kSettled;
}

std::set<std::string> Runner::failing_instances() const {
    std::set<std::string> failing;
    for (const ObservedInstance& it : observed().instances) {
        const ServiceGoal* goal = find_goal(desired(), it.instance.service);
        if (goal != nullptr && it.instance.digest == goal->digest &&
            failure(it, goal->spec, false, wiring_.loop.now())) {
            failing.insert(it.instance.id);
        }
    }
    return failing;
}

void Runner::say(std::string message) {
    said_.push_back(std::move(message));
}

void Runner::tell() {
    if (said_.empty()) {
        return;
    }
    const std::vector<std::string> messages = std::exchange(said_, {});
    Progress progress = progress_now(phase_now());
    for (const std::string& message : messages) {
        progress.message = message;
        feed_.report(progress);
    }
}

void Runner::report(std::string message, Phase phase) {
    if (!begun_) {
        return;
    }
    tell();
    Progress progress = progress_now(phase);
    progress.message = std::move(message);
    feed_.report(std::move(progress));
}

Progress Runner::progress_now(Phase phase) const {
    const bool about_failure = rolling_back_ || phase == Phase::kRolledBack;
    return {.stack = stack_,
            .release = about_failure ? failed_release_ : current_.release.number,
            .phase = phase,
            .services = service_progress(),
            .at = wiring_.loop.wall_now()};
}

void Runner::record(std::string kind, std::string message, std::string service,
                    std::string instance) {
    wiring_.events.record({.at = wiring_.loop.wall_now(),
                           .stack = stack_,
                           .service = std::move(service),
                           .instance = std::move(instance),
                           .kind = std::move(kind),
                           .message = std::move(message)});
}

namespace {

std::string url_of(const model::ListenAddress& listener, const std::string& host,
                   const std::string& path) {
    const bool any =
        listener.address.empty() || listener.address == "0.0.0.0" || listener.address == "::";
    std::string name = !host.empty() ? host : any ? "localhost" : listener.address;
    if (host.empty() && name.find(':') != std::string::npos) {
        name = "[" + name + "]";
    }
    if (listener.raw) {
        return fmt::format("{}://{}:{}", listener.tls ? "tls" : "tcp", name, listener.port);
    }
    const uint16_t usual = listener.tls ? 443 : 80;
    const std::string port = listener.port == usual ? "" : fmt::format(":{}", listener.port);
    return fmt::format("{}://{}{}{}", listener.tls ? "https" : "http", name, port, path);
}

std::vector<std::string> urls_of(const model::StackSpec& spec, const model::ServiceSpec& service) {
    std::vector<std::string> urls;
    const auto add = [&urls](std::string url) {
        if (std::ranges::find(urls, url) == urls.end()) {
            urls.push_back(std::move(url));
        }
    };
    for (const auto& [listener, match] : entrances(spec, service)) {
        if (match.hosts.empty()) {
            add(url_of(listener, "", match.path_prefix));
        }
        for (const std::string& host : match.hosts) {
            add(url_of(listener, host, match.path_prefix));
        }
    }
    return urls;
}

/// Listener by listener, as they were met first, and by path: what is at "/" stands before "/api".
void sort_by_path(std::vector<std::string>& urls) {
    const auto origin = [](const std::string& url) { return url.substr(0, url.find('/', 7)); };
    std::map<std::string, size_t> ranks;
    for (const std::string& url : urls) {
        ranks.emplace(origin(url), ranks.size());
    }
    std::ranges::sort(
        urls, {}, [&](const std::string& url) { return std::pair(ranks.at(origin(url)), url); });
}

}  // namespace

StackStatus Runner::status() const {
    StackStatus status;
    const LoadedRelease& serving = active_ ? *active_ : current_;
    status.name = stack_;
    status.environment = current_.spec->environment;
    status.directory = current_.spec->directory;
    status.release = serving.release.number;
    status.deploying =
        current_.release.status == ReleaseStatus::kDeploying ? current_.release.number : 0;
    status.phase = phase_now();
    status.reason = obstacle_.empty() ? last_failure_ : obstacle_;
    status.trouble = trouble_;
    for (std::string& said :
         overruled_options(*serving.spec, wiring_.publisher.specs_except(stack_))) {
        status.trouble.push_back(std::move(said));
    }
    for (const std::string& error : wiring_.publisher.listen_errors()) {
        status.trouble.push_back(error);
    }
    const Observed seen = observed();
    for (const ServiceGoal& goal : desired().services) {
        ServiceStatus service{.name = goal.spec.name,
                              .desired = goal.replicas,
                              .stopped = goal.stopped,
                              .is_static = goal.spec.static_files.has_value(),
                              .one_shot = goal.spec.one_shot};
        for (const ObservedInstance& it : seen.instances) {
            if (it.instance.service == goal.spec.name) {
                service.ready += is_running(it) || it.instance.state == InstanceState::kCompleted;
                service.instances.push_back(it.instance);
            }
        }
        if (goal.removed && service.instances.empty()) {
            continue;
        }
        if (goal.done_before && service.instances.empty()) {
            service.ready = service.desired;
        }
        std::ranges::sort(service.instances, {}, [](const model::Instance& i) {
            return std::tuple(i.slot, i.started_at, i.id);
        });
        service.urls = urls_of(*serving.spec, goal.spec);
        for (const std::string& url : service.urls) {
            if (std::ranges::find(status.urls, url) == status.urls.end()) {
                status.urls.push_back(url);
            }
        }
        status.services.push_back(std::move(service));
    }
    sort_by_path(status.urls);
    return status;
}

}  // namespace shore::release
