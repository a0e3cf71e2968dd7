#include "engines/redis_shard.h"

#include <algorithm>

#include <pthread.h>

#include "engines/redis_lane.h"
#include "engines/redis_session.h"

namespace shore::engines {

RedisShard::RedisShard(std::vector<Address> servers, RedisSessionOptions options,
                       std::move_only_function<void(uint64_t)> suspect)
    : servers_(std::move(servers)), options_(options), suspect_(std::move(suspect)) {
}

RedisShard::~RedisShard() {
    stop();
}

void RedisShard::start(std::unique_ptr<async::Loop> loop) {
    owned_loop_ = std::move(loop);
    adopt(*owned_loop_);
    thread_ = std::thread([this] {
        pthread_setname_np(pthread_self(), "shore-redis");
        loop_->run();
    });
}

void RedisShard::adopt(async::Loop& loop) {
    loop_ = &loop;
    loop_->set_vigil(kRedisVigil);
    scope_.emplace(loop);
}

void RedisShard::stop() {
    if (thread_.joinable()) {
        loop_->post([this] {
            scope_->stop();
            loop_->stop();
        });
        thread_.join();
    }
    scope_.reset();
}

void RedisShard::accept(os::Fd socket, RedisDoor door, RedisWire wire) {
    loop_->post([this, fd = std::move(socket), door, wire]() mutable {
        scope_->spawn(RedisSession::serve(*this, std::move(fd), door, wire));
    });
}

void RedisShard::dismiss() {
    loop_->post([this] {
        for (RedisSession* const session : sessions_) {
            session->dismiss();
        }
    });
}

void RedisShard::set_tls(std::shared_ptr<const net::TlsServer> server) {
    loop_->post([this, next = std::move(server)]() mutable {
        tls_ = std::move(next);
        if (!scratch_) {
            scratch_.emplace();
        }
    });
}

std::unique_ptr<net::TlsStream> RedisShard::make_tls(async::Watch& watch, int socket) {
    return tls_ ? std::make_unique<net::TlsStream>(tls_, watch, socket, *scratch_) : nullptr;
}

void RedisShard::publish(RedisRoute route) {
    loop_->post([this, next = std::move(route)]() mutable { take_route(std::move(next)); });
}

void RedisShard::set_options(RedisSessionOptions options) {
    loop_->post([this, options] { options_ = options; });
}

void RedisShard::take_route(RedisRoute route) {
    route_ = std::move(route);
    for (RedisSession* const session : sessions_) {
        session->route_changed();
    }
    for (RedisLane* const lane : lanes_) {
        lane->kick();
    }
}

void RedisShard::count_busy(std::move_only_function<void(size_t)> answer) {
    loop_->post([this, reply = std::move(answer)]() mutable {
        reply(static_cast<size_t>(std::ranges::count_if(
            sessions_, [](const RedisSession* session) { return session->is_busy(); })));
    });
}

uint32_t RedisShard::pick_reader(uint32_t not_this) {
    const std::vector<uint32_t>& readers = route_.readers;
    for (size_t i = 0; i < readers.size(); ++i) {
        const uint32_t slot = readers[next_reader_++ % readers.size()];
        if (slot != not_this) {
            return slot;
        }
    }
    return route_.primary;
}

void RedisShard::add(RedisSession& session) {
    sessions_.push_back(&session);
    RedisCounters::add(counters_.connections);
    counters_.sessions.store(sessions_.size(), std::memory_order_relaxed);
}

void RedisShard::remove(RedisSession& session) {
    // Looked for from the end: connections that come and go stand there.
    const auto found = std::find(sessions_.rbegin(), sessions_.rend(), &session);
    if (found != sessions_.rend()) {
        *found = sessions_.back();
        sessions_.pop_back();
    }
    counters_.sessions.store(sessions_.size(), std::memory_order_relaxed);
}

void RedisShard::note_busy(bool busy) {
    busy_ += busy ? 1 : -1;
    loop_->set_vigil(is_crowded() ? Duration() : kRedisVigil);
}

RedisLane* RedisShard::find_lane(const RedisLaneKey& key) {
    const auto found = std::ranges::find_if(lanes_, [&key](const RedisLane* lane) {
        return !lane->is_retired() && lane->key() == key;
    });
    if (found != lanes_.end()) {
        return (*found)->is_open() ? *found : nullptr;
    }
    if (lanes_.size() < kRedisLanesMax && loop_->now() >= lanes_from_) {
        scope_->spawn(RedisLane::serve(*this, key));
    }
    return nullptr;
}

void RedisShard::add_lane(RedisLane& lane) {
    lanes_.push_back(&lane);
    counters_.lanes.store(lanes_.size(), std::memory_order_relaxed);
}

void RedisShard::remove_lane(RedisLane& lane) {
    std::erase(lanes_, &lane);
    counters_.lanes.store(lanes_.size(), std::memory_order_relaxed);
    for (RedisSession* const session : sessions_) {
        session->forget_lane(lane);
    }
}

void RedisShard::retire_lane(RedisLane& lane) {
    for (RedisSession* const session : sessions_) {
        session->lane_retired(lane);
    }
}

void RedisShard::lose_lane(RedisLane& lane) {
    if (!lane.was_open()) {
        lanes_from_ = loop_->now() + kRedisLaneRetry;
    }
    for (RedisSession* const session : sessions_) {
        session->lane_lost(lane);
    }
}

}  // namespace shore::engines
