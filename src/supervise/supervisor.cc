#include "supervise/supervisor.h"

#include <algorithm>
#include <charconv>

#include <unistd.h>

#include "async/deadline.h"
#include "async/list.h"
#include "async/loop.h"
#include "os/directory.h"
#include "os/file.h"
#include "supervise/limits.h"
#include "supervise/runner.h"

namespace shore::supervise {
namespace {

/// How long a shim may take to answer at adoption before it counts as gone.
constexpr auto kAnswerTime = std::chrono::seconds(5);

/// 7 of "api-7"; 0 when there is none.
uint64_t ordinal_of(const std::string& id) {
    uint64_t ordinal = 0;
    const size_t dash = id.rfind('-');
    if (dash != std::string::npos) {
        std::from_chars(id.data() + dash + 1, id.data() + id.size(), ordinal);
    }
    return ordinal;
}

bool before(const model::Instance& a, const model::Instance& b) {
    return std::tuple(std::string_view(a.stack), std::string_view(a.service), ordinal_of(a.id)) <
           std::tuple(std::string_view(b.stack), std::string_view(b.service), ordinal_of(b.id));
}

}  // namespace

class Supervisor::Impl final {
 public:
    Impl(async::Loop& loop, async::WorkerPool& workers, base::Random& random,
         model::EventSink& events, SupervisorOptions options)
        : options_(std::move(options)),
          context_{.loop = loop,
                   .workers = workers,
                   .random = random,
                   .events = events,
                   .options = options_,
                   .commands = async::CommandRunner(loop),
                   .ports = PortPool(random),
                   .cgroups = os::CgroupTree::discover(),
                   .changed = [this](const model::Instance& instance) { note_change(instance); }},
          notice_(*this) {}

    async::Task<Result<void>> adopt();
    async::Task<void> adopt_one(std::string stack, std::string id);
    Result<void> start(InstanceOrder order);
    Runner* find(std::string_view key) {
        const auto found = runners_.find(key);
        return found == runners_.end() ? nullptr : found->second.get();
    }
    Result<Runner*> need(std::string_view key) {
        Runner* const runner = find(key);
        if (runner == nullptr) {
            return fail(ErrorCode::kNotFound, "no instance \"{}\"", key);
        }
        return runner;
    }

    SupervisorOptions options_;
    RunnerContext context_;
    OnChange on_change_;
    std::map<std::string, std::unique_ptr<Runner>, std::less<>> runners_;

 private:
    /// Runs on_change outside of whatever changed the instance.
    struct Notice final : async::Node {
        explicit Notice(Impl& owner) : Node(&run), impl(owner) {}
        static void run(Node& node) { static_cast<Notice&>(node).impl.tell_changes(); }
        Impl& impl;
    };

    void note_change(const model::Instance& instance) {
        changes_.push_back(instance);
        if (!notice_.linked()) {
            context_.loop.make_ready(notice_);
        }
    }
    void tell_changes() {
        std::vector<model::Instance> changes;
        changes.swap(changes_);
        if (!on_change_) {
            return;
        }
        const OnChange on_change = on_change_;
        for (const model::Instance& instance : changes) {
            on_change(instance);
        }
    }

    std::vector<model::Instance> changes_;
    Notice notice_;
};

Result<void> Supervisor::Impl::start(InstanceOrder order) {
    if (!model::has_process(order.service)) {
        return fail(ErrorCode::kInvalid, "service {} has no command to run", order.service.name);
    }
    if (order.id.empty() || order.id.find('/') != std::string::npos) {
        return fail(ErrorCode::kInvalid, "\"{}\" is no id of an instance", order.id);
    }
    const std::string key = instance_key(order.stack, order.id);
    if (const Runner* existing = find(key); existing != nullptr && existing->is_live()) {
        return fail(ErrorCode::kConflict, "instance {} is live already", key);
    }
    const WallTime now = context_.loop.wall_now();
    auto runner = std::make_unique<Runner>(context_, make_record(std::move(order), now));
    Runner& started = *runner;
    runners_[key] = std::move(runner);
    started.begin();
    return {};
}

async::Task<Result<void>> Supervisor::Impl::adopt() {
    SHORE_CO_CHECK(os::make_directories(options_.run_directory, 0711));
    SHORE_CO_TRY(const auto stacks, os::list_directory(options_.run_directory));
    for (const std::string& stack : stacks) {
        const auto ids = os::list_directory(fmt::format("{}/{}", options_.run_directory, stack));
        if (!ids) {
            continue;  // A socket or a file of another room.
        }
        for (const std::string& id : *ids) {
            if (!id.starts_with('.')) {  // Sockets of engines.
                co_await adopt_one(stack, id);
            }
        }
    }
    co_return Result<void>();
}

async::Task<void> Supervisor::Impl::adopt_one(std::string stack, std::string id) {
    const std::string directory = fmt::format("{}/{}/{}", options_.run_directory, stack, id);
    const auto text = os::read_file(directory + "/instance.json", Bytes{kRecordBytesMax});
    if (!text && text.error().code() == ErrorCode::kNotFound) {
        co_return;
    }
    auto record = text ? parse_instance_record(*text) : fail(text.error());
    if (record && (record->order.stack != stack || record->order.id != id)) {
        record = fail(ErrorCode::kCorrupt, "the record is of {}/{}", record->order.stack,
                      record->order.id);
    }
    if (!record) {
        context_.events.record(
            {.at = context_.loop.wall_now(),
             .stack = stack,
             .instance = id,
             .kind = "instance.not_adopted",
             .message = fmt::format("{}: {}", directory, record.error().text())});
        co_return;
    }
    // Who answers must be the shim that it says it is. One that was just being started may have
    // been connected to before it claimed its listener; its answer shows that it has by now.
    std::unique_ptr<ShimLink> link;
    for (int attempt = 0; attempt < 2 && link == nullptr; ++attempt) {
        auto connected = ShimLink::connect(context_.loop, directory);
        if (!connected) {
            break;
        }
        auto status = co_await (*connected)->next(async::Deadline::in(context_.loop, kAnswerTime));
        if (!status) {
            break;
        }
        // The status is asked for again, for the runner.
        if (status->shim_pid == (*connected)->peer_pid() &&
            (*connected)->send({.verb = ShimVerb::kStatus})) {
            link = std::move(*connected);
        }
    }
    auto runner = std::make_unique<Runner>(context_, std::move(*record));
    Runner& adopted = *runner;
    runners_[instance_key(stack, id)] = std::move(runner);
    adopted.adopt(std::move(link));
}

Supervisor::Supervisor(async::Loop& loop, async::WorkerPool& workers, base::Random& random,
                       model::EventSink& events, SupervisorOptions options)
    : impl_(std::make_unique<Impl>(loop, workers, random, events, std::move(options))) {
}

Supervisor::~Supervisor() = default;

void Supervisor::set_on_change(OnChange on_change) {
    impl_->on_change_ = std::move(on_change);
}

async::Task<Result<void>> Supervisor::adopt() {
    return impl_->adopt();
}

Result<void> Supervisor::start(InstanceOrder order) {
    return impl_->start(std::move(order));
}

async::Task<Result<void>> Supervisor::stop(std::string key) {
    SHORE_CO_TRY(Runner * runner, impl_->need(key));
    runner->request_stop(StopMode::kGraceful);
    co_await runner->ended();
    co_return Result<void>();
}

async::Task<Result<void>> Supervisor::kill(std::string key) {
    SHORE_CO_TRY(Runner * runner, impl_->need(key));
    runner->request_stop(StopMode::kKill);
    co_await runner->ended();
    co_return Result<void>();
}

async::Task<Result<void>> Supervisor::restart(std::string key) {
    SHORE_CO_CHECK(co_await stop(key));
    SHORE_CO_TRY(Runner * runner, impl_->need(key));
    co_return start(runner->order());
}

Result<void> Supervisor::signal(std::string_view key, int signal) {
    SHORE_TRY(Runner * runner, impl_->need(key));
    return runner->signal(signal);
}

Result<void> Supervisor::forget(std::string_view key) {
    SHORE_TRY(Runner * runner, impl_->need(key));
    if (runner->is_live()) {
        return fail(ErrorCode::kConflict, "instance {} is {}; stop it first", key,
                    model::to_string(runner->instance().state));
    }
    const std::string directory = runner->directory();
    impl_->runners_.erase(impl_->runners_.find(key));
    SHORE_CHECK(os::remove_tree(directory));
    // The stack's directory goes with its last instance.
    (void)::rmdir(directory.substr(0, directory.rfind('/')).c_str());
    return {};
}

Result<void> Supervisor::update(const InstanceOrder& order) {
    SHORE_TRY(Runner * runner, impl_->need(instance_key(order.stack, order.id)));
    runner->update(order);
    return {};
}

Result<void> Supervisor::provide_anew(std::string_view key) {
    SHORE_TRY(Runner * runner, impl_->need(key));
    return runner->provide_anew();
}

std::vector<model::Instance> Supervisor::instances() const {
    std::vector<model::Instance> all;
    for (const auto& [key, runner] : impl_->runners_) {
        all.push_back(runner->instance());
    }
    std::ranges::sort(all, before);
    return all;
}

std::vector<model::Instance> Supervisor::instances(std::string_view stack) const {
    std::vector<model::Instance> chosen = instances();
    std::erase_if(chosen, [&](const model::Instance& instance) { return instance.stack != stack; });
    return chosen;
}

std::optional<model::Instance> Supervisor::find(std::string_view key) const {
    const Runner* const runner = impl_->find(key);
    return runner == nullptr ? std::nullopt : std::optional(runner->instance());
}

std::optional<HealthHistory> Supervisor::health(std::string_view key) const {
    const Runner* const runner = impl_->find(key);
    return runner == nullptr ? std::nullopt : std::optional(runner->health());
}

std::vector<std::string> Supervisor::last_lines(std::string_view key) const {
    const Runner* const runner = impl_->find(key);
    return runner == nullptr ? std::vector<std::string>{} : runner->last_lines();
}

async::Task<Result<os::ExitStatus>> Supervisor::exec(std::string key, std::vector<std::string> argv,
                                                     async::CommandOutput output) {
    SHORE_CO_TRY(Runner * runner, impl_->need(key));
    if (runner->instance().pid == 0 || !runner->launch_spec()) {
        co_return fail(ErrorCode::kConflict, "instance {} is {} and has no process", key,
                       model::to_string(runner->instance().state));
    }
    auto options = spawn_options(*runner->launch_spec(), std::move(argv));
    co_return co_await impl_->context_.commands.run(std::move(options), std::move(output));
}

void Supervisor::stop_watching() {
    impl_->runners_.clear();
}

}  // namespace shore::supervise
