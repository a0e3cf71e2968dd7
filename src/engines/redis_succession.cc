#include "engines/redis_succession.h"

#include "engines/limits.h"

namespace shore::engines {

using State = Contender::State;

SuccessionAnswer may_succeed(const SuccessionQuestion& question) {
    const auto follows = [&question](const Contender& server) {
        return question.history.empty() || server.history == question.history;
    };
    const bool is_patient = question.waited < kSuccessionPatience;
    const Contender& self = question.self;
    if (self.state != State::kReplica) {
        return {.reason = "it is no replica"};
    }
    if (self.offset == 0) {
        return {.reason = "it has no data"};
    }
    if (!follows(self) && is_patient) {
        return {.reason = "it has not followed the lost primary"};
    }
    for (const Contender& other : question.others) {
        // One without followers is a former primary, or nothing was acknowledged by it yet.
        if (other.state == State::kPrimary && other.followers > 0) {
            return {.reason = fmt::format("server {} is the primary", other.slot)};
        }
        if (other.state == State::kSilent && is_patient) {
            return {.reason =
                        fmt::format("server {} does not answer and may have more", other.slot)};
        }
        // Offsets of another history count other writes.
        const bool has_more = follows(self) == follows(other) ? other.offset > self.offset
                                                              : follows(other) && other.offset > 0;
        if (other.state == State::kReplica && has_more) {
            return {.reason = fmt::format("server {} has more", other.slot)};
        }
    }
    return {.may = true};
}

}  // namespace shore::engines
