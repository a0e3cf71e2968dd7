// RedisPromotion: whether the sentinels may make this server the primary.
//
// Sentinels promote by SLAVEOF, as the user @monitor, who may not say that to a replica. The agent
// hears from the sentinels that the primary counts as down, asks all other servers what they
// have, and lets its own be promoted, before any other, when none has more (redis_succession.h).
// That ends when there is a primary again. A sentinel that has chosen another server is refused;
// it would take six seconds to try again, so the agent tells the next one to choose.
//
// By the same command sentinels have a replica follow another primary: here agents do that. A
// primary obeys the sentinels, which make one that comes back a replica.
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
inline constexpr std::string_view kMayNotPromote = "-slaveof";
inline constexpr std::string_view kMayPromote = "+slaveof";

/// Of replica-priority: Redis' own default, which every server of an engine has; of a server that
/// the sentinels shall choose before any other; of one that they shall not choose.
inline constexpr std::string_view kUsualPriority = "100";
inline constexpr std::string_view kPreferredPriority = "1";
inline constexpr std::string_view kNeverPriority = "0";
async::Task<Result<void>> set_priority(RedisClient& server, std::string_view priority,
                                       async::Deadline deadline);

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

/// Has a replica follow the server on that port, if it does not yet. kConflict: it is a primary.
async::Task<Result<void>> follow_primary(async::Loop& loop, const Assignment& assignment,
                                         uint32_t slot, uint16_t port);

class RedisPromotion final {
 public:
    /// `primary_changed` is called when the sentinels have named another primary.
    RedisPromotion(async::Loop& loop, observe::Log& log, const Assignment& assignment,
                   std::move_only_function<void()> primary_changed);

    /// The server answers.
    void start();
    void stop() { scope_.stop(); }
    /// What the agent has seen of its server, and what the sentinels said then.
    void note(const ReplicationState& state, const SentinelsWord& word);
    /// The server was started anew.
    void forget() { told_.reset(); }
    /// Whose writes the primary on that port counts; empty when nobody has seen it.
    std::string history_of(uint16_t port) const;

 private:
    enum class Rule : uint8_t {
        kRefuse,   ///< A replica: not to be promoted.
        kPass,     ///< The same, and sentinels shall not choose it.
        kSucceed,  ///< A replica: to be promoted, before any other.
        kObey,     ///< A primary.
    };
    async::Task<void> listen_to(Peer sentinel);
    async::Task<void> hear(RedisClient& sentinel, uint32_t slot);
    void on_message(uint32_t sentinel, std::string_view channel, std::string_view text);
    void set_lost(uint32_t sentinel, uint16_t port);
    async::Task<void> watch();
    async::Task<Rule> judge(uint16_t lost);
    async::Task<void> hurry();
    async::Task<void> tell(Rule rule);
    async::Task<void> follow();
    uint16_t lost_port() const;
    bool is_agreed(uint16_t lost) const;

    async::Loop& loop_;
    observe::Log& log_;
    const Assignment& assignment_;
    std::move_only_function<void()> primary_changed_;
    std::map<uint32_t, uint16_t> lost_;  // By sentinel: the port of the primary that is down.
    SteadyTime lost_since_{};
    SteadyTime hurried_{};
    uint16_t judged_ = 0;      // The lost primary that the log speaks of.
    uint16_t succeeded_ = 0;   // The lost primary whose place this server has taken.
    bool is_renamed_ = false;  // A sentinel has named another primary.
    bool is_primary_ = false;
    SteadyTime astray_since_{};  // It follows another than the sentinels name; zero: it does not.
    struct Reign {
        uint16_t port = 0;
        std::string history;
    };
    Reign reign_;
    std::optional<Rule> told_;  // What the server goes by.
    async::Event event_;
    async::Scope scope_;
};

}  // namespace shore::engines
