// RedisPromotion: whether the sentinels may make this server the primary.
//
// Sentinels promote by SLAVEOF NO ONE, as the user @monitor, who may not say that by default. The
// agent hears from the sentinels that the primary counts as down, asks all other servers what they
// have, and lets its own be promoted, before any other, when none has more (redis_succession.h).
// That ends when there is a primary again. A sentinel that has chosen another server is refused;
// it would take six seconds to try again, so the agent tells the next one to choose.
//
// Lives on the agent's loop.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/scope.h"
#include "engines/redis_succession.h"
#include "engines/redis_view.h"
#include "observe/log.h"

namespace shore::engines {

/// What @monitor may do at a server besides (redis_config.h): promote it, or not.
inline constexpr std::string_view kMayNotPromote = "-slaveof +slaveof|127.0.0.1";
inline constexpr std::string_view kMayPromote = "-slaveof +slaveof|127.0.0.1 +slaveof|no";

async::Task<Result<void>> permit_promotion(RedisClient& server, async::Deadline deadline);
async::Task<Result<void>> forbid_promotion(RedisClient& server, async::Deadline deadline);

Contender contender_of(uint32_t slot, const ReplicationState& state);
/// What all servers have but that one, each asked for at most kRedisProbeTime.
async::Task<std::vector<Contender>> ask_contenders(async::Loop& loop, const Assignment& assignment,
                                                   uint32_t lost);

/// The sentinels have promoted that server, and would say so, and tell the others to follow it,
/// only after their next look, which may take a second. Tells the other replicas and the endpoint
/// now.
async::Task<void> announce_primary(async::Loop& loop, const Assignment& assignment,
                                   uint32_t primary, const std::vector<Contender>& others);

class RedisPromotion final {
 public:
    /// `primary_changed` is called when the sentinels have named another primary.
    RedisPromotion(async::Loop& loop, observe::Log& log, const Assignment& assignment,
                   std::move_only_function<void()> primary_changed);

    /// The server answers.
    void start();
    void stop() { scope_.stop(); }
    /// What the agent has seen of its server.
    void note(const ReplicationState& state);
    /// Whose writes the primary on that port counts; empty when nobody has seen it.
    std::string history_of(uint16_t port) const;

 private:
    async::Task<void> listen_to(Peer sentinel);
    async::Task<void> hear(RedisClient& sentinel, uint32_t slot);
    void on_message(uint32_t sentinel, std::string_view channel, std::string_view text);
    void set_lost(uint32_t sentinel, uint16_t port);
    async::Task<void> watch();
    async::Task<void> judge(uint16_t lost);
    async::Task<void> hurry();
    async::Task<void> tell(bool may);
    async::Task<void> learn(uint16_t port);
    uint16_t lost_port() const;
    bool is_agreed(uint16_t lost) const;

    async::Loop& loop_;
    observe::Log& log_;
    const Assignment& assignment_;
    std::move_only_function<void()> primary_changed_;
    std::map<uint32_t, uint16_t> lost_;  // By sentinel: the port of the primary that is down.
    SteadyTime lost_since_{};
    SteadyTime hurried_{};
    uint16_t succeeded_ = 0;  // The lost primary whose place this server has taken.
    uint16_t learn_ = 0;      // A primary to be asked whose writes it counts.
    struct Reign {
        uint16_t port = 0;
        std::string history;
    };
    Reign reign_;
    std::optional<bool> decided_;  // What was last said to the server.
    async::Event event_;
    async::Scope scope_;
};

}  // namespace shore::engines
