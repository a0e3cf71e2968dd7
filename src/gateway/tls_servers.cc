#include "gateway/tls_servers.h"

#include <algorithm>

namespace shore::gateway {

TlsServers::TlsServers() : keys_(std::make_shared<net::TlsTicketKeys>()) {
    keys_->rotate(SteadyTime{});
}

TlsServers::Entry TlsServers::open(const model::Snapshot& snapshot,
                                   const model::TlsPolicy& policy) {
    Entry entry{.listener = snapshot.listeners[policy.listener],
                .policy = policy,
                .certificates = snapshot.certificates};
    net::TlsServerOptions options;
    for (const model::Certificate& certificate : snapshot.certificates) {
        options.certificates.push_back({certificate.certificate_file, certificate.key_file});
    }
    options.client_ca = policy.client_ca;
    options.client_optional = policy.client_optional;
    if (entry.listener.raw) {
        options.alpn.clear();  // What the bytes are is between client and instance.
    } else {
        options.alpn = {"h2", "http/1.1"};
    }
    options.version_min = policy.version_min >= 13 ? net::TlsVersion::k13 : net::TlsVersion::k12;
    std::vector<std::shared_ptr<const net::TlsServer>> before;
    for (const Entry& other : entries_) {
        before.push_back(other.server);
    }
    auto server = net::TlsServer::open(options, keys_, before, entry.warnings);
    if (server) {
        entry.server = std::move(*server);
    } else if (entry.warnings.empty()) {
        entry.warnings.push_back(server.error().text());
    }
    return entry;
}

TlsByListener TlsServers::of(const model::Snapshot& snapshot) {
    TlsByListener servers(snapshot.listeners.size());
    std::vector<Entry> entries;
    troubles_.clear();
    for (const model::TlsPolicy& policy : snapshot.tls) {
        const model::ListenAddress& listener = snapshot.listeners[policy.listener];
        const auto known = std::ranges::find(entries_, listener, &Entry::listener);
        model::TlsPolicy same = policy;
        same.listener = known != entries_.end() ? known->policy.listener : 0;
        const bool unchanged = known != entries_.end() && known->policy == same &&
                               known->certificates == snapshot.certificates;
        Entry entry = unchanged ? *known : open(snapshot, policy);
        entry.policy = policy;
        if (!entry.server && known != entries_.end()) {
            entry.server = known->server;  // Rather the old certificate than none.
        }
        for (const std::string& warning : entry.warnings) {
            troubles_.push_back({policy.listener, warning});
        }
        servers[policy.listener] = entry.server;
        entries.push_back(std::move(entry));
    }
    entries_ = std::move(entries);
    return servers;
}

}  // namespace shore::gateway
