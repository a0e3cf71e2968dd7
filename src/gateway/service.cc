#include "gateway/service.h"

#include <algorithm>
#include <array>
#include <mutex>

#include "async/timer.h"
#include "cache/cache.h"
#include "cache/disk_tier.h"
#include "gateway/exchange.h"
#include "gateway/limits.h"
#include "gateway/traffic_view.h"
#include "net/dial.h"
#include "net/http2_fetch.h"
#include "net/http_client.h"
#include "observe/process_metrics.h"
#include "os/heap.h"
#include "os/random.h"

namespace shore::gateway {

using async::Deadline;
using async::Task;
using wire::Json;

namespace {

constexpr auto kPollPause = std::chrono::milliseconds(10);
constexpr auto kRetiredPause = std::chrono::milliseconds(100);
constexpr auto kListenRetryPause = std::chrono::seconds(1);

Result<net::Address> address_of(const model::ListenAddress& where) {
    if (where.address.contains(':')) {
        return net::Address::parse(fmt::format("[{}]:{}", where.address, where.port));
    }
    return net::Address::parse(fmt::format("{}:{}", where.address, where.port));
}

/// One listening socket per shard. First one that does not share the port: another program's
/// listener must not silently get a part of the connections.
Result<std::vector<os::Fd>> open_sockets(const model::ListenAddress& where, size_t count) {
    SHORE_TRY(net::Address address, address_of(where));
    {
        SHORE_TRY(const os::Fd probe, net::open_listening_socket(address, {}));
    }
    std::vector<os::Fd> sockets;
    for (size_t i = 0; i < count; ++i) {
        SHORE_TRY(os::Fd socket, net::open_listening_socket(address, {.reuse_port = true}));
        if (address.port() == 0) {
            SHORE_TRY(address, net::Address::local_of(socket.get()));
        }
        sockets.push_back(std::move(socket));
    }
    return sockets;
}

void write_cache(observe::MetricsText& text, const cache::Cache& cache) {
    using observe::MetricKind;
    const cache::Tier* const behind = cache.tier();
    const auto write = [&](std::string_view name, MetricKind kind, std::string_view help,
                           uint64_t cache::Stats::* member) {
        text.begin(name, kind, help);
        text.sample(std::array{observe::Label{"tier", "memory"}}, cache.stats().*member);
        if (behind != nullptr) {
            text.sample(std::array{observe::Label{"tier", std::string(behind->name())}},
                        behind->stats().*member);
        }
    };
    using cache::Stats;
    write("shore_gateway_cache_entries", MetricKind::kGauge, "Stored answers.", &Stats::entries);
    write("shore_gateway_cache_bytes", MetricKind::kGauge, "Stored answers and their index.",
          &Stats::bytes);
    write("shore_gateway_cache_stored_total", MetricKind::kCounter, "Answers stored.",
          &Stats::stored);
    write("shore_gateway_cache_evicted_total", MetricKind::kCounter,
          "Answers dropped to make room.", &Stats::evicted);
    write("shore_gateway_cache_purged_total", MetricKind::kCounter, "Answers purged.",
          &Stats::purged);
    write("shore_gateway_cache_damaged_total", MetricKind::kCounter,
          "Stored answers that were found damaged, and dropped.", &Stats::damaged);
    write("shore_gateway_cache_write_failures_total", MetricKind::kCounter,
          "Answers that could not be written.", &Stats::failed);
}

}  // namespace

std::string to_text(const model::ListenAddress& address) {
    const std::string_view scheme = address.raw   ? (address.tls ? "tls" : "tcp")
                                    : address.tls ? "https"
                                                  : "http";
    return address.address.contains(':')
               ? fmt::format("{}://[{}]:{}", scheme, address.address, address.port)
               : fmt::format("{}://{}:{}", scheme, address.address, address.port);
}

/// Where the control thread waits for all shards.
struct Service::Meeting {
    explicit Meeting(async::Loop& loop) : all_done(loop) {}
    size_t missing = 0;
    async::Event all_done;
};

Service::Service(async::Loop& loop, const base::Clock& clock)
    : loop_(loop),
      clock_(clock),
      opened_(loop),
      alive_(std::make_shared<int>()),
      background_(loop) {
    shared_.cache = std::make_unique<cache::Cache>(
        cache::MemoryTier::Limits(),
        cache::HashSeed{.first = os::random_seed(), .second = os::random_seed()});
    names_ = std::make_unique<UpstreamNames>(loop, [this] { background_.spawn(follow_names()); });
    registry_of_process_ = std::make_unique<observe::Registry>();
    observe::add_process_metrics(*registry_of_process_, clock);
}

Result<std::unique_ptr<Service>> Service::start(async::Loop& loop, const base::Clock& clock,
                                                uint32_t threads,
                                                const std::string& log_directory) {
    std::unique_ptr<Service> service(new Service(loop, clock));
    Service* const self = service.get();
    if (!log_directory.empty()) {
        SHORE_TRY(service->access_log_, AccessLog::open(log_directory, clock));
        self->shared_.write_access_log = [log = self->access_log_.get()](std::string lines) {
            log->write(std::move(lines));
        };
    }
    self->shared_.on_ejected = [self, alive = std::weak_ptr(self->alive_),
                                &loop](std::shared_ptr<Endpoint> endpoint) {
        loop.post([self, alive, endpoint = std::move(endpoint)] {
            if (!alive.expired()) {
                self->background_.spawn(self->probe(endpoint));
            }
        });
    };
    const uint32_t cores = std::max(1U, std::thread::hardware_concurrency());
    const uint32_t count = std::clamp(threads == 0 ? cores : threads, 1U, kThreadsMax);
    self->shared_.loops = count;
    for (uint32_t i = 0; i < count; ++i) {
        Thread thread;
        SHORE_TRY(thread.loop, async::Loop::open(clock));
        thread.shard = std::make_unique<Shard>(*thread.loop, self->shared_, os::random_seed());
        service->threads_.push_back(std::move(thread));
    }
    for (Thread& thread : service->threads_) {
        thread.thread =
            std::thread([loop_of_thread = thread.loop.get()] { loop_of_thread->run(); });
    }
    service->background_.spawn(self->retry_listeners());
    service->background_.spawn(self->sample_traffic());
    service->background_.spawn(self->return_memory());
    return service;
}

Service::~Service() {
    names_->stop();
    background_.stop();
    if (cache::Tier* const tier = shared_.cache->tier()) {
        tier->stop();  // Its threads answer to loops.
    }
    for (Thread& thread : threads_) {
        thread.loop->stop();
    }
    for (Thread& thread : threads_) {
        thread.thread.join();
        thread.shard.reset();
    }
}

void Service::keep_answers_in(std::string directory, std::function<void(std::string)> on_trouble) {
    cache_directory_ = std::move(directory);
    on_cache_trouble_ = std::move(on_trouble);
}

void Service::use_cache_options(const model::CacheOptions& options) {
    cache::Cache& cache = *shared_.cache;
    cache.set_limits({.memory = options.memory, .entries = options.entries});
    if (disk_ != nullptr) {
        disk_->set_limit(options.disk);
    } else if (options.disk.count > 0 && !cache_directory_.empty()) {
        auto disk = std::make_unique<cache::DiskTier>(
            cache::DiskTier::Options{.directory = cache_directory_,
                                     .bytes_max = options.disk,
                                     .seed = cache.seed(),
                                     .on_trouble = on_cache_trouble_},
            cache.epochs(), clock_);
        disk_ = disk.get();
        cache.set_tier(std::move(disk));
    }
}

Task<void> Service::on_every_shard(std::function<void(Shard&)> work) {
    auto meeting = std::make_shared<Meeting>(loop_);
    meeting->missing = threads_.size();
    for (Thread& thread : threads_) {
        thread.loop->post([this, work, meeting, shard = thread.shard.get()]() mutable {
            work(*shard);
            loop_.post([meeting = std::move(meeting)] {
                if (--meeting->missing == 0) {
                    meeting->all_done.set();
                }
            });
        });
    }
    co_await meeting->all_done.wait();
}

Task<std::vector<ListenError>> Service::apply(model::Snapshot snapshot) {
    if (!compiled_ || snapshot.version >= compiled_->version()) {
        snapshot_ = std::move(snapshot);
        names_->use(snapshot_);
        compiled_ = Compiled::make(names_->filled(snapshot_), registry_, loop_.now());
    }
    const std::shared_ptr<const Compiled> compiled = compiled_;
    if (!retired_) {
        use_cache_options(compiled->snapshot().content.cache);
    }
    std::erase_if(open_, [&](const model::ListenAddress& open) {
        const auto& wanted = compiled->snapshot().listeners;
        return std::ranges::find(wanted, open) == wanted.end();
    });
    co_await use_everywhere(compiled);
    registry_.forget_unused();
    co_return co_await open_listeners();
}

Task<void> Service::use_everywhere(const std::shared_ptr<const Compiled>& compiled) {
    return on_every_shard([compiled](Shard& shard) {
        if (compiled->version() >= shard.current().version()) {
            shard.use(compiled);
        }
    });
}

/// A name of an upstream leads elsewhere: the same snapshot with other endpoints.
Task<void> Service::follow_names() {
    compiled_ = Compiled::make(names_->filled(snapshot_), registry_, loop_.now());
    co_await use_everywhere(compiled_);
    registry_.forget_unused();
}

Task<std::vector<ListenError>> Service::open_listeners() {
    while (opening_) {
        co_await opened_.wait();
    }
    opening_ = true;
    std::vector<ListenError> errors;
    const std::shared_ptr<const Compiled> compiled = compiled_;
    if (retired_) {
        opening_ = false;
        opened_.pulse();
        co_return errors;
    }
    for (const model::ListenAddress& where : compiled->snapshot().listeners) {
        if (std::ranges::find(open_, where) != open_.end()) {
            continue;
        }
        auto sockets = sockets_for(where);
        if (!sockets) {
            const int code = sockets.error().errno_value();
            errors.push_back(
                {where, code == EADDRINUSE ? "address in use" : sockets.error().message()});
            continue;
        }
        open_.push_back(where);
        if (auto bound = net::Address::local_of(sockets->front().get())) {
            ports_.emplace_back(where, bound->port());
        }
        auto shared = std::make_shared<std::vector<os::Fd>>(std::move(*sockets));
        for (size_t i = 0; i < shared->size(); ++i) {
            const Thread& thread = threads_[i % threads_.size()];
            thread.loop->post([shard = thread.shard.get(), where, shared, i] {
                shard->listen(where, std::move((*shared)[i]));
            });
        }
    }
    inherited_.clear();  // What is left belongs to listeners that the snapshot no longer has.
    for (const TlsTrouble& trouble : registry_.tls().troubles()) {
        if (trouble.listener < compiled->snapshot().listeners.size()) {
            errors.push_back({compiled->snapshot().listeners[trouble.listener], trouble.reason});
        }
    }
    co_await on_every_shard([](Shard&) {});
    opening_ = false;
    opened_.pulse();
    co_return errors;
}

Result<std::vector<os::Fd>> Service::sockets_for(const model::ListenAddress& where) {
    const auto found = inherited_.find(to_text(where));
    if (found == inherited_.end() || found->second.empty()) {
        return open_sockets(where, threads_.size());
    }
    std::vector<os::Fd> sockets = std::move(found->second);
    // The new gateway may have more threads. Never fewer sockets than there were: connections wait
    // in the queue of each.
    SHORE_TRY(const net::Address address, net::Address::local_of(sockets.front().get()));
    while (sockets.size() < threads_.size()) {
        SHORE_TRY(os::Fd socket, net::open_listening_socket(address, {.reuse_port = true}));
        sockets.push_back(std::move(socket));
    }
    return sockets;
}

Task<Inherited> Service::copy_listeners() {
    auto copies = std::make_shared<Inherited>();
    auto guard = std::make_shared<std::mutex>();
    co_await on_every_shard([copies, guard](Shard& shard) {
        Inherited own = shard.copy_listeners();
        const std::lock_guard lock(*guard);
        for (auto& [listen, sockets] : own) {
            std::ranges::move(sockets, std::back_inserter((*copies)[listen]));
        }
    });
    co_return std::move(*copies);
}

Task<void> Service::retire() {
    retired_ = true;
    open_.clear();
    // Purges go to the new gateway: nothing stored here may outlive them.
    shared_.cache->set_limits({.memory = {}, .entries = 0});
    if (cache::Tier* const tier = shared_.cache->tier()) {
        tier->stop();  // The new gateway waits for the directory.
    }
    co_await on_every_shard([](Shard& shard) { shard.retire(); });
    co_await connections_ended(compiled_->snapshot().upgrade_timeout, kRetiredPause);
}

/// Waits until no client is connected, but not longer than `patience`; looks once a `pause`.
Task<void> Service::connections_ended(Duration patience, Duration pause) {
    const SteadyTime begun = loop_.now();
    while (shared_.connections.load(std::memory_order_relaxed) > 0 &&
           loop_.now() - begun < patience) {
        co_await async::sleep_for(loop_, pause);
    }
}

Task<void> Service::retry_listeners() {
    while (true) {
        co_await async::sleep_for(loop_, kListenRetryPause);
        registry_.tls().rotate_ticket_keys(loop_.now());
        if (compiled_ && !retired_ && open_.size() < compiled_->snapshot().listeners.size()) {
            [[maybe_unused]] const auto errors = co_await open_listeners();
        }
    }
}

std::shared_ptr<const Compiled> Service::compiled() const {
    return compiled_ ? compiled_ : std::make_shared<const Compiled>();
}

uint16_t Service::port_of(const model::ListenAddress& where) const {
    for (auto entry = ports_.rbegin(); entry != ports_.rend(); ++entry) {
        if (entry->first == where) {
            return entry->second;
        }
    }
    return 0;
}

Task<void> Service::drained(std::string instance) {
    while (true) {
        uint32_t outstanding = 0;
        for (const auto& endpoint : registry_.of_instance(instance)) {
            outstanding += endpoint->outstanding_settled();
        }
        if (outstanding == 0) {
            co_return;
        }
        co_await async::sleep_for(loop_, kPollPause);
    }
}

Task<uint64_t> Service::purge_cache(cache::Purge purge) {
    return shared_.cache->purge(loop_, std::move(purge));
}

Task<Counters> Service::counters() {
    auto copies = std::make_shared<std::vector<Counters>>(threads_.size());
    std::vector<Shard*> shards;
    for (const Thread& thread : threads_) {
        shards.push_back(thread.shard.get());
    }
    co_await on_every_shard([copies, shards](Shard& shard) {
        const auto at = std::ranges::find(shards, &shard) - shards.begin();
        (*copies)[static_cast<size_t>(at)] = shard.counters();
    });
    Counters sum;
    for (const Counters& copy : *copies) {
        sum.add(copy);
    }
    sum.access_lines_dropped = access_log_ ? access_log_->dropped_lines() : 0;
    co_return sum;
}

std::vector<std::pair<std::string, const RouteCounters*>> Service::named_routes(
    const Counters& counters) const {
    const std::vector<std::string>& names = registry_.route_names();
    std::vector<std::pair<std::string, const RouteCounters*>> routes;
    for (size_t i = 0; i < std::min(names.size(), counters.routes.size()); ++i) {
        routes.emplace_back(names[i], &counters.routes[i]);
    }
    return routes;
}

Task<void> Service::sample_traffic() {
    while (true) {
        traffic_.sample(co_await counters(), loop_.now());
        co_await async::sleep_for(loop_, kTrafficPause);
    }
}

/// What a burst needed goes back to the kernel when it is over, and not before: memory in use does
/// not count, so a busy gateway keeps what it works with.
Task<void> Service::return_memory() {
    Bytes least = os::resident_beyond_heap();
    while (true) {
        co_await async::sleep_for(loop_, kMemoryPause);
        const Bytes now = os::resident_beyond_heap();
        least = std::min(least, now);
        if (now.count > least.count + kFreedMemoryMax) {
            os::return_free_memory();
            least = os::resident_beyond_heap();
        }
    }
}

Task<Json> Service::traffic(Duration length) {
    const Counters now = co_await counters();
    co_return traffic_json(traffic_.window(now, loop_.now(), length), registry_.route_names());
}

Task<std::string> Service::metrics() {
    const Counters sum = co_await counters();
    observe::MetricsText text;
    write_quantiles(text, traffic_.window(sum, loop_.now(), kTrafficWindow),
                    registry_.route_names());
    sum.write(text, registry_.route_names());
    write_cache(text, *shared_.cache);
    text.begin("shore_gateway_endpoint_requests", observe::MetricKind::kGauge,
               "Requests and upgraded connections under way, by instance.");
    for (const auto& endpoint : registry_.endpoints()) {
        if (endpoint) {
            text.sample(std::array{observe::Label{"instance", endpoint->instance()}},
                        uint64_t{endpoint->outstanding()});
        }
    }
    text.begin("shore_gateway_endpoint_up", observe::MetricKind::kGauge,
               "0 while the instance is ejected from balancing.");
    for (const auto& endpoint : registry_.endpoints()) {
        if (endpoint) {
            text.sample(std::array{observe::Label{"instance", endpoint->instance()}},
                        uint64_t{endpoint->ejected() ? 0U : 1U});
        }
    }
    text.begin("shore_gateway_dns_failures_total", observe::MetricKind::kCounter,
               "Questions about names of upstreams that got no answer; the last one stays.");
    text.sample({}, names_->failures());
    text.begin("shore_gateway_snapshot_version", observe::MetricKind::kGauge,
               "Version of the snapshot in use.");
    text.sample({}, version());
    co_return text.take() + registry_of_process_->to_text();
}

Task<void> Service::stop() {
    co_await on_every_shard([](Shard& shard) { shard.begin_stop(); });
    if (compiled_) {
        co_await connections_ended(compiled_->snapshot().drain_timeout, kPollPause);
    }
    co_await on_every_shard([](Shard& shard) { shard.stop(); });
}

/// Asks an ejected endpoint until it answers or no snapshot names it any more.
Task<void> Service::probe(std::shared_ptr<Endpoint> endpoint) {
    Duration pause = kEjectFirst;
    while (true) {
        co_await async::sleep_for(loop_, pause);
        // Two owners: this frame and the registry. No snapshot and no request uses it.
        if (endpoint.use_count() <= 2) {
            co_return;
        }
        if (co_await is_back(*endpoint)) {
            endpoint->readmit(loop_.now());
            co_return;
        }
        pause = std::min<Duration>(pause * 2, kEjectLongest);
    }
}

Task<bool> Service::is_back(const Endpoint& endpoint) {
    std::string path;
    auto protocol = model::UpstreamProtocol::kHttp1;
    for (const model::Upstream& upstream : compiled_->snapshot().upstreams) {
        for (const model::Endpoint& spec : upstream.endpoints) {
            if (spec.instance == endpoint.instance()) {
                path = upstream.health_path;
                protocol = upstream.policy.protocol;
            }
        }
    }
    const Deadline deadline = Deadline::in(loop_, kProbeTimeout);
    if (path.empty()) {
        co_return (co_await net::dial(loop_, endpoint.address(), deadline)).has_value();
    }
    if (protocol == model::UpstreamProtocol::kGrpc) {
        co_return (co_await net::grpc_health(loop_, endpoint.address(), path.substr(1), deadline))
            .has_value();
    }
    const net::HttpRequest request{.method = "GET", .target = path};
    const bool http2 = protocol == model::UpstreamProtocol::kHttp2;
    const auto answer =
        co_await (http2 ? net::http2_fetch(loop_, endpoint.address(), request, deadline)
                        : net::http_fetch(loop_, endpoint.address(), request, deadline));
    co_return answer && answer->status >= 200 && answer->status < 400;
}

}  // namespace shore::gateway
