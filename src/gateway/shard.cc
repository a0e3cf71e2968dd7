#include "gateway/shard.h"

#include <algorithm>
#include <cstring>

#include "async/ready_by.h"
#include "async/timer.h"
#include "cache/cache.h"
#include "gateway/client_stream.h"
#include "gateway/connection.h"
#include "gateway/exchange.h"
#include "gateway/http2_upstream.h"
#include "gateway/limits.h"
#include "gateway/rewrite.h"
#include "gateway/service.h"
#include "gateway/tcp_connection.h"
#include "net/limits.h"

namespace shore::gateway {

using async::Task;

namespace {

constexpr auto kHousekeepingPause = std::chrono::seconds(1);

}  // namespace

/// Pulses the tick while requests are held.
class Shard::TickTimer final : public async::Timer {
 public:
    explicit TickTimer(Shard& shard) : Timer(shard.loop_, &on_time), shard_(shard) {}

 private:
    static void on_time(Node& node) { static_cast<TickTimer&>(node).shard_.tick_.pulse(); }
    Shard& shard_;
};

struct Shard::ListenerEntry {
    model::ListenAddress where;
    std::unique_ptr<net::Listener> listener;
    std::unique_ptr<async::Scope> scope;
};

Shared::Shared() = default;
Shared::~Shared() = default;

Shard::Shard(async::Loop& loop, Shared& shared, uint64_t seed)
    : loop_(loop),
      shared_(shared),
      random_(seed),
      upstreams_(loop),
      buffers_(kPooledBuffersMax),
      large_buffers_(kPooledLargeBuffersMax),
      encoders_(kPooledEncodersMax),

      head_buffers_(kPooledBuffersMax),
      exchanges_(std::make_unique<Pool<Exchange>>(kPooledBuffersMax)),
      client_streams_(std::make_unique<Pool<ClientStream>>(kPooledBuffersMax)),
      upstream_streams_(std::make_unique<Pool<UpstreamStream>>(kPooledBuffersMax)),
      http2_upstreams_(std::make_unique<Http2Pool>(*this)),
      field_room_(std::make_unique<wire::Http2AnswerReader::Room>()),
      scratch_(std::make_unique_for_overwrite<char[]>(wire::kHeadBytesMax + kHeadGrowthMax)),
      tick_(loop),
      tick_timer_(std::make_unique<TickTimer>(*this)),
      mirrors_(loop),
      connections_(loop),
      background_(loop) {
    generations_.push_back({std::make_shared<const Compiled>(), 0});
    generation_ = &generations_.back();
    background_.spawn(housekeeping());
}

Shard::~Shard() {
    stop();
}

void Shard::use(std::shared_ptr<const Compiled> compiled) {
    upstreams_.use(*compiled);
    http2_upstreams_->use(*compiled);
    use_content_options(*compiled);
    const std::vector<model::ListenAddress>& wanted = compiled->snapshot().listeners;
    std::erase_if(listeners_, [&](const auto& entry) {
        return std::ranges::find(wanted, entry.first) == wanted.end();
    });
    generations_.push_back({std::move(compiled), 0});
    Generation* const old = std::exchange(generation_, &generations_.back());
    if (old->users == 0) {
        std::erase_if(generations_, [&](const Generation& each) { return &each == old; });
    }
    tick_.pulse();
}

/// What kept files were made with must be what is asked for now.
void Shard::use_content_options(const Compiled& compiled) {
    const model::Snapshot& snapshot = compiled.snapshot();
    const uint64_t share = snapshot.content.file_cache.count / std::max(1U, shared_.loops);
    if (share != files_.bytes_max() || snapshot.content != current().snapshot().content) {
        files_.reset(share);
    }
}

void Shard::listen(const model::ListenAddress& where, os::Fd socket) {
    auto listener = net::Listener::adopt(loop_, std::move(socket));
    if (!listener || stopping_) {
        return;
    }
    auto entry = std::make_unique<ListenerEntry>();
    entry->where = where;
    entry->listener = std::move(*listener);
    entry->scope = std::make_unique<async::Scope>(loop_);
    ListenerEntry* const borrowed = entry.get();
    listeners_.emplace(where, std::move(entry));
    borrowed->scope->spawn(accept_loop(borrowed));
}

uint16_t Shard::port_of(const model::ListenAddress& where) const {
    const auto found = listeners_.find(where);
    return found == listeners_.end() ? uint16_t{0} : found->second->listener->address().port();
}

Task<void> Shard::accept_loop(ListenerEntry* entry) {
    int in_a_row = 0;
    while (true) {
        auto accepted = co_await entry->listener->accept();
        if (!accepted) {
            co_await async::sleep_for(loop_, net::kAcceptRetry);
            continue;
        }
        const uint32_t open = shared_.connections.fetch_add(1, std::memory_order_relaxed) + 1;
        ++counters_.connections_accepted;
        if (open > current().snapshot().limits.connections_max) {
            shared_.connections.fetch_sub(1, std::memory_order_relaxed);
            ++counters_.connections_refused;
            continue;
        }
        sockaddr_storage raw{};
        accepted->peer.to_socket(raw);
        connections_.spawn(
            entry->where.raw
                ? TcpConnection::serve(*this, std::move(accepted->socket), raw, entry->where)
                : Connection::serve(std::make_unique<Connection>(*this, std::move(accepted->socket),
                                                                 raw, entry->where)));
        if (++in_a_row >= kAcceptsPerTurn) {
            in_a_row = 0;
            co_await async::yield(loop_);
        }
    }
}

Task<void> Shard::housekeeping() {
    for (int beat = 0;; ++beat) {
        co_await async::sleep_for(loop_, kHousekeepingPause);
        upstreams_.sweep();
        http2_upstreams_->sweep();
        settle_idle();
        flush_access_log();
        if (beat % 10 == 0) {
            buffers_.trim();
            large_buffers_.trim();
            head_buffers_.trim();
            client_streams_->trim();
            upstream_streams_->trim();
            exchanges_->trim();
        }
    }
}

void Shard::settle_idle() {
    async::List idle;
    idle.take_all(idle_);
    while (async::Node* const node = idle.pop_front()) {
        Connection::of(*node).settle();
        settled_.push_back(*node);
    }
}

Inherited Shard::copy_listeners() const {
    Inherited copies;
    for (const auto& [where, entry] : listeners_) {
        if (auto copy = os::duplicate(entry->listener->descriptor())) {
            copies[to_text(where)].push_back(std::move(*copy));
        }
    }
    return copies;
}

void Shard::retire() {
    stopping_ = retired_ = true;
    listeners_.clear();
    async::List open;
    open.take_all(idle_);
    open.take_all(settled_);
    while (async::Node* const node = open.pop_front()) {
        idle_.push_back(*node);
        Connection::of(*node).announce_end();
    }
}

void Shard::begin_stop() {
    stopping_ = true;
    retired_ = false;
    listeners_.clear();
    async::List idle;
    idle.take_all(idle_);
    idle.take_all(settled_);
    while (async::Node* const node = idle.pop_front()) {
        Connection::of(*node).close_idle();
    }
}

void Shard::stop() {
    stopping_ = true;
    retired_ = false;
    listeners_.clear();
    connections_.stop();
    mirrors_.stop();
    background_.stop();
    http2_upstreams_->clear();
    flush_access_log();
}

Counters Shard::counters() const {
    Counters copy = counters_;
    copy.upstream_idle = upstreams_.idle();
    copy.mirrors_failed = mirrors_.failed();
    return copy;
}

Generation& Shard::acquire() {
    ++generation_->users;
    return *generation_;
}

void Shard::release(Generation& generation) {
    if (--generation.users == 0 && &generation != generation_) {
        std::erase_if(generations_, [&](const Generation& each) { return &each == &generation; });
    }
}

async::Event& Shard::tick() {
    if (!tick_timer_->is_set()) {
        tick_timer_->set(loop_.now() + kHoldPause);
    }
    return tick_;
}

void Shard::refresh_clock() {
    const auto since = loop_.wall_now().time_since_epoch();
    const int64_t second = std::chrono::floor<std::chrono::seconds>(since).count();
    const int64_t millisecond = std::chrono::floor<std::chrono::milliseconds>(since).count();
    if (second != second_) {
        second_ = second;
        const std::string date = base::to_http_date(loop_.wall_now());
        std::memcpy(date_.data(), date.data(), std::min(date.size(), date_.size()));
        const std::string stamp = base::to_rfc3339(loop_.wall_now());
        std::memcpy(timestamp_.data(), stamp.data(), std::min(stamp.size(), timestamp_.size()));
    }
    if (millisecond != millisecond_) {
        // "2026-06-01T12:00:00.123Z": only the three digits behind the point change.
        millisecond_ = millisecond;
        const int64_t part = millisecond % 1000;
        timestamp_[20] = static_cast<char>('0' + part / 100);
        timestamp_[21] = static_cast<char>('0' + part / 10 % 10);
        timestamp_[22] = static_cast<char>('0' + part % 10);
    }
}

std::string_view Shard::date() {
    refresh_clock();
    return {date_.data(), 29};
}

std::string_view Shard::timestamp() {
    refresh_clock();
    return {timestamp_.data(), 24};
}

void Shard::write_request_id(char* out) {
    static constexpr char kAlphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    for (size_t i = 0; i < kRequestIdLength;) {
        uint64_t bits = random_.next();
        for (int j = 0; j < 13; ++j, bits >>= 5U) {
            out[i++] = kAlphabet[bits & 31U];
        }
    }
}

void Shard::access_line_added() {
    if (access_lines_.size() >= kAccessLogBatch) {
        flush_access_log();
    }
}

void Shard::flush_access_log() {
    if (!access_lines_.empty() && shared_.write_access_log) {
        std::string lines;
        lines.reserve(kAccessLogBatch + kAccessLogBatch / 8);
        lines.swap(access_lines_);
        shared_.write_access_log(std::move(lines));
    }
    access_lines_.clear();
}

}  // namespace shore::gateway
