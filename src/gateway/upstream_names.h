// UpstreamNames: what the DNS names of upstreams lead to now (x-shore.http.upstream). Asked on a
// worker, again when an answer's time is over; while a name cannot be asked its last addresses
// stay. Control thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/loop.h"
#include "async/scope.h"
#include "async/task.h"
#include "async/worker_pool.h"
#include "model/snapshot.h"
#include "net/dns.h"

namespace shore::gateway {

class UpstreamNames final {
 public:
    /// `on_change` is called, on the loop, whenever a name leads elsewhere.
    UpstreamNames(async::Loop& loop, std::function<void()> on_change);

    /// Called, on the loop, when a name ("HOST:PORT") can no longer be looked up, with the reason,
    /// and with an empty one when it can be again: once for each change.
    using Report = std::function<void(const std::string& name, const std::string& why)>;
    void report_to(Report report) { report_ = std::move(report); }

    /// Begins to ask for the snapshot's names that are new, and forgets those that are gone.
    void use(const model::Snapshot& snapshot);
    /// The snapshot with the addresses as endpoints of its named upstreams.
    model::Snapshot filled(model::Snapshot snapshot) const;
    /// Answers that could not be had.
    uint64_t failures() const { return failures_; }
    bool empty() const { return names_.empty(); }
    /// Ends asking; waits for the question under way. May be called twice.
    void stop();

 private:
    struct Name {
        explicit Name(async::Loop& loop) : asking(loop) {}
        std::vector<net::Address> addresses;
        bool fails = false;
        async::Scope asking;
    };
    async::Task<void> keep_asking(Name& name, std::string text, std::string host, uint16_t port);
    void set_fails(Name& name, const std::string& text, const std::string& why);

    async::Loop& loop_;
    std::function<void()> on_change_;
    Report report_;
    std::vector<std::string> servers_;
    uint64_t failures_ = 0;
    std::unique_ptr<async::WorkerPool> workers_;          // Null until there is a name.
    std::map<std::string, std::unique_ptr<Name>> names_;  // By "HOST:PORT".
};

}  // namespace shore::gateway
