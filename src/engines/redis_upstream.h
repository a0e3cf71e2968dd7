// RedisUpstream: a session's connection to a server.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "async/watch.h"
#include "engines/limits.h"
#include "engines/redis_shard.h"

namespace shore::engines {

/// Confirms what was written before: with durability `replicated`.
inline constexpr std::string_view kRedisWaitText = "*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$4\r\n5000\r\n";
static_assert(kRedisWaitTime == std::chrono::milliseconds(5000), "kRedisWaitText says it");

class RedisUpstream final {
 public:
    enum class Phase : uint8_t {
        kConnecting,
        kSettingUp,  ///< The session's setup is being repeated; its answers are swallowed.
        kReady,
    };

    /// Begins to connect; null when that fails at once.
    static std::unique_ptr<RedisUpstream> connect(async::Loop& loop,
                                                  const RedisShard::Address& address,
                                                  uint32_t slot);

    int descriptor() const { return socket_.get(); }
    async::Watch& watch() { return watch_; }
    uint32_t slot() const { return slot_; }

    Phase phase = Phase::kConnecting;
    std::string setup;         ///< Commands that are still to be sent before anything else.
    size_t setup_answers = 0;  ///< Answers to them that are still to come.

 private:
    RedisUpstream(async::Loop& loop, os::Fd socket, uint32_t slot)
        : socket_(std::move(socket)), watch_(loop), slot_(slot) {}
    os::Fd socket_;
    async::Watch watch_;
    uint32_t slot_;
};

}  // namespace shore::engines
