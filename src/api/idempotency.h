// Idempotency: answers kept under the client's Idempotency-Key, so that a request that is sent
// again after a lost answer acts once (draft-ietf-httpapi-idempotency-key-header).
#pragma once

#include <deque>
#include <expected>
#include <map>
#include <optional>
#include <string>

#include "api/call.h"
#include "base/clock.h"

namespace shore::api {

/// Control plane's loop. Keeps at most kIdempotencyKeysMax answers for kIdempotencyAgeMax; the
/// oldest go first.
class Idempotency final {
 public:
    /// What is to be done with a call that carries a key: nothing is returned when it must be
    /// carried out, and finish() or abandon() must follow; the kept answer when it was; 409 while
    /// the first one is under way, 422 when the key was used for another request.
    std::optional<Answered> begin(const Call& call, SteadyTime now);
    /// Keeps the answer. Only whole answers (no feed) can be kept.
    void finish(const Call& call, const Reply& reply);
    /// The call failed: the key is free again, so that the client may try once more.
    void abandon(const Call& call);

 private:
    struct Kept {
        std::string fingerprint;
        SteadyTime at{};
        bool done = false;
        uint16_t status = 0;
        std::string body;
        std::string location;
    };
    void forget_old(SteadyTime now);

    std::map<std::string, Kept, std::less<>> kept_;
    std::deque<std::string> order_;  // The keys of kept_, oldest first.
};

}  // namespace shore::api
