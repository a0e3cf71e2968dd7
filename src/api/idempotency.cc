#include "api/idempotency.h"

#include "api/limits.h"
#include "base/strings.h"

namespace shore::api {

std::optional<Answered> Idempotency::begin(const Call& call, SteadyTime now) {
    forget_old(now);
    const auto found = kept_.find(call.idempotency_key);
    if (found == kept_.end()) {
        kept_[call.idempotency_key] = {.fingerprint = call.fingerprint, .at = now};
        order_.push_back(call.idempotency_key);
        return std::nullopt;
    }
    const Kept& kept = found->second;
    if (kept.fingerprint != call.fingerprint) {
        return std::unexpected(
            Problem(422, "invalid",
                    fmt::format("Idempotency-Key \"{}\" was used for another request",
                                base::printable(call.idempotency_key))));
    }
    if (!kept.done) {
        return std::unexpected(
            Problem(409, "conflict", "the first request with this Idempotency-Key is under way"));
    }
    Reply reply;
    reply.status = kept.status;
    reply.body = kept.body;
    reply.location = kept.location;
    return reply;
}

void Idempotency::finish(const Call& call, const Reply& reply) {
    const auto found = kept_.find(call.idempotency_key);
    if (found == kept_.end()) {
        return;  // Pushed out by newer keys meanwhile.
    }
    found->second.done = true;
    found->second.status = reply.status;
    found->second.body = reply.body;
    found->second.location = reply.location;
}

void Idempotency::abandon(const Call& call) {
    kept_.erase(call.idempotency_key);
    std::erase(order_, call.idempotency_key);
}

void Idempotency::forget_old(SteadyTime now) {
    while (!order_.empty()) {
        const auto oldest = kept_.find(order_.front());
        if (order_.size() < kIdempotencyKeysMax && now - oldest->second.at < kIdempotencyAgeMax) {
            return;
        }
        kept_.erase(oldest);
        order_.pop_front();
    }
}

}  // namespace shore::api
