// TlsServers: from one snapshot to the next, what the handshakes of each https listener go by.
// Files are read again only when the snapshot says that they have changed. Control thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/snapshot.h"
#include "net/tls_server.h"

namespace shore::gateway {

/// By listener; null for plain ones, and for those that no certificate can serve.
using TlsByListener = std::vector<std::shared_ptr<const net::TlsServer>>;

struct TlsTrouble {
    uint32_t listener = 0;
    std::string reason;
};

class TlsServers final {
 public:
    TlsServers();

    TlsByListener of(const model::Snapshot& snapshot);
    /// What could not be used of the newest snapshot, and was not there before either.
    const std::vector<TlsTrouble>& troubles() const { return troubles_; }
    void rotate_ticket_keys(SteadyTime now) { keys_->rotate(now); }
    net::TlsTicketKeys& ticket_keys() { return *keys_; }

 private:
    struct Entry {
        model::ListenAddress listener;
        model::TlsPolicy policy;
        std::vector<model::Certificate> certificates;
        std::shared_ptr<const net::TlsServer> server;
        std::vector<std::string> warnings;
    };
    Entry open(const model::Snapshot& snapshot, const model::TlsPolicy& policy);

    std::shared_ptr<net::TlsTicketKeys> keys_;
    std::vector<Entry> entries_;  // Of the newest snapshot.
    std::vector<TlsTrouble> troubles_;
};

}  // namespace shore::gateway
