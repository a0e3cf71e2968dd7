#include "gateway/upstream_pool.h"

#include <algorithm>

#include "async/ready_by.h"
#include "gateway/limits.h"
#include "gateway/shard.h"
#include "net/raw_io.h"

namespace shore::gateway {

async::Task<bool> send_all(Shard& shard, UpstreamConnection& app, std::string_view first,
                           std::string_view second) {
    while (true) {
        const net::IoResult sent = net::send_now(app.socket.get(), first, second);
        if (sent.status == net::IoStatus::kBroken) {
            co_return false;
        }
        const size_t of_first = std::min(sent.count, first.size());
        first.remove_prefix(of_first);
        second.remove_prefix(sent.count - of_first);
        if (first.empty() && second.empty()) {
            co_return true;
        }
        if (sent.status == net::IoStatus::kAgain) {
            app.watch.write_full();
            const Duration patience = shard.current().snapshot().limits.body_timeout;
            if (!co_await async::ReadyBy(app.watch, async::Direction::kWrite,
                                         async::Deadline::in(shard.loop(), patience))) {
                co_return false;
            }
        }
    }
}

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
