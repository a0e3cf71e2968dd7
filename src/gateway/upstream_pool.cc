#include "gateway/upstream_pool.h"

#include "gateway/limits.h"
#include "net/raw_io.h"

namespace shore::gateway {

std::unique_ptr<UpstreamConnection> UpstreamPool::take(const Endpoint& endpoint) {
    if (endpoint.slot() >= slots_.size()) {
        return nullptr;
    }
    Slot& slot = slots_[endpoint.slot()];
    while (slot.endpoint == &endpoint && !slot.idle.empty()) {
        std::unique_ptr<UpstreamConnection> connection = std::move(slot.idle.back());
        slot.idle.pop_back();
        // Readable without a request means closed, or an answer to nothing; or that the last
        // receive filled its buffer, which only a look can tell.
        if (!connection->watch.hung_up() &&
            (!connection->watch.is_readable() || net::is_quiet(connection->socket.get()))) {
            return connection;
        }
    }
    return nullptr;
}

void UpstreamPool::give(const Endpoint& endpoint, std::unique_ptr<UpstreamConnection> connection) {
    if (endpoint.slot() >= slots_.size()) {
        return;
    }
    Slot& slot = slots_[endpoint.slot()];
    if (slot.endpoint == &endpoint && slot.idle.size() < kIdleUpstreamMax &&
        !connection->watch.hung_up()) {
        connection->idle_since = loop_.now();
        slot.idle.push_back(std::move(connection));
    }
}

void UpstreamPool::use(const Compiled& compiled) {
    std::vector<const Endpoint*> wanted;
    for (const CompiledUpstream& upstream : compiled.upstreams()) {
        for (const CompiledUpstream::Member& member : upstream.members) {
            const uint32_t slot = member.endpoint->slot();
            if (slot >= wanted.size()) {
                wanted.resize(slot + 1);
            }
            if (!member.draining) {
                wanted[slot] = member.endpoint.get();
            }
        }
    }
    if (slots_.size() < wanted.size()) {
        slots_.resize(wanted.size());
    }
    for (size_t i = 0; i < slots_.size(); ++i) {
        const Endpoint* const endpoint = i < wanted.size() ? wanted[i] : nullptr;
        if (slots_[i].endpoint != endpoint) {
            slots_[i].idle.clear();
            slots_[i].endpoint = endpoint;
        }
    }
}

void UpstreamPool::sweep() {
    for (Slot& slot : slots_) {
        std::erase_if(slot.idle, [this](const std::unique_ptr<UpstreamConnection>& connection) {
            return connection->watch.hung_up() ||
                   loop_.now() - connection->idle_since >= kIdleUpstreamLife;
        });
    }
}

size_t UpstreamPool::idle() const {
    size_t count = 0;
    for (const Slot& slot : slots_) {
        count += slot.idle.size();
    }
    return count;
}

}  // namespace shore::gateway
