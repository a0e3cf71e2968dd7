// Balancer: which instance of a service gets a request. Pure: time, chance and the client's hash
// are parameters; nothing is allocated.
//
// Least requests looks at two instances by chance and takes the one with fewer requests under way:
// nearly as even as looking at all, without every loop running to the same one. The hash is a
// rendezvous: each client has its own order of instances, so one that leaves or comes moves only
// its own share.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "gateway/compiled.h"
#include "model/http_route.h"

namespace shore::gateway {

/// Spreads the bits of a text; the same on every machine.
uint64_t stable_hash(std::string_view text);
uint64_t stable_hash(const AddressBytes& address);

struct Choice {
    model::Balance balance = model::Balance::kLeastRequests;
    uint64_t client = 0;  ///< For kHash.
    uint64_t tried = 0;   ///< Bits of members that failed this request; they come last.
    uint64_t turn = 0;    ///< For kRoundRobin.
    SteadyTime now{};
    Duration slow_start{0};
};

inline constexpr size_t kNobody = SIZE_MAX;

/// Index of the member that gets the request; kNobody when none can take it now.
size_t choose_member(std::span<const CompiledUpstream::Member> members, const Choice& choice,
                     base::Random& random);

/// 0..1: how much of its share a member gets, by its age.
double share_of(const CompiledUpstream::Member& member, Duration slow_start, SteadyTime now);

/// Index by weight; `chance` is any number. Weights must not all be 0.
size_t choose_share(std::span<const uint32_t> weights, uint64_t chance);

/// Whether another instance may be taken out because of failures that may be chance.
bool may_eject(std::span<const CompiledUpstream::Member> members, double share_max);

/// What one loop remembers of an upstream. Plain numbers.
class LocalUpstream final {
 public:
    uint64_t next_turn() { return turn_++; }
    void count_request(SteadyTime now);
    /// Counts a retry when the budget still has one: `share` of the requests of the last seconds,
    /// but always kFreeRetries, so that a quiet service has some.
    bool take_retry(SteadyTime now, double share);
    /// Its last answer did not fit into a usual buffer; then the next one is expected not to.
    bool sends_large = false;

 private:
    void age(SteadyTime now);

    uint64_t turn_ = 0;
    uint64_t requests_ = 0;
    uint64_t retries_ = 0;
    SteadyTime since_{};
};

}  // namespace shore::gateway
