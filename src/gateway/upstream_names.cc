#include "gateway/upstream_names.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "async/timer.h"
#include "gateway/limits.h"

namespace shore::gateway {

using async::Task;

UpstreamNames::UpstreamNames(async::Loop& loop, std::function<void()> on_change)
    : loop_(loop), on_change_(std::move(on_change)) {
}

void UpstreamNames::use(const model::Snapshot& snapshot) {
    if (snapshot.resolvers != servers_) {
        servers_ = snapshot.resolvers;
        for (auto& [text, name] : names_) {
            auto again = std::make_unique<Name>(loop_);
            again->addresses = name->addresses;
            name = std::move(again);
        }
    }
    std::set<std::string> wanted;
    for (const model::Upstream& upstream : snapshot.upstreams) {
        if (!upstream.dns.empty() && wanted.size() < kDnsNamesMax) {
            wanted.insert(upstream.dns);
        }
    }
    std::erase_if(names_, [&](const auto& entry) { return !wanted.contains(entry.first); });
    if (!wanted.empty() && !workers_) {
        workers_ = std::make_unique<async::WorkerPool>("dns", kDnsThreads);
    }
    for (const std::string& text : wanted) {
        auto& name = names_[text];
        if (!name) {
            name = std::make_unique<Name>(loop_);
        }
        if (name->asking.size() == 0) {
            const size_t colon = text.rfind(':');
            uint16_t port = 0;
            std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
            std::string host = text.substr(0, colon);
            if (host.starts_with('[')) {
                host = host.substr(1, host.size() - 2);
            }
            name->asking.spawn(keep_asking(*name, text, std::move(host), port));
        }
    }
}

void UpstreamNames::set_fails(Name& name, const std::string& text, const std::string& why) {
    if (name.fails == why.empty()) {
        name.fails = !why.empty();
        if (report_) {
            report_(text, why);
        }
    }
}

Task<void> UpstreamNames::keep_asking(Name& name, std::string text, std::string host,
                                      uint16_t port) {
    Duration pause = kDnsRetryFirst;
    while (true) {
        auto ask = [host, port, servers = servers_] {
            return net::look_up_blocking(host, port, servers);
        };
        auto answer = co_await workers_->run<net::DnsAnswer>(loop_, std::move(ask));
        if (!answer) {
            // The last addresses are the best there is.
            ++failures_;
            set_fails(name, text, answer.error().text());
            co_await async::sleep_for(loop_, pause);
            pause = std::min<Duration>(pause * 2, kDnsRetryLongest);
            continue;
        }
        pause = kDnsRetryFirst;
        set_fails(name, text, {});
        if (answer->addresses.size() > kDnsAddressesMax) {
            answer->addresses.resize(kDnsAddressesMax);
        }
        if (answer->addresses != name.addresses) {
            name.addresses = answer->addresses;
            on_change_();
        }
        co_await async::sleep_for(
            loop_, std::clamp<Duration>(answer->ttl, kDnsLifeShortest, kDnsLifeLongest));
    }
}

model::Snapshot UpstreamNames::filled(model::Snapshot snapshot) const {
    for (model::Upstream& upstream : snapshot.upstreams) {
        const auto found = names_.find(upstream.dns);
        if (found == names_.end()) {
            continue;
        }
        for (const net::Address& address : found->second->addresses) {
            upstream.endpoints.push_back(
                {.instance = fmt::format("{}@{}", upstream.name, address.to_text()),
                 .address = address.host(),
                 .port = address.port()});
        }
    }
    return snapshot;
}

void UpstreamNames::stop() {
    names_.clear();
    workers_.reset();
}

}  // namespace shore::gateway
