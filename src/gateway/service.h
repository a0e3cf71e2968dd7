// Service: the gateway's shards and what keeps them together: applies snapshots, opens listeners,
// asks ejected endpoints whether they are back, gathers metrics, stops. Lives on the control
// thread's loop; starts a thread per shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "async/loop.h"
#include "async/scope.h"
#include "base/clock.h"
#include "gateway/access_log.h"
#include "gateway/compiled.h"
#include "gateway/shard.h"
#include "gateway/traffic.h"
#include "gateway/upstream_names.h"
#include "observe/metrics.h"
#include "wire/json.h"

namespace shore::cache {
class Cache;
class DiskTier;
struct Purge;
}  // namespace shore::cache

namespace shore::gateway {

struct ListenError {
    model::ListenAddress listen;
    std::string reason;  ///< "address in use".
};

/// "http://:8080".
std::string to_text(const model::ListenAddress& address);

class Service final {
 public:
    /// Starts `threads` shards (0: one per core). `clock` outlives it. Without `log_directory`
    /// there is no access log.
    static Result<std::unique_ptr<Service>> start(async::Loop& loop, const base::Clock& clock,
                                                  uint32_t threads,
                                                  const std::string& log_directory);
    /// Where stored answers may lie; before the first snapshot. Without: in memory only.
    /// `on_trouble` is told in a sentence, on another thread, when that fails.
    void keep_answers_in(std::string directory, std::function<void(std::string)> on_trouble);
    /// Ends at once whatever is still open.
    ~Service();

    /// Sockets of a gateway that is being replaced: apply() uses them instead of opening its own.
    void inherit(Inherited sockets) { inherited_ = std::move(sockets); }
    /// The keys of session tickets, from a gateway that is being replaced and for one that replaces
    /// this: clients resume across an upgrade.
    net::TlsTicketKeys& ticket_keys() { return registry_.tls().ticket_keys(); }
    /// Copies of every listening socket.
    async::Task<Inherited> copy_listeners();
    /// Another gateway accepts from now on. Completes when the last connection has ended, or at the
    /// snapshot's upgrade_timeout.
    async::Task<void> retire();

    /// Completes when every shard routes by `snapshot`; a version older than the one in use changes
    /// nothing. What could not be listened on is tried again every second.
    async::Task<std::vector<ListenError>> apply(model::Snapshot snapshot);
    /// The snapshot in use; an empty one before the first.
    std::shared_ptr<const Compiled> compiled() const;
    SteadyTime now() const { return loop_.now(); }
    uint64_t version() const { return compiled_ ? compiled_->version() : 0; }
    /// Completes when no request and no upgraded connection is under way at the instance.
    async::Task<void> drained(std::string instance);
    async::Task<std::string> metrics();
    UpstreamNames& names() { return *names_; }
    cache::Cache& cache() { return *shared_.cache; }
    /// Returns how many stored answers were dropped.
    async::Task<uint64_t> purge_cache(cache::Purge purge);
    /// The sum of all loops' counters.
    async::Task<Counters> counters();
    /// Counters of routes by their names, in place in `counters`.
    std::vector<std::pair<std::string, const RouteCounters*>> named_routes(
        const Counters& counters) const;
    /// What the routes did in about the last `length`: schema Traffic of the API.
    async::Task<wire::Json> traffic(Duration length);
    /// Accepts no more and completes when all requests have ended, or at the snapshot's
    /// drain_timeout.
    async::Task<void> stop();
    /// The port that the kernel chose for a listener with port 0; 0 when it is not open.
    uint16_t port_of(const model::ListenAddress& where) const;

 private:
    struct Thread {
        std::unique_ptr<async::Loop> loop;
        std::unique_ptr<Shard> shard;
        std::thread thread;
    };
    struct Meeting;

    Service(async::Loop& loop, const base::Clock& clock);
    void use_cache_options(const model::CacheOptions& options);
    /// Runs `work` on every shard's thread; completes when all have.
    async::Task<void> on_every_shard(std::function<void(Shard&)> work);
    async::Task<std::vector<ListenError>> open_listeners();
    /// At least one socket for each shard.
    Result<std::vector<os::Fd>> sockets_for(const model::ListenAddress& where);
    async::Task<void> retry_listeners();
    async::Task<void> use_everywhere(const std::shared_ptr<const Compiled>& compiled);
    async::Task<void> follow_names();
    async::Task<void> sample_traffic();
    async::Task<void> return_memory();
    async::Task<void> probe(std::shared_ptr<Endpoint> endpoint);
    async::Task<void> connections_ended(Duration patience, Duration pause);
    async::Task<bool> is_back(const Endpoint& endpoint);

    async::Loop& loop_;
    const base::Clock& clock_;
    std::string cache_directory_;
    std::function<void(std::string)> on_cache_trouble_;
    std::unique_ptr<observe::Registry> registry_of_process_;  // CPU, memory, descriptors.
    Registry registry_;
    Shared shared_;
    cache::DiskTier* disk_ = nullptr;  // Of shared_.cache; null: none yet.
    std::unique_ptr<AccessLog> access_log_;
    std::shared_ptr<const Compiled> compiled_;
    std::vector<model::ListenAddress> open_;
    std::vector<std::pair<model::ListenAddress, uint16_t>> ports_;
    bool opening_ = false;
    bool retired_ = false;
    Inherited inherited_;
    async::Event opened_;
    TrafficHistory traffic_;
    model::Snapshot snapshot_;  // As it was published.
    std::unique_ptr<UpstreamNames> names_;
    std::vector<Thread> threads_;
    std::shared_ptr<int> alive_;  // Expires with this: messages that come later do nothing.
    async::Scope background_;
};

}  // namespace shore::gateway
