#include "shore/wire_gateway.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "async/deadline.h"
#include "os/file.h"
#include "supervise/instance_order.h"

namespace shore {

namespace {

constexpr std::string_view kService = "gateway";
/// "Release" of the gateway that accepts; of one that was replaced, or is about to replace.
constexpr uint64_t kInCharge = 1;
constexpr uint64_t kNotInCharge = 0;
/// A gateway needs milliseconds to start and to take over; a machine that swaps needs seconds.
constexpr auto kUpgradeTimeout = std::chrono::seconds(30);
/// 10,000 routes of 1 KiB and as many endpoints; far beyond what one machine runs.
constexpr Bytes kSnapshotMax = Bytes::mib(64);
constexpr auto kMetricsTimeout = std::chrono::seconds(2);
constexpr auto kQuestionTimeout = std::chrono::seconds(5);
/// A purge by tag looks at every stored answer.
constexpr auto kPurgeTimeout = std::chrono::seconds(60);

supervise::InstanceOrder gateway_order(const StatePaths& paths, const std::string& program,
                                       std::string id) {
    model::ServiceSpec service;
    service.name = kService;
    service.command = {program, "gateway", "--take-over", "--state", paths.root().native()};
    service.working_dir = paths.root().native();
    service.restart = {.condition = model::RestartCondition::kAlways,
                       .delay = std::chrono::milliseconds(20),
                       .delay_max = std::chrono::seconds(5),
                       .attempts_max = std::nullopt,
                       .window = std::chrono::seconds(10)};
    service.stop_grace_period = std::chrono::seconds(35);
    return {.id = std::move(id),
            .stack = std::string(kOwnStack),
            .environment = {},
            .service = std::move(service),
            .slot = 1,
            .release = kInCharge,
            .digest = {}};
}

}  // namespace

GatewayProcess::GatewayProcess(async::Loop& loop, async::WorkerPool& workers,
                               supervise::Supervisor& supervisor, GatewayCertificates& certificates,
                               const StatePaths& paths, std::string program)
    : loop_(loop),
      workers_(workers),
      supervisor_(supervisor),
      certificates_(certificates),
      paths_(paths),
      program_(std::move(program)),
      changed_(loop),
      link_(loop, paths.gateway_socket().native()),
      scope_(loop) {
}

Result<void> GatewayProcess::start() {
    const std::string path = paths_.snapshot().native();
    if (!os::file_exists(path)) {
        return {};
    }
    SHORE_TRY(const std::string text, os::read_file(path, kSnapshotMax));
    auto snapshot = model::parse_snapshot(text);
    if (!snapshot) {
        return fail(
            std::move(snapshot).error().with(path + " (remove it to start without routes)"));
    }
    latest_ = std::move(*snapshot);
    if (!latest_->listeners.empty()) {
        return ensure_process();
    }
    return {};
}

void GatewayProcess::set_on_return(std::function<void()> on_return) {
    on_return_ = std::move(on_return);
    link_.set_on_connected([this] {
        ++connections_;
        changed_.pulse();
        on_return_();
    });
}

Result<void> GatewayProcess::ensure_process() {
    if (const auto instance = current()) {
        // A daemon that died during an upgrade may have left it as a candidate.
        if (instance->release != kInCharge && !upgrade_) {
            SHORE_CHECK(set_in_charge(instance->id, true));
        }
        link_.start();
        return {};
    }
    SHORE_CHECK(supervisor_.start(gateway_order(paths_, program_, next_id())));
    link_.start();
    return {};
}

std::optional<model::Instance> GatewayProcess::current() const {
    std::optional<model::Instance> newest;
    for (model::Instance& instance : supervisor_.instances(kOwnStack)) {
        if (instance.service == kService && model::is_live(instance.state)) {
            newest = std::move(instance);  // They come by ordinal.
        }
    }
    return newest;
}

/// "gateway-3": above every ordinal that is known.
std::string GatewayProcess::next_id() const {
    uint64_t last = 0;
    for (const model::Instance& instance : supervisor_.instances(kOwnStack)) {
        const std::string_view ordinal =
            std::string_view(instance.id).substr(instance.id.rfind('-') + 1);
        uint64_t value = 0;
        std::from_chars(ordinal.data(), ordinal.data() + ordinal.size(), value);
        last = std::max(last, value);
    }
    return fmt::format("{}-{}", kService, last + 1);
}

/// One in charge is started again whatever it ends with; another never.
Result<void> GatewayProcess::set_in_charge(const std::string& id, bool in_charge) {
    supervise::InstanceOrder order = gateway_order(paths_, program_, id);
    if (!in_charge) {
        order.release = kNotInCharge;
        order.service.restart.condition = model::RestartCondition::kNo;
    }
    return supervisor_.update(order);
}

void GatewayProcess::instance_changed(const model::Instance& instance) {
    if (instance.state == model::InstanceState::kRunning) {
        link_.hurry();
    }
    changed_.pulse();
    if (!model::is_live(instance.state) && instance.release == kNotInCharge && !upgrade_) {
        // A replaced gateway has left.
        [[maybe_unused]] const auto forgotten =
            supervisor_.forget(supervise::instance_key(kOwnStack, instance.id));
    }
}

/// An upgrade under way. It goes on when whoever asked for it has gone.
struct GatewayProcess::Upgrade {
    explicit Upgrade(async::Loop& loop) : ended(loop) {}
    Result<int> outcome = 0;
    async::Event ended;
};

async::Task<Result<int>> GatewayProcess::upgrade() {
    if (upgrade_) {
        co_return fail(ErrorCode::kConflict, "the gateway is being upgraded already");
    }
    const std::shared_ptr<Upgrade> own = upgrade_ = std::make_shared<Upgrade>(loop_);
    scope_.spawn(run_upgrade());
    co_await own->ended.wait();
    co_return std::move(own->outcome);
}

async::Task<void> GatewayProcess::run_upgrade() {
    Result<int> outcome = co_await replace_process();
    const std::shared_ptr<Upgrade> ended = std::exchange(upgrade_, nullptr);
    ended->outcome = std::move(outcome);
    ended->ended.set();
    // One that left meanwhile.
    for (const model::Instance& instance : supervisor_.instances(kOwnStack)) {
        if (!model::is_live(instance.state)) {
            instance_changed(instance);
        }
    }
}

async::Task<Result<int>> GatewayProcess::replace_process() {
    const auto old = current();
    if (!old || !link_.connected()) {
        co_return fail(ErrorCode::kConflict,
                       "no gateway runs: it starts with the first stack that is up");
    }
    const std::string id = next_id();
    // First: one that is left behind with nothing open ends at once, and must not be started again.
    Result<void> begun = set_in_charge(old->id, false);
    if (begun) {
        supervise::InstanceOrder order = gateway_order(paths_, program_, id);
        order.release = kNotInCharge;
        order.service.restart.condition = model::RestartCondition::kNo;
        begun = supervisor_.start(std::move(order));
    }
    auto replaced = begun ? co_await wait_until_replaced(id) : fail(std::move(begun).error());
    if (!replaced) {
        [[maybe_unused]] const auto back = set_in_charge(old->id, true);
        const std::string key = supervise::instance_key(kOwnStack, id);
        [[maybe_unused]] const auto killed = co_await supervisor_.kill(key);
        [[maybe_unused]] const auto forgotten = supervisor_.forget(key);
        co_return replaced;
    }
    SHORE_CO_CHECK(set_in_charge(id, true));
    co_return replaced;
}

/// Waits until the link has been made anew while the new instance lives: it ended when the old
/// gateway was told that the new one serves.
async::Task<Result<int>> GatewayProcess::wait_until_replaced(std::string id) {
    const uint64_t before = connections_;
    const auto deadline = async::Deadline::in(loop_, kUpgradeTimeout);
    const std::string key = supervise::instance_key(kOwnStack, id);
    do {
        const auto instance = supervisor_.find(key);
        if (!instance || !model::is_live(instance->state)) {
            std::string words = instance ? instance->reason : "it is gone";
            for (const std::string& line : supervisor_.last_lines(key)) {
                words += "\n  " + line;
            }
            co_return fail(ErrorCode::kUnavailable,
                           "the new gateway did not start, the old one serves on: {}", words);
        }
        if (connections_ > before && link_.connected() && instance->pid > 0) {
            co_return instance->pid;
        }
    } while (co_await async::pulsed(loop_, changed_, deadline));
    co_return fail(ErrorCode::kTimeout,
                   "the new gateway did not take over within {} s, the old one serves on",
                   std::chrono::duration_cast<std::chrono::seconds>(kUpgradeTimeout).count());
}

async::Task<void> GatewayProcess::end() {
    link_.stop();
    for (const model::Instance& instance : supervisor_.instances(kOwnStack)) {
        const std::string key = supervise::instance_key(kOwnStack, instance.id);
        [[maybe_unused]] const auto stopped = co_await supervisor_.stop(key);
        [[maybe_unused]] const auto forgotten = supervisor_.forget(key);
    }
}

async::Task<Result<release::Applied>> GatewayProcess::apply(model::Snapshot snapshot) {
    std::vector<std::string> troubles;
    snapshot = co_await certificates_.complete(std::move(snapshot), troubles);
    latest_ = snapshot;
    auto write = [path = paths_.snapshot().native(),
                  text = model::to_json(snapshot)]() -> Result<bool> {
        SHORE_CHECK(os::write_file_atomically(path, text, 0600, os::Durability::kVisible));
        return true;
    };
    SHORE_CO_TRY([[maybe_unused]] const bool written,
                 co_await workers_.run<bool>(loop_, std::move(write)));
    if (snapshot.listeners.empty() && !current()) {
        // Nothing to serve and nobody who serves: the snapshot is in force by itself.
        co_return release::Applied{.version = snapshot.version, .listen_errors = {}};
    }
    SHORE_CO_CHECK(ensure_process());
    SHORE_CO_TRY(gateway::Acknowledgement acknowledged, co_await link_.publish(snapshot));
    for (std::string& error : acknowledged.listen_errors) {
        troubles.push_back(std::move(error));
    }
    co_return release::Applied{.version = acknowledged.version,
                               .listen_errors = std::move(troubles)};
}

async::Task<Result<void>> GatewayProcess::drained(std::string endpoint, async::Deadline deadline) {
    return link_.drained(std::move(endpoint), deadline);
}

async::Task<std::string> GatewayProcess::metrics() {
    auto text = co_await link_.metrics(async::Deadline::in(loop_, kMetricsTimeout));
    co_return text ? std::move(*text) : std::string();
}

async::Task<Result<wire::Json>> GatewayProcess::ask(std::string question, wire::Json with,
                                                    Duration patience) {
    if (!current()) {
        co_return fail(ErrorCode::kUnavailable,
                       "no gateway runs: it starts with the first stack that is up");
    }
    co_return co_await link_.ask(std::move(question), std::move(with),
                                 async::Deadline::in(loop_, patience));
}

async::Task<Result<wire::Json>> GatewayProcess::routes() {
    return ask("routes", {}, kQuestionTimeout);
}

async::Task<Result<wire::Json>> GatewayProcess::explain(wire::Json request) {
    return ask("explain", std::move(request), kQuestionTimeout);
}

async::Task<Result<wire::Json>> GatewayProcess::cache_status() {
    return ask("cache_status", {}, kQuestionTimeout);
}

async::Task<Result<wire::Json>> GatewayProcess::purge_cache(wire::Json purge) {
    return ask("cache_purge", std::move(purge), kPurgeTimeout);
}

async::Task<Result<wire::Json>> GatewayProcess::traffic(uint64_t seconds) {
    return ask("traffic", wire::Json::object().set("seconds", seconds), kQuestionTimeout);
}

Result<void> GatewayProcess::ready() const {
    if (latest_ && !latest_->listeners.empty() && !link_.connected()) {
        return fail(ErrorCode::kUnavailable, "the gateway does not answer yet");
    }
    return {};
}

}  // namespace shore
