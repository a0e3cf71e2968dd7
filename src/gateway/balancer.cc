#include "gateway/balancer.h"

#include <algorithm>

#include "gateway/limits.h"

namespace shore::gateway {

namespace {

using Members = std::span<const CompiledUpstream::Member>;

/// splitmix64's finaliser (Steele, Lea, Flood 2014).
uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebULL;
    return value ^ (value >> 31U);
}

bool was_tried(const Choice& choice, size_t at) {
    return at < 64 && (choice.tried >> at & 1U) != 0;
}

bool is_usable(const CompiledUpstream::Member& member) {
    return !member.draining && !member.endpoint->ejected();
}

/// Requests under way, weighed up while the instance is young.
double load_of(const CompiledUpstream::Member& member, const Choice& choice) {
    return (member.endpoint->outstanding() + 1.0) / share_of(member, choice.slow_start, choice.now);
}

/// A young instance is passed over by chance, so that turns and equal loads favour it less, too.
bool is_passed_over(const CompiledUpstream::Member& member, const Choice& choice,
                    base::Random& random) {
    const double share = share_of(member, choice.slow_start, choice.now);
    return share < 1 && random.unit() >= share;
}

/// The usable member that `better` prefers; first among those not tried yet.
template <class Better>
size_t best_of(Members members, const Choice& choice, size_t start, Better better) {
    for (int pass = 0; pass < 2; ++pass) {
        size_t best = kNobody;
        for (size_t i = 0; i < members.size(); ++i) {
            const size_t at = (start + i) % members.size();
            if (is_usable(members[at]) && (pass == 1 || !was_tried(choice, at)) &&
                (best == kNobody || better(at, best))) {
                best = at;
            }
        }
        if (best != kNobody) {
            return best;
        }
    }
    return kNobody;
}

size_t least_requests(Members members, const Choice& choice, base::Random& random) {
    const size_t count = members.size();
    const uint64_t chance = random.next();
    const size_t one = static_cast<size_t>(chance >> 32U) % count;
    const size_t step = count > 1 ? 1 + static_cast<size_t>(chance & UINT32_MAX) % (count - 1) : 0;
    const size_t other = (one + step) % count;
    const auto lighter = [&](size_t a, size_t b) {
        return load_of(members[a], choice) < load_of(members[b], choice);
    };
    const auto good = [&](size_t at) {
        return is_usable(members[at]) && !was_tried(choice, at) &&
               !is_passed_over(members[at], choice, random);
    };
    if (good(one) && good(other)) {
        return lighter(other, one) ? other : one;
    }
    // One of the two cannot take it: rare enough to look at all.
    return best_of(members, choice, one, lighter);
}

size_t round_robin(Members members, const Choice& choice, base::Random& random) {
    const size_t start = static_cast<size_t>(choice.turn % members.size());
    for (size_t i = 0; i < members.size(); ++i) {
        const size_t at = (start + i) % members.size();
        if (is_usable(members[at]) && !was_tried(choice, at) &&
            !is_passed_over(members[at], choice, random)) {
            return at;
        }
    }
    return best_of(members, choice, start, [](size_t, size_t) { return false; });
}

}  // namespace

uint64_t stable_hash(std::string_view text) {
    uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a, then mixed: its high bits alone are poor.
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    return mix(hash);
}

uint64_t stable_hash(const AddressBytes& address) {
    return stable_hash({reinterpret_cast<const char*>(address.data()), address.size()});
}

size_t choose_member(Members members, const Choice& choice, base::Random& random) {
    if (members.empty()) {
        return kNobody;
    }
    switch (choice.balance) {
        case model::Balance::kRoundRobin:
            return round_robin(members, choice, random);
        case model::Balance::kHash:
            return best_of(members, choice, 0, [&](size_t a, size_t b) {
                return mix(members[a].identity ^ choice.client) >
                       mix(members[b].identity ^ choice.client);
            });
        case model::Balance::kLeastRequests:
            break;
    }
    return least_requests(members, choice, random);
}

double share_of(const CompiledUpstream::Member& member, Duration slow_start, SteadyTime now) {
    const Duration age = now - member.endpoint->fresh_since();
    if (slow_start <= Duration::zero() || age >= slow_start) {
        return 1;
    }
    const double grown = static_cast<double>(age.count()) / static_cast<double>(slow_start.count());
    return std::max(grown, kSlowStartShareMin);
}

size_t choose_share(std::span<const uint32_t> weights, uint64_t chance) {
    uint64_t total = 0;
    for (const uint32_t weight : weights) {
        total += weight;
    }
    uint64_t left = total == 0 ? 0 : mix(chance) % total;
    for (size_t i = 0; i < weights.size(); ++i) {
        if (left < weights[i]) {
            return i;
        }
        left -= weights[i];
    }
    return 0;
}

bool may_eject(Members members, double share_max) {
    const auto out = std::ranges::count_if(
        members, [](const CompiledUpstream::Member& member) { return member.endpoint->ejected(); });
    return static_cast<double>(out + 1) <= share_max * static_cast<double>(members.size());
}

void LocalUpstream::age(SteadyTime now) {
    if (now - since_ >= kRetryWindow) {
        // Half of the last window still counts, so that the budget does not jump at its end.
        const bool recent = now - since_ < 2 * kRetryWindow;
        requests_ = recent ? requests_ / 2 : 0;
        retries_ = recent ? retries_ / 2 : 0;
        since_ = now;
    }
}

void LocalUpstream::count_request(SteadyTime now) {
    age(now);
    ++requests_;
}

bool LocalUpstream::take_retry(SteadyTime now, double share) {
    age(now);
    const double budget =
        static_cast<double>(kFreeRetries) + share * static_cast<double>(requests_);
    if (static_cast<double>(retries_ + 1) > budget) {
        return false;
    }
    ++retries_;
    return true;
}

}  // namespace shore::gateway
