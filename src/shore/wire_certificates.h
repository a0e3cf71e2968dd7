// The certificates of the gateway as the control plane keeps them: completes a snapshot with what
// its handshakes need, notices changed files and due renewals, and answers the API about them.
// Control plane's loop; files are read and signed on a worker.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/ports.h"
#include "async/scope.h"
#include "async/worker_pool.h"
#include "base/clock.h"
#include "certificates/source.h"
#include "engines/assignment.h"
#include "model/snapshot.h"
#include "shore/state_paths.h"

namespace shore {

class GatewayCertificates final : public api::Certificates {
 public:
    /// Everything given by reference outlives this.
    GatewayCertificates(const base::Clock& clock, async::Loop& loop, async::WorkerPool& workers,
                        const StatePaths& paths);
    ~GatewayCertificates() override;

    /// Puts in the digests of the files that the manifests name, and a certificate of the private
    /// authority for names that none of them covers. What is wrong becomes a sentence in
    /// `troubles`.
    async::Task<model::Snapshot> complete(model::Snapshot snapshot,
                                          std::vector<std::string>& troubles);
    /// Looks at the files again and again for ever; `publish` when the gateway should get them
    /// anew.
    async::Task<void> watch(std::function<void()> publish);

    /// For engines that speak TLS on this machine's own addresses. Blocking; any thread.
    Result<engines::EngineTls> engine_certificate_blocking();

    async::Task<Result<std::vector<api::CertificateStatus>>> list() override;
    async::Task<Result<uint32_t>> renew() override;
    async::Task<Result<std::string>> authority() override;
    async::Task<Result<std::string>> trust() override;

 private:
    struct Shelf;  // Used on a worker, one call at a time.

    const base::Clock& clock_;
    async::Loop& loop_;
    async::WorkerPool& workers_;
    std::shared_ptr<Shelf> shelf_;
    std::function<void()> publish_;
    model::Snapshot newest_;  // As the last complete() was asked; its certificates as it answered.
};

}  // namespace shore
