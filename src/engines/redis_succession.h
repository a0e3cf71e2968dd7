// Who may succeed a primary that is lost: a replica that lacks nothing another one has.
//
// Sentinels choose among the replicas that answer them in that moment, by what they saw of them
// last. A replica with all acknowledged writes that is slow to answer is left out, and another is
// compared by an offset that belongs to another primary's writes. So each agent asks all servers
// itself once the primary counts as down, and lets its own be promoted when none has more
// (redis_promotion.h). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace shore::engines {

/// A server as an agent saw it after the primary's loss.
struct Contender {
    enum class State : uint8_t {
        kGone,    ///< Nothing listens there: it has no say.
        kSilent,  ///< It is there and does not answer: nobody knows what it has.
        kReplica,
        kPrimary,  ///< It was promoted already, or is a former primary that nobody has told.
    };
    uint32_t slot = 0;
    State state = State::kGone;
    uint64_t offset = 0;   ///< Bytes of writes that it has executed; 0: it has no data.
    std::string history;   ///< Whose writes they are (master_replid).
    size_t followers = 0;  ///< A primary's replicas.
};

struct SuccessionQuestion {
    /// The lost primary's, as a replica that followed it says; empty: nobody has seen it.
    std::string history;
    Contender self;
    std::vector<Contender> others;  ///< Without the lost primary.
    Duration waited{};              ///< Since it counts as down.
};

struct SuccessionAnswer {
    bool may = false;
    std::string reason;  ///< Why not.
};

/// A silent server is waited for until kSuccessionPatience; one that answers and has more, for
/// ever.
SuccessionAnswer may_succeed(const SuccessionQuestion& question);

}  // namespace shore::engines
